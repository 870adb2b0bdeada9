"""Backbone and head as one flat Keras model; saved so that plain Keras loads it, names and all."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

if TYPE_CHECKING:
    import keras

    import zoo
    from cityzoo.outputs import Output

CLASSES = "classes."  # prefix of the layer that carries the class names
PRUNED = "_pruned"  # end of the name of a model that lacks channels of its backbone or head
LOW, FULL = "mixed_bfloat16", "float32"


@dataclass(frozen=True)
class AssembledModel:
    """A model for training, with the backbone that it shares layers with."""

    model: keras.Model  # the whole model
    backbone: keras.Model  # its backbone
    # where its weights come from; None for a backbone that is always trained from scratch
    origin: zoo.Origin | None
    shuffle_state: Any = None  # of Python's `random` after building, a function of the seed


@contextmanager
def dtype_policy(policy: str):
    """Build layers under a dtype policy, and leave Keras' own as it was."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def assemble(
    backbone: str,
    output: Output,
    size_hw: tuple[int, int],
    weights: str = "auto",
    policies: tuple[str, str] = (FULL, FULL),
    name: str = "cityzoo",
    structure: str = "",
) -> AssembledModel:
    """Put a head on a backbone, as one flat functional model of built-in layers.

    Args:
        backbone: a name of `zoo.names()`.
        output: the head and what its outputs mean.
        size_hw: height and width of the input in pixels.
        weights: as `zoo.build` takes them.
        policies: dtype policies of the backbone and of the head.
        name: the model's name.
        structure: changes of the backbone, as `zoo.operate` takes them.

    Raises:
        ValueError: the backbone cannot take that size, those weights or those changes.
    """
    import keras

    import zoo

    with dtype_policy(policies[0]):
        built = zoo.build(backbone, size_hw, weights)
        changed = zoo.operate(built.model, structure) if structure else built.model
    with dtype_policy(policies[1]):
        outputs = label_outputs(output.build_head(changed.output), output.class_names)
        model = keras.Model(changed.inputs[0], outputs, name=name)
    return AssembledModel(model, changed, built.origin)


def label_outputs(outputs: keras.KerasTensor, class_names: Sequence[str]) -> keras.KerasTensor:
    """Return a model's outputs behind a layer that carries the class names, for `class_names` to read."""
    import keras

    # A layer's name survives saving, cloning and saving again by whoever gets the model next; Keras has no
    # other place for words in a functional model of built-in layers, which loads without this package.
    return keras.layers.Identity(dtype=FULL, name=CLASSES + ".".join(map(_escape, class_names)))(outputs)


def _escape(name: str) -> str:
    # TensorFlow's scopes take letters, digits, "_", "." and "-" alone: "." parts the names, "-" escapes.
    plain = quote(name, safe="").replace("-", "%2D").replace(".", "%2E").replace("~", "%7E")
    return plain.replace("%", "-")


def class_names(model: keras.Model) -> tuple[str, ...]:
    """Return the class names that a model carries, in the order of its labels.

    Raises:
        InputError: the model carries none: cityzoo did not make it.
    """
    for layer in model.layers:
        if layer.name.startswith(CLASSES):
            return tuple(unquote(word.replace("-", "%")) for word in layer.name[len(CLASSES) :].split("."))
    raise InputError(f"model '{model.name}' carries no class names: give a model.keras that train.py wrote")


def float32_copy(model: keras.Model) -> keras.Model:
    """Return the same network in float32, to be saved: models trained in bfloat16 must run anywhere.

    The copy has the weights of now, is not compiled and all of it is trainable.
    """
    import keras

    text = (
        json.dumps(model.get_config())
        .replace(LOW, FULL)
        .replace('"synchronized": true', '"synchronized": false')
    )
    config = json.loads(text)
    twin = keras.Model.from_config(config)
    twin.set_weights(model.get_weights())
    for layer in twin.layers:  # the copy was made while something was frozen
        layer.trainable = True
    return twin


def save(model: keras.Model, path: Path) -> None:
    """Write a model file whole or not at all."""
    with replace_file(path) as part:
        model.save(part)


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Load a model that train.py wrote, in Keras' safe mode.

    Raises:
        InputError: no such file, or not a Keras model.
    """
    import keras

    import heads.box_fusion_layer  # noqa: F401 - registers what fused detectors are made of
    import zoo.audio.log_mel
    import zoo.quantization.layers  # noqa: F401 - registers what models fine-tuned for int8 are made of

    path = Path(path)
    if not path.is_file():
        raise InputError(f"'{path}' does not exist: give the model.keras of a run folder")
    try:
        model = keras.saving.load_model(path, compile=False)
        model.file = path  # what lies next to it, such as a tokenizer, belongs to it
        return model
    except Exception as error:  # of a damaged file Keras, HDF5, zip and JSON raise anything
        reason = (" ".join(str(error).split()) or type(error).__name__)[:200]
        raise InputError(
            f"'{path}' is not a model that Keras loads ({reason}): give a model.keras of train.py"
        ) from error


@contextmanager
def lend(path: Path, twin: tuple[keras.Model, Path] | None = None) -> Iterator[keras.Model]:
    """Lend the model of a file: a twin of the same architecture with the file's weights, which gets its own back.

    Building and compiling a network takes seconds, reading its weights a fraction of one.

    Args:
        path: the file.
        twin: a model and the file that it was loaded from; None: the file is loaded.

    Raises:
        InputError: no such file, or not a Keras model.
    """
    if twin is None or _architecture(path) != _architecture(twin[1]):
        yield load(path)
        return
    model, _ = twin
    kept = model.get_weights()
    try:
        try:
            model.load_weights(path)
        except Exception:  # noqa: BLE001 - of a damaged file Keras, HDF5 and zip raise anything
            yield load(path)  # which says what is wrong with it
        else:
            yield model
    finally:
        model.set_weights(kept)


def _architecture(path: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(path) as file:
            return file.read("config.json")
    except Exception:  # noqa: BLE001 - as above; `load` says what is wrong
        return None


def is_fake_quantized(path: Path) -> bool:
    """Return whether a model file computes with fake quantization."""
    return b"FakeQuantize" in (_architecture(path) or b"")


def count_parameters(variables: Sequence[keras.Variable]) -> int:
    """Return how many numbers some weights hold."""
    import math

    return sum(math.prod(variable.shape) for variable in variables)
