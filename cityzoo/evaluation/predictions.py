"""Predictions of a model for each example, computed once and cached in the run folder."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo import __version__
from cityzoo.errors import DAMAGE
from cityzoo.fit.run_files import RunFolder
from cityzoo.replace_file import replace_file
from zoo.pretrained import sha256

if TYPE_CHECKING:
    import keras

    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output

LOG = logging.getLogger(__name__)
FOLDER = "predictions"  # in a run's folder
PLAIN = "value"  # the only column of results that are arrays
RESTORE: dict[str, Callable[[np.ndarray], Any]] = {
    "none": lambda array: None,
    "number": lambda array: array.item(),
    "tuple": lambda array: tuple(array.tolist()),
    "array": lambda array: array,
}


def cached_predictions(
    model_file: Path,
    modality: Modality[Any],
    output: Output,
    truth: Any,
    run: Path,
    model: keras.Model | None = None,
    twin: tuple[keras.Model, Path] | None = None,
) -> list[Any]:
    """Return the results of a saved model for each example, from the cache if nothing about them changed.

    Args:
        model_file: a `model.keras`.
        modality: of the examples.
        output: meaning of the model's outputs.
        truth: the examples; their labels play no part.
        run: folder of the run, with the cache in `predictions/`.
        model: content of the file, if already loaded.
        twin: another model of the run and its file; see `cityzoo.model.lend`.

    Raises:
        InputError: no such model.
    """
    from cityzoo.model import lend

    if model and not model_file.exists():
        return modality.predict(model, truth, output)
    cache = run / FOLDER / f"{_key(model_file, modality, output, truth, model)}.npz"
    if cache.is_file():
        try:
            with np.load(cache, allow_pickle=False) as arrays:
                return unpacked(dict(arrays), output)
        except DAMAGE as error:
            LOG.warning("cached predictions '%s' are damaged (%s): predicting again", cache, error)
    with nullcontext(model) if model else lend(model_file, twin) as lent:
        results = modality.predict(lent, truth, output)
    _save(results, cache)
    return results


def _save(results: Sequence[Any], cache: Path) -> None:
    if RunFolder(cache.parent.parent).is_signed:
        return
    try:
        arrays = packed(results)
        cache.parent.mkdir(exist_ok=True)
        with replace_file(cache) as part:
            np.savez_compressed(part, allow_pickle=False, **arrays)
    except (OSError, TypeError) as error:  # another user's folder, or results of a custom type
        LOG.debug("predictions are not cached: %s", error)


def _key(model_file: Path, modality: Modality[Any], output: Output, truth: Any, model: Any) -> str:
    # Results depend on the output's choices and on its code, which may be a task file that is being edited.
    options = {item.name: getattr(output, item.name) for item in fields(output)}
    choices = {name: value for name, value in options.items() if isinstance(value, str | bool)}
    about = [
        getattr(model, "digest", "") or sha256(model_file),  # of exported files with their runtime
        sha256(inspect.getfile(type(output))),
        __version__,
        output.class_names,
        choices,
        modality.identify(truth),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]


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
            raise TypeError(f"results have a field '{name}' that is not numeric")
        ranks = np.full((len(arrays), 1 + max(array.ndim for array in arrays)), -1)
        for row, array in zip(ranks, arrays, strict=True):
            row[0], row[1 : 1 + array.ndim] = array.ndim, array.shape
        columns[f"{name}.values"] = np.concatenate([array.ravel() for array in arrays])
        columns[f"{name}.shapes"] = ranks
        columns[f"{name}.how"] = np.array(hows)
    return columns


def unpacked(columns: dict[str, np.ndarray], output: Output) -> list[Any]:
    """Return what `packed` was given, for an output that names the type of its results."""
    names = [name.removesuffix(".how") for name in columns if name.endswith(".how")]
    rows = zip(*(_values(columns, name) for name in names), strict=True)
    if output.result_type is None:
        return [value for (value,) in rows]
    return [output.result_type(**dict(zip(names, row, strict=True))) for row in rows]


def _values(columns: dict[str, np.ndarray], name: str) -> list[Any]:
    flat, place, values = columns[f"{name}.values"], 0, []
    for (rank, *sides), how in zip(columns[f"{name}.shapes"], columns[f"{name}.how"], strict=True):
        shape = sides[:rank]
        size = int(np.prod(shape))
        values.append(RESTORE[how](flat[place : place + size].reshape(shape)))
        place += size
    return values


def _names(result: Any) -> tuple[str, ...]:
    if isinstance(result, np.ndarray):
        return (PLAIN,)
    if is_dataclass(result):
        return tuple(item.name for item in fields(result))
    if hasattr(result, "_fields"):
        return result._fields
    raise TypeError(f"results of type {type(result).__name__} cannot be cached")


def _how(value: Any) -> str:
    if value is None:
        return "none"
    return {tuple: "tuple", np.ndarray: "array"}.get(type(value), "number")
