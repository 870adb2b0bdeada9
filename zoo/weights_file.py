"""Load a weights file into a network, by its content and not by its name."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py
    import keras

Shapes = dict[str, tuple[int, ...]]
Key = tuple[str, int]


def load_file(model: keras.Model, path: Path, name: str, make_with_top: Callable[[], keras.Model]) -> None:
    """Load weights into a backbone's network, all or none.

    Args:
        model: the network without its classifier.
        path: a Keras 3 `.weights.h5`, a legacy `.h5`, with or without the classifier, or a `.keras` model
            that contains the backbone's layers.
        name: the backbone's name, for messages.
        make_with_top: builds the same network with its classifier; called if the file has one.

    Raises:
        ValueError: unreadable file, or another architecture (with the first difference).
    """
    if zipfile.is_zipfile(path):
        return _load_keras_model(model, path, name)
    kind, in_file = _read_shapes(path)
    if len(in_file) == len(model.weights):
        return _load_whole(model, path, kind, in_file, name)
    twin = make_with_top()
    if len(in_file) != len(twin.weights):
        raise _difference(model, path, kind, in_file, name)
    _load_whole(twin, path, kind, in_file, name)
    return _copy_layers(_twin_layers(twin, model), model, path, name)


def _read_shapes(path: Path) -> tuple[str, Shapes]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if "model_weights" in file or {"layer_names", "layer_names0"} & set(file.attrs):
                return "legacy", _legacy_shapes(file)
            return "keras3", _keras3_shapes(file)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"weights file '{path}' cannot be read ({error}): not an HDF5 file, or truncated; delete it "
            "and download it again"
        ) from error


def _keras3_shapes(file: h5py.File) -> Shapes:
    shapes: Shapes = {}

    def note(key: str, item: h5py.Dataset) -> None:
        if hasattr(item, "shape") and key.startswith("layers/") and "seed_generator" not in key:
            shapes[key] = tuple(item.shape)

    file.visititems(note)
    return shapes


def _legacy_shapes(file: h5py.File) -> Shapes:
    group = file.get("model_weights", file)
    shapes: Shapes = {}
    for layer in _texts(group, "layer_names"):
        for weight in _texts(group[layer], "weight_names"):
            shapes[f"{layer}/{weight}"] = tuple(group[layer][weight].shape)
    return shapes


def _texts(group: h5py.Group, attribute: str) -> list[str]:
    # Lists beyond HDF5's limit for an attribute are saved in pieces: layer_names0, layer_names1, ...
    numbered = itertools.takewhile(group.attrs.__contains__, (f"{attribute}{n}" for n in itertools.count()))
    pieces = [attribute] if attribute in group.attrs else list(numbered)
    values = [value for piece in pieces for value in group.attrs[piece]]
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _load_whole(model: keras.Model, path: Path, kind: str, in_file: Shapes, name: str) -> None:
    # Keras chooses its reader by the file's name: link the content to a suitable name.
    suffix = ".weights.h5" if kind == "keras3" else ".h5"
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"named{suffix}"
        _link(path.resolve(), link)
        try:
            with warnings.catch_warnings():
                # Keras only warns about some layers that it does not load.
                warnings.simplefilter("error", UserWarning)
                model.load_weights(link)
        except (ValueError, KeyError, UserWarning) as error:
            raise _difference(model, path, kind, in_file, name) from error


def _difference(model: keras.Model, path: Path, kind: str, in_file: Shapes, name: str) -> ValueError:
    wanted = _wanted_keras3(model) if kind == "keras3" else _wanted_legacy(model, in_file)
    shapes = [(key, in_file.get(key), shape) for key, shape in wanted.items() if in_file.get(key) != shape]
    extra = [(key, shape, None) for key, shape in in_file.items() if key not in wanted]
    key, got, expected = (shapes or extra or [("?", None, None)])[0]
    return ValueError(
        f"weights file '{path}' is not of {name}: at {key} the file has {got or 'nothing'}, {name} expects "
        f"{expected or 'nothing'}; give a file of {name}, or the --backbone that it belongs to"
    )


def _wanted_keras3(model: keras.Model) -> Shapes:
    # Let Keras write the keys that it would look for, which is more robust than rebuilding its naming here.
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wanted.weights.h5"
        model.save_weights(path)
        with h5py.File(path, "r") as file:
            return _keras3_shapes(file)


def _wanted_legacy(model: keras.Model, in_file: Shapes) -> Shapes:
    # Legacy files are read by position: use the file's keys.
    names = [*in_file, *(weight.path for weight in model.weights[len(in_file) :])]
    shapes = []
    for layer in model.layers:
        ordered = [*layer.trainable_weights, *layer.non_trainable_weights]
        shapes += [tuple(weight.shape) for weight in ordered]
    return dict(zip(names, shapes, strict=False))


def _load_keras_model(model: keras.Model, path: Path, name: str) -> None:
    import keras

    try:
        donor = keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise ValueError(
            f"weights file '{path}' cannot be loaded as a model: {' '.join(str(error).split())}"
        ) from error
    _copy_layers(_by_key(donor), model, path, name)


def _copy_layers(given: dict[Key, keras.Layer], model: keras.Model, path: Path, name: str) -> None:
    for key, layer in _by_key(model).items():
        wanted = [tuple(weight.shape) for weight in layer.weights]
        got = [tuple(weight.shape) for weight in given[key].weights] if key in given else []
        if wanted != got:
            raise ValueError(
                f"weights file '{path}' is not of {name}: at {layer.name} the file has {got or 'nothing'}, "
                f"{name} expects {wanted}; give a file of {name}"
            )
    for key, layer in _by_key(model).items():
        layer.set_weights(given[key].get_weights())


def _twin_layers(twin: keras.Model, model: keras.Model) -> dict[Key, keras.Layer]:
    """Return the layers of the network with classifier by the keys of the one without.

    ConvNeXt's last LayerNormalization has another name if there is a classifier.
    """
    given, wanted = _by_key(twin), _by_key(model)
    for key in wanted.keys() - given.keys():
        spare = [layer for other, layer in given.items() if other not in wanted]
        alike = [layer for layer in spare if type(layer) is type(wanted[key])]
        if alike:
            given[key] = alike[-1]
    return given


def _by_key(model: keras.Model) -> dict[Key, keras.Layer]:
    """Return (name, rank) -> layer with weights; unnamed layers are ranked by order of creation.

    Keras numbers unnamed layers per process (conv2d, conv2d_1, ...): only their order identifies them, and a backbone's
    layers are created before those of the neck and the head.
    """
    numbered = []
    for layer in model.layers:
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        base = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
        number = re.fullmatch(base + r"(?:_(\d+))?", layer.name)
        if layer.weights:
            numbered.append((base if number else layer.name, int(number[1] or 0) if number else 0, layer))
    found: dict[Key, keras.Layer] = {}
    ranks: Counter[str] = Counter()
    for name, _, layer in sorted(numbered, key=lambda entry: entry[:2]):
        found[name, ranks[name]] = layer
        ranks[name] += 1
    return found


def _link(source: Path, target: Path) -> None:
    try:
        os.symlink(source, target)
    except OSError:  # Windows without the right to make links
        shutil.copyfile(source, target)


def save_file(backbone: keras.Model, network: keras.Model, path: Path) -> None:
    """Write the weights of a backbone as a file that `load_file` takes.

    Args:
        backbone: layers to save, some of which may lack in it: those behind its last level.
        network: a fresh network of the same name, whole; it takes the weights over.
        path: ends with .weights.h5.
    """
    found = _by_key(backbone)
    for key, layer in _by_key(network).items():
        if key in found:
            layer.set_weights(found[key].get_weights())
    network.save_weights(path)
