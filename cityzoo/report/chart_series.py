"""Lines of a chart: their points from the report, colors and dashes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cityzoo.metrics.keys import look_up
from cityzoo.report.layout import Chart

# Okabe & Ito's colors with a contrast of 3 : 1 or more on white; dashes distinguish the next rounds.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("solid", "dashed", "dotted")
MOST_LINES = len(COLORS) * len(DASHES)
NAMELESS = ("", "all")  # lines without an entry in the legend
OVERALL = ("all classes", "mean", "model")  # main lines: dark and never left out
INK = "#1c2430"
MARKER = 4  # pixels
Numbers = Sequence["float | None"] | None


class Entry(NamedTuple):
    """Name, color and dashes of a line in the legend."""

    name: str
    color: str
    dashes: str


class Line(NamedTuple):
    """A line to draw: entry in the legend, finite points and their sizes in pixels."""

    entry: Entry
    x: list[float]
    y: list[float]
    sizes: list[float]


def chart_lines(chart: Chart, report: Mapping[str, Any]) -> tuple[list[Line], tuple[str, ...]]:
    """Return the lines of a chart, at most twelve, and the names of the others."""
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


def _points(xs: Numbers, ys: Numbers, weights: Numbers) -> list[tuple[float, ...]]:
    """Return x, y and size of the known points; the area of a marker grows with its weight."""
    areas = [weight or 0.0 for weight in weights or ()]
    sizes = [MARKER * (0.6 + 2 * math.sqrt(area / max(areas))) for area in areas if max(areas)]
    points = zip(xs or (), ys or (), sizes or [MARKER] * len(ys or ()), strict=False)
    known = [(float(x), float(y), float(size)) for x, y, size in points if x is not None and y is not None]
    return [point for point in known if all(map(math.isfinite, point))]


def _entry(name: str, number: int) -> Entry:
    return Entry(name, COLORS[number % len(COLORS)], DASHES[number // len(COLORS) % len(DASHES)])
