"""The lines of a chart: which numbers of a report they go through, and how a reader tells them apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cityzoo.metrics.keys import look_up
from cityzoo.report.layout import Chart

# Of Okabe & Ito's colours those that stand out on white by 3 : 1 or more; the dashes of the second and third round
# tell them apart without any colour.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("solid", "dashed", "dotted")
MOST_LINES = len(COLOURS) * len(DASHES)
NAMELESS = ("", "all")  # of a line that needs no entry in the legend
OVERALL = ("all classes", "mean")  # lines that sum the others up: drawn dark and never left out
INK = "#1c2430"
MARKER = 4  # pixels
Numbers = Sequence["float | None"] | None


class Entry(NamedTuple):
    """Hold a line of a chart's legend: what it is called, its colour and its dashes."""

    name: str
    colour: str
    dashes: str


class Line(NamedTuple):
    """Hold a line to draw: its entry in the legend, its points, all finite, and how large they are, pixels."""

    entry: Entry
    x: list[float]
    y: list[float]
    sizes: list[float]


def lines_of(chart: Chart, report: Mapping[str, Any]) -> tuple[list[Line], tuple[str, ...]]:
    """Return the lines that a chart draws, and the names of those beyond the twelve that a reader can tell apart.

    Example:
        >>> chart = Chart("", "curves", "recall", "precision", "", "", style="points")
        >>> curves = {"car": {"recall": [0, None, 1], "precision": [1, 0.5, 0]}}
        >>> lines, left_out = lines_of(chart, {"curves": curves})
        >>> lines[0].entry.name, lines[0].x, lines[0].y, left_out
        ('car', [0.0, 1.0], [1.0, 0.0], ())
    """
    found = look_up(report, chart.key)
    if not isinstance(found, Mapping):
        return [], ()
    shared = look_up(report, chart.x[1:]) if chart.x.startswith("/") else None
    rows = {"": found} if isinstance(found.get(chart.y), Sequence) else found
    points = {
        name: _points(shared or row.get(chart.x), row.get(chart.y), row.get(chart.size))
        for name, row in rows.items()
        if isinstance(row, Mapping)
    }
    least = 1 if chart.style == "points" else 2
    points = {name: pairs for name, pairs in points.items() if len(pairs) >= least}
    others = [name for name in points if name not in OVERALL]
    overall = [name for name in points if name in OVERALL]
    kept = others[: MOST_LINES - len(overall)]
    entries = [_entry(name, number) for number, name in enumerate(kept)]
    entries += [Entry(name, INK, "solid") for name in overall]
    lines = [Line(entry, *map(list, zip(*points[entry.name], strict=True))) for entry in entries]
    return lines, tuple(others[len(kept) :])


def _points(xs: Numbers, ys: Numbers, weights: Numbers) -> list[tuple[float, float, float]]:
    """Return x, y and size of the points that are known; the area of a marker grows with its weight."""
    weights = [weight or 0 for weight in weights or ()]
    sizes = [MARKER * (0.6 + 2 * math.sqrt(weight / max(weights))) for weight in weights if max(weights)]
    points = zip(xs or (), ys or (), sizes or [MARKER] * len(ys or ()), strict=False)
    known = [tuple(map(float, point)) for point in points if None not in point]
    return [point for point in known if all(map(math.isfinite, point))]


def _entry(name: str, number: int) -> Entry:
    return Entry(name, COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)])
