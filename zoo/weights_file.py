"""Read one file of weights into a network, by what the file holds and not by what it is called."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import h5py
    import keras

Shapes = dict[str, tuple[int, ...]]


def load_file(model: keras.Model, path: Path, name: str, make_with_top: Callable[[], keras.Model]) -> None:
    """Load weights into a backbone's network, all of them or none.

    Args:
        model: the network without its classifier.
        path: a Keras 3 `.weights.h5`, a legacy `.h5`, with or without the classifier, or a `.keras` model
            that holds the backbone's layers.
        name: the backbone's name, for messages.
        make_with_top: builds the same network with its classifier; called where the file has one.

    Raises:
        ValueError: the file cannot be read, or belongs to another architecture (first difference named).
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
    # Layers come in graph order, so that the classifier's weights are the last ones.
    model.set_weights(twin.get_weights()[: len(model.weights)])
    return None


def _read_shapes(path: Path) -> tuple[str, Shapes]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if "layer_names" in file.attrs or "model_weights" in file:
                return "legacy", _legacy_shapes(file)
            return "keras3", _keras3_shapes(file)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"weights file '{path}' cannot be read ({error}): it is no HDF5 file or was cut short; delete it "
            "and fetch it again"
        ) from error


def _keras3_shapes(file: h5py.File) -> Shapes:
    shapes: Shapes = {}

    def note(key: str, item: h5py.Dataset) -> None:
        if hasattr(item, "shape") and key.startswith("layers/") and "seed_generator" not in key:
            shapes[key] = tuple(item.shape)

    file.visititems(note)
    return shapes


def _legacy_shapes(file: h5py.File) -> Shapes:
    group = file if "layer_names" in file.attrs else file["model_weights"]
    shapes: Shapes = {}
    for layer in group.attrs["layer_names"]:
        for weight in group[layer].attrs["weight_names"]:
            shapes[_text(weight)] = tuple(group[layer][weight].shape)
    return shapes


def _load_whole(model: keras.Model, path: Path, kind: str, in_file: Shapes, name: str) -> None:
    # Keras chooses its reader by the file's name alone: give the content the name that it needs.
    suffix = ".weights.h5" if kind == "keras3" else ".h5"
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"named{suffix}"
        _link(path.resolve(), link)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # Keras only warns of some layers that it leaves unloaded
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
    # Keras itself says under which keys it would look: far steadier than rebuilding its naming here.
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wanted.weights.h5"
        model.save_weights(path)
        with h5py.File(path, "r") as file:
            return _keras3_shapes(file)


def _wanted_legacy(model: keras.Model, in_file: Shapes) -> Shapes:
    # Legacy files are read by position: what is wanted goes under the file's own keys.
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
            f"weights file '{path}' is no model that can be loaded: {' '.join(str(error).split())}"
        ) from error
    given = {layer.name: layer for layer in donor.layers}
    for layer in model.layers:
        wanted = [tuple(weight.shape) for weight in layer.weights]
        got = [tuple(weight.shape) for weight in given[layer.name].weights] if layer.name in given else []
        if wanted != got:
            raise ValueError(
                f"weights file '{path}' is not of {name}: at {layer.name} the file has {got or 'nothing'}, "
                f"{name} expects {wanted}; give a file of {name}"
            )
    for layer in model.layers:
        layer.set_weights(given[layer.name].get_weights() if layer.weights else [])


def _link(source: Path, target: Path) -> None:
    try:
        os.symlink(source, target)
    except OSError:  # Windows without the right to make links
        shutil.copyfile(source, target)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
