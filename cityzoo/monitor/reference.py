"""What a model saw and answered at evaluation, in `reference.json` of its run and its exported folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from cityzoo.errors import DAMAGE, InputError
from cityzoo.monitor.drift import CONFIDENCE, FEWEST, WINDOW, DriftWindow, Histogram, Values
from cityzoo.replace_file import replace_file

NAME = "reference.json"
SCHEMA = 1
LEVELS = (
    0.005,
    *np.linspace(0.1, 0.9, 9),
    0.995,
)  # quantiles between bins; the outer bins are for what is new
LEAST_LIMIT = 0.2
MARGIN = 1.25  # over the largest divergence within the reference itself
MOST_SCORES = 20  # classes, the most frequent ones, with a histogram of scores


@dataclass(frozen=True)
class Reference:
    """Histograms of signals, see `cityzoo.monitor.drift.read_signals`.

    Attributes:
        signals: by name.
        limits: by signal, the divergence from which on it counts as drift.
        class_names: of the model.
        score: detections below it are not counted.
        confidence: mean of the highest score in each example; 0: unknown.
        examples: number of examples.
        split: that they are from.
    """

    signals: dict[str, Histogram]
    limits: dict[str, float]
    class_names: tuple[str, ...] = ()
    score: float = 0.0
    confidence: float = 0.0
    examples: int = 0
    split: str = ""
    schema: int = field(default=SCHEMA)

    def write(self, folder: Path) -> None:
        """Write `reference.json`."""
        with replace_file(folder / NAME) as part:
            part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def make_reference(
    rows: Sequence[Values], class_names: Sequence[str] = (), score: float = 0.0, split: str = ""
) -> Reference:
    """Return the reference of examples, in the order in which they were recorded if that is known.

    Bins are tenths of the values, and what lies outside of 99 % of them. A limit is 1.25 times the largest divergence
    of consecutive examples, as many as a window holds, from all: data of several cameras or hours get higher limits.
    Signals with too few values are left out.

    Example:
        >>> found = make_reference([{"blur": [float(i)]} for i in (3, 1, 4, 1, 5, 9, 2, 6)] * 10)
        >>> len(found.signals["blur"].counts), found.limits
        (10, {'blur': 0.2})
    """
    names = sorted({name for row in rows for name in row})
    values = {name: np.array([v for row in rows for v in row.get(name, ())], np.float64) for name in names}
    scores = sorted((n for n in names if n.startswith("score:")), key=lambda name: -len(values[name]))
    signals = {
        name: _histogram(array, whole=name in ("class", "detections"))
        for name, array in values.items()
        if min(len(array), len(rows)) >= FEWEST and name not in scores[MOST_SCORES:]
    }
    confidence = values.get(CONFIDENCE, np.array([]))
    mean = float(confidence.mean()) if len(confidence) else 0.0
    return Reference(
        *(signals, _limits(rows, signals), tuple(class_names), float(score), mean, len(rows), split)
    )


def _histogram(values: np.ndarray, whole: bool) -> Histogram:
    above_all = np.nextafter(values.max(), np.inf)
    edges = np.unique([*np.quantile(values, LEVELS), above_all])
    if whole:  # numbers of classes and counts: bins of their own while they are few
        numbers = np.unique(values)
        edges = (numbers if len(numbers) <= len(LEVELS) else np.unique(np.floor(edges))) + 0.5
        edges = np.concatenate([[numbers[0] - 0.5], edges])
    counts = np.bincount(np.searchsorted(edges, values, "right"), minlength=len(edges) + 1)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def _limits(rows: Sequence[Values], signals: dict[str, Histogram]) -> dict[str, float]:
    size = max(1, min(WINDOW, len(rows) // 3))
    worst = dict.fromkeys(signals, 0.0)
    for start in range(0, len(rows) - size + 1, size):
        window = DriftWindow(signals, size)
        for row in rows[start : start + size]:
            window.add(row)
        worst |= {name: max(worst[name], found) for name, found in window.scores().items()}
    return {name: round(min(0.95, max(LEAST_LIMIT, MARGIN * found)), 4) for name, found in worst.items()}


def read_reference(folder: Path) -> Reference | None:
    """Return the reference of a folder, None if it has none.

    Raises:
        InputError: it is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        signals = {
            name: Histogram(tuple(map(float, edges)), tuple(map(int, counts)))
            for name, (edges, counts) in found.pop("signals").items()
        }
        return Reference(signals, **{**found, "class_names": tuple(found["class_names"])})
    except DAMAGE as error:
        raise InputError(f"'{path}' is damaged ({error}): export the run again or remove the file") from error
