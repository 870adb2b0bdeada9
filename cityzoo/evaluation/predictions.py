"""What a model said of each image, computed once and kept, so that every part of a report stands on the same."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.pretrained import sha256

if TYPE_CHECKING:
    import keras

    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
FOLDER = "predictions"  # in a run's folder
PLAIN = "value"  # the only column of results that are arrays


def cached_predictions(
    model_file: Path,
    modality: Modality[Any],
    output: Output,
    truth: Any,
    run: Path,
    model: keras.Model | None = None,
) -> list[Any]:
    """Return the results of a saved model for each image, from the run's kept ones where they are the same.

    Args:
        model_file: a `model.keras`.
        modality: of the examples.
        output: what its outputs mean.
        truth: the images; their labels play no part.
        run: folder of the run, which keeps the results in `predictions/`.
        model: what the file holds, if it is loaded already; else it is, where it has to look at the images.

    Raises:
        InputError: no such model.
    """
    from cityzoo.model import load

    kept = run / FOLDER / f"{_key(model_file, modality, output, truth)}.npz" if model_file.is_file() else None
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            return unpacked(dict(arrays), output)
    results = modality.predict(model or load(model_file), truth, output)
    if kept is not None:
        _keep(results, kept)
    return results


def _keep(results: Sequence[Any], kept: Path) -> None:
    part = kept.with_name(f".{os.getpid()}.{kept.name}")
    try:
        arrays = packed(results)
        kept.parent.mkdir(exist_ok=True)
        try:
            np.savez_compressed(part, **arrays)
            os.replace(part, kept)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, TypeError) as error:  # a folder of somebody else's, or results of a task's own type
        LOG.debug("predictions are not kept: %s", error)


def _key(model_file: Path, modality: Modality[Any], output: Output, truth: Any) -> str:
    # The choices among an output's options, and its code, as of a task file that is being written, change results.
    choices = {
        item.name: value
        for item in fields(output)
        if isinstance(value := getattr(output, item.name), str | bool)
    }
    about = [
        sha256(model_file),
        sha256(inspect.getfile(type(output))),
        _version(),
        output.class_names,
        choices,
        modality.identify(truth),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]


def _version() -> str:
    try:
        return importlib.metadata.version("cityzoo")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        return ""


def packed(results: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return results as plain arrays: for each column its values one after the other, and the shape of each.

    Args:
        results: arrays, or dataclasses or named tuples of arrays, numbers, tuples of numbers and None.

    Raises:
        TypeError: results of other types.

    Example:
        >>> sorted(packed([np.array([0.1, 0.9]), np.array([0.5, 0.5])]))
        ['value.how', 'value.shapes', 'value.values']
    """
    columns: dict[str, np.ndarray] = {}
    for name in _names(results[0]) if results else ():
        values = [each if name == PLAIN else getattr(each, name) for each in results]
        hows = [_how(value) for value in values]
        known = next((np.asarray(v).dtype for v in values if v is not None), np.float64)
        arrays = [np.zeros(0, known) if v is None else np.asarray(v) for v in values]
        if any(array.dtype.kind not in "fiub" for array in arrays):
            raise TypeError(f"results have a field '{name}' that is no number")
        ranks = np.full((len(arrays), 1 + max(array.ndim for array in arrays)), -1)
        for row, array in zip(ranks, arrays, strict=True):
            row[0], row[1 : 1 + array.ndim] = array.ndim, array.shape
        columns[f"{name}.values"] = np.concatenate([array.ravel() for array in arrays])
        columns[f"{name}.shapes"] = ranks
        columns[f"{name}.how"] = np.array(hows)
    return columns


def unpacked(columns: dict[str, np.ndarray], output: Output) -> list[Any]:
    """Return what `packed` was given, for a kind that says of what type its results are."""
    names = [name.removesuffix(".how") for name in columns if name.endswith(".how")]
    rows = [
        dict(zip(names, row, strict=True)) for row in zip(*(_values(columns, n) for n in names), strict=True)
    ]
    return [row[PLAIN] if output.result_type is None else output.result_type(**row) for row in rows]


def _values(columns: dict[str, np.ndarray], name: str) -> list[Any]:
    flat, place, values = columns[f"{name}.values"], 0, []
    for (rank, *sides), how in zip(columns[f"{name}.shapes"], columns[f"{name}.how"], strict=True):
        shape = tuple(int(side) for side in sides[:rank])
        size = int(np.prod(shape))
        array = flat[place : place + size].reshape(shape)
        place += size
        values.append(
            {"none": lambda a: None, "number": np.ndarray.item, "tuple": _as_tuple}.get(how, _same)(array)
        )
    return values


def _same(array: np.ndarray) -> np.ndarray:
    return array


def _as_tuple(array: np.ndarray) -> tuple[Any, ...]:
    return tuple(array.tolist())


def _names(result: Any) -> tuple[str, ...]:
    if isinstance(result, np.ndarray):
        return (PLAIN,)
    if is_dataclass(result):
        return tuple(item.name for item in fields(result))
    if hasattr(result, "_fields"):
        return result._fields
    raise TypeError(f"results of type {type(result).__name__} are not kept")


def _how(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "tuple"
    return "array" if isinstance(value, np.ndarray) else "number"
