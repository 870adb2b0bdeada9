"""Errors of counts: in total and per interval, by direction and class, and crossing by crossing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cityzoo.watch.evaluate.truth import Passage
from cityzoo.watch.tracking.assignment import match_pairs

TOLERANCE = 1.0  # seconds between a counted crossing and the true one
HOUR = 3600.0


def match_passages(
    counted: Sequence[Passage], true: Sequence[Passage], tolerance: float = TOLERANCE
) -> list[tuple[Passage, Passage]]:
    """Return pairs of counted and true crossings of the same line in the same direction at about the same time.

    Example:
        >>> near = Passage(1.4, "north", "forward")
        >>> len(match_passages([near], [Passage(1.0, "north", "forward")]))
        1
        >>> match_passages([near], [Passage(1.0, "north", "back"), Passage(2.5, "north", "forward")])
        []
    """
    pairs = []
    for group in sorted({(item.line, item.direction) for item in true}):
        mine, theirs = ([p for p in items if (p.line, p.direction) == group] for items in (counted, true))
        if mine and theirs:
            apart = np.abs(np.subtract.outer([p.seconds for p in mine], [p.seconds for p in theirs]))
            found = match_pairs(1 + tolerance - apart, 1.0)
            pairs += [(mine[row], theirs[column]) for row, column in found.tolist()]
    return pairs


def compute_geh(counted: float, true: float) -> float:
    """Return the GEH statistic of two hourly flows: traffic engineers accept values below 5.

    Example:
        >>> round(compute_geh(1100, 1000), 2)
        3.09
    """
    return math.sqrt(2 * (counted - true) ** 2 / (counted + true)) if counted + true else 0.0


def compare_totals(counted: Iterable[Passage], true: Iterable[Passage], seconds: float) -> dict[str, Any]:
    """Return the numbers of crossings, their error, and GEH of the flows per hour."""
    here, there = len(list(counted)), len(list(true))
    per_hour = HOUR / seconds
    return {
        "counted": here,
        "true": there,
        "error": here - there,
        "relative": (here - there) / there if there else None,
        "geh": compute_geh(here * per_hour, there * per_hour),
    }


def compare_intervals(
    counted: Sequence[Passage], true: Sequence[Passage], seconds: float, interval: float
) -> list[dict[str, Any]]:
    """Return the counts of each interval and their errors; totals hide errors that cancel, intervals do not.

    Example:
        >>> passages = [Passage(t, "north", "forward") for t in (5.0, 70.0)]
        >>> rows = compare_intervals(passages, passages[:1], 120.0, 60.0)
        >>> [(row["start"], row["counted"], row["true"], row["error"]) for row in rows]
        [(0.0, 1, 1, 0), (60.0, 1, 0, 1)]
    """
    rows = []
    for number in range(math.ceil(seconds / interval - 1e-9)):
        start, end = number * interval, min((number + 1) * interval, seconds)
        last = end if end < seconds else math.inf
        here, there = ([p for p in items if start <= p.seconds < last] for items in (counted, true))
        rows.append({"start": start, "end": end} | compare_totals(here, there, end - start))
    return rows


def worst_interval(rows: Sequence[dict[str, Any]]) -> float | None:
    """Return the largest absolute relative error of the intervals with traffic."""
    return max((abs(row["relative"]) for row in rows if row["relative"] is not None), default=None)


def compare_crossings(
    counted: Sequence[Passage], true: Sequence[Passage], tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """Return how many counted crossings are true (precision) and how many true ones are counted (recall)."""
    pairs = match_passages(counted, true, tolerance)
    late = [here.seconds - there.seconds for here, there in pairs]
    labeled = [here.label == there.label for here, there in pairs if there.label]
    return {
        "tolerance_seconds": tolerance,
        "matched": len(pairs),
        "missed": len(true) - len(pairs),
        "extra": len(counted) - len(pairs),
        "precision": len(pairs) / len(counted) if counted else None,
        "recall": len(pairs) / len(true) if true else None,
        "median_delay_seconds": float(np.median(late)) if late else None,
        "class_accuracy": sum(labeled) / len(labeled) if labeled else None,
    }


def compare_classes(counted: Sequence[Passage], true: Sequence[Passage]) -> dict[str, dict[str, Any]]:
    """Return the counts per class and their error."""
    here, there = Counter(p.label for p in counted), Counter(p.label for p in true)
    return {
        name or "unknown": {
            "counted": here[name],
            "true": there[name],
            "error": here[name] - there[name],
            "relative": (here[name] - there[name]) / there[name] if there[name] else None,
        }
        for name in sorted(here | there)
    }


def compare_directions(
    counted: Sequence[Passage], true: Sequence[Passage], seconds: float, names: dict[tuple[str, str], str]
) -> dict[str, dict[str, Any]]:
    """Return the totals by line and direction.

    Args:
        counted: crossings.
        true: crossings.
        seconds: of the watch.
        names: what to call a direction of a line, e.g. "road: far to near".
    """
    return {
        name: compare_totals(
            [p for p in counted if (p.line, p.direction) == key],
            [p for p in true if (p.line, p.direction) == key],
            seconds,
        )
        for key, name in names.items()
    }
