"""The learning curve of a run as an SVG to put into a page."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from pathlib import Path

NAME_STEP = 9  # points between the names of two lines
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


def read_history(file: str | Path, columns: Iterable[str]) -> dict[str, list[float]]:
    """Return figures of each epoch from a run's `history.csv`; NaN where an epoch has none.

    Example:
        >>> read_history("no/such/history.csv", ["val_AP"])
        {}
    """
    if not Path(file).is_file():
        return {}
    with open(file, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    history = {name: [_number(row.get(name)) for row in rows] for name in columns}
    return {name: values for name, values in history.items() if not all(map(math.isnan, values))}


def curve_svg(history: Mapping[str, Sequence[float]], names: Mapping[str, str]) -> str:
    """Return figures over the epochs as SVG that takes its page's font and width.

    Args:
        history: columns of figures, one an epoch; NaN leaves a gap.
        names: what the line of a column is called.

    Returns:
        An `<svg>` element without any outside reference; "" for less than two epochs.

    Example:
        >>> curve_svg({"val_AP": [0.1, 0.3]}, {"val_AP": "AP"})[:4], curve_svg({}, {})
        ('<svg', '')
    """
    longest = max(map(len, history.values()), default=0)
    if longest < 2:
        return ""
    import matplotlib
    from matplotlib.figure import Figure

    style = {"svg.fonttype": "none", "svg.hashsalt": "cityzoo", "font.family": "sans-serif", "font.size": 11}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7.2, 2.9), layout="constrained")
        axes = figure.add_subplot()
        lines = list(zip(history.items(), cycle(COLOURS), strict=False))
        for place, ((column, values), colour) in enumerate(sorted(lines, key=lambda line: _last(line[0][1]))):
            _draw_line(axes, values, names[column], colour, _apart(place, len(lines)))
        axes.set_xlim(1, longest)
        axes.set_ylim(bottom=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True)
    return _inline(drawn.getvalue())


def _last(values: Sequence[float]) -> float:
    return next(value for value in reversed(values) if not math.isnan(value))


def _apart(place: int, lines: int) -> float:
    # Names of lines that end near each other: the lower one's goes down, the higher one's up, points.
    return NAME_STEP * (place - (lines - 1) / 2)


def _draw_line(axes: object, values: Sequence[float], name: str, colour: str, raised: float) -> None:
    epochs = range(1, len(values) + 1)
    known = [(epoch, value) for epoch, value in zip(epochs, values, strict=True) if not math.isnan(value)]
    axes.plot(*zip(*known, strict=True), color=colour, linewidth=2, marker="o", markersize=3.5, clip_on=False)
    last_epoch, last = known[-1]
    axes.annotate(
        f"{name} {last:.3f}",
        (last_epoch, last),
        xytext=(8, raised),
        textcoords="offset points",
        va="center",
        color=colour,
    )


def _number(cell: str | None) -> float:
    try:
        value = float(cell or "nan")
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _inline(document: str) -> str:
    """Strip an SVG document of what a page has no use for: prologue, metadata, namespaces, size, font."""
    svg = document[document.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, body = svg.split(">", 1)
    head = re.sub(r'\s(xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1; font-family: inherit", body)
    return f"{head}>{body}"
