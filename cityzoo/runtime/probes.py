"""A dozen held-out examples with their answers, by which a file is checked again wherever it is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import DAMAGE, InputError
from cityzoo.runtime.base_model import RuntimeModel

NAME, COUNT = "probes.npz", 12
ROWS = 4  # at a time, since a server has little memory
INPUT, ANSWER, SOURCES = "input.", "answer.", "sources"
GROWTH, LEAST = (
    1.5,
    1e-4,
)  # of the mean difference, and the share of an output's range below which it is noise
UNORDERED = ("boxes", "classes")  # after NMS rows with nearly equal scores change places


def write(
    folder: Path,
    inputs: Any,
    answer: Callable[[Any], Mapping[str, Any]],
    sources: np.ndarray | None = None,
) -> None:
    """Write examples with the answers that a file should give.

    Args:
        folder: of the exported file.
        inputs: an array (N, ...) or a dict of them.
        answer: the float Keras model with named outputs.
        sources: (N,) str, what clients send for them; None: the inputs.
    """
    given = inputs if isinstance(inputs, Mapping) else {"": inputs}
    answers = {name: np.asarray(array) for name, array in answer(inputs).items()}
    columns = {f"{INPUT}{name}": _compact(array) for name, array in given.items()}
    columns |= {f"{ANSWER}{name}": array for name, array in answers.items()}
    columns |= {} if sources is None else {SOURCES: sources}
    np.savez_compressed(folder / NAME, allow_pickle=False, **columns)


def _compact(array: np.ndarray) -> np.ndarray:
    bytes_ = array.astype(np.uint8) if array.dtype == np.float32 and array.min() >= 0 else array
    return bytes_ if np.array_equal(bytes_, array) else array


def differences(file: RuntimeModel, folder: Path) -> dict[str, dict[str, float]]:
    """Return how far a file's answers are from those of the Keras model: output -> mean, largest, range.

    Raises:
        InputError: no probes.
    """
    columns = _read(folder)
    given = {n.removeprefix(INPUT): array for n, array in columns.items() if n.startswith(INPUT)}
    count = len(next(iter(given.values())))
    parts = [
        file.named_outputs({name or file.inputs[0].name: a[i : i + ROWS] for name, a in given.items()})
        for i in range(0, count, ROWS)
    ]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    after_nms = "num_detections" in found
    return {
        name: _difference(array, columns[f"{ANSWER}{name}"])
        for name, array in found.items()
        if f"{ANSWER}{name}" in columns and not (after_nms and name in UNORDERED)
    }


def read_sources(folder: Path) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return what clients send for the examples, and the only input for it; None where that is the same."""
    columns = _read(folder)
    given = [array for name, array in columns.items() if name.startswith(INPUT)]
    return columns.get(SOURCES), given[0] if len(given) == 1 else None


def _read(folder: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(folder / NAME, allow_pickle=False) as arrays:
            return dict(arrays)
    except DAMAGE as error:
        raise InputError(f"'{folder / NAME}' cannot be read ({error}): export the run again") from error


def _difference(found: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    apart = np.abs(found.astype(np.float64) - wanted)
    return {"mean": float(apart.mean()), "largest": float(apart.max()), "range": float(np.ptp(wanted))}


def failures(now: Mapping[str, Mapping[str, float]], then: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return a line for each output that is further from the Keras model than when the file was exported.

    Example:
        >>> then = {"scores": {"mean": 0.001, "largest": 0.01, "range": 1.0}}
        >>> failures({"scores": {"mean": 0.0012, "largest": 0.02, "range": 1.0}}, then)
        []
        >>> failures({"scores": {"mean": 0.01, "largest": 0.02, "range": 1.0}}, then)
        ['scores: mean difference 0.01, when it was exported 0.001']
    """
    return [
        f"{name}: mean difference {now[name]['mean']:.3g}, when it was exported {row['mean']:.3g}"
        for name, row in then.items()
        if not now[name]["mean"] <= max(GROWTH * row["mean"], LEAST * row["range"])
    ]
