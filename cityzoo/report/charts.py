"""Charts of a report and its learning curve: SVG for the page, images for TensorBoard."""

from __future__ import annotations

import csv
import io
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.report.chart_series import INK, MARKER, NAMELESS, OVERALL, Entry, Line, chart_lines
from cityzoo.report.layout import Chart

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRAY = "#9aa3ae"
WIDTH, FONT = 400, 14  # points; on a phone of 320 px letters still have 11 px
LABEL_LETTERS = 36  # per line of an axis label
MARKED_POINTS = 16  # lines with at most so many points have markers
LEARNING_CURVE = Chart("Learning curve", "history", "epoch", "value", "epoch", "")


@dataclass(frozen=True)
class SvgChart:
    """A chart as SVG.

    Attributes:
        svg: an `<svg>` element without outside references; "" if there is nothing to draw.
        legend: its lines, empty for a single one without a name.
        left_out: names of lines that are not drawn, after the first twelve.
    """

    svg: str
    legend: tuple[Entry, ...] = ()
    left_out: tuple[str, ...] = ()


def draw_chart(chart: Chart, report: Mapping[str, Any]) -> SvgChart:
    """Return a chart as SVG with the font and width of its page."""
    lines, left_out = chart_lines(chart, report)
    if not lines:
        return SvgChart("")
    written = io.StringIO()
    import matplotlib

    with matplotlib.rc_context(_style()):
        plot_chart(chart, lines).savefig(written, format="svg", transparent=True)
    legend = tuple(line.entry for line in lines if line.entry.name not in NAMELESS)
    return SvgChart(_inline(written.getvalue(), chart.title), legend, left_out)


def chart_image(chart: Chart, report: Mapping[str, Any]) -> np.ndarray | None:
    """Return a chart as (H, W, 3) uint8 RGB with its legend; None if there is nothing to draw."""
    lines, _ = chart_lines(chart, report)
    if not lines:
        return None
    import matplotlib

    with matplotlib.rc_context(_style()):
        figure = plot_chart(chart, lines)
        axes = figure.axes[0]
        axes.set_title(chart.title, fontsize=FONT)
        if any(line.entry.name not in NAMELESS for line in lines):
            width, height = figure.get_size_inches()
            figure.set_size_inches(width, height + 0.16 * len(lines))  # room for two names per row
            figure.legend(loc="outside lower center", ncols=2, fontsize=FONT - 3, frameon=False)
        return rasterize(figure)


def rasterize(figure: Figure) -> np.ndarray:
    """Return a figure as (H, W, 3) uint8 RGB on white."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _style() -> dict[str, Any]:
    return {
        **{"svg.fonttype": "none", "svg.hashsalt": "cityzoo", "font.family": "sans-serif", "font.size": FONT},
        **{"axes.edgecolor": GRAY, "xtick.color": INK, "ytick.color": INK, "axes.labelcolor": INK},
    }


def plot_chart(chart: Chart, lines: Sequence[Line]) -> Figure:
    """Return a matplotlib figure of a chart, sized for a phone."""
    from matplotlib.figure import Figure

    square = chart.unit_square or chart.diagonal
    figure = Figure(figsize=(WIDTH / 72, (0.95 if square else 0.68) * WIDTH / 72), layout="constrained")
    axes = figure.add_subplot()
    _frame(axes, chart, lines)
    for number, line in enumerate(lines):
        _draw(axes, chart.style, line, number)
    axes.set_xlabel(textwrap.fill(chart.x_label, LABEL_LETTERS))
    axes.set_ylabel(textwrap.fill(chart.y_label, LABEL_LETTERS))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    return figure


def _frame(axes: Axes, chart: Chart, lines: Sequence[Line]) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = 0.0, 1.0
    if not chart.unit_square:
        values = [value for line in lines for value in (*line.x, *line.y)]
        low, high = min(0.0, *values), max(values) * 1.03 or 1.0
        whole = all(value == round(value) for line in lines for value in line.x)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=axis is axes.xaxis and whole))
    if chart.diagonal:
        axes.plot((low, high), (low, high), color=GRAY, linewidth=1.2, linestyle=(0, (2, 3)))
    if chart.diagonal or chart.unit_square:
        axes.set(xlim=(low, high), ylim=(low, high * 1.005))
    elif chart.from_zero and all(value >= 0 for line in lines for value in line.y):
        axes.set_ylim(0, 1.05 * max(value for line in lines for value in line.y) or 1.0)


def _draw(axes: Axes, style: str, line: Line, number: int) -> None:
    name, color, dashes = line.entry
    shared: dict[str, Any] = {"color": color, "label": name}
    if style == "points":
        marker = "os^Dv*"[number % 6]
        axes.plot(line.x, line.y, marker, markersize=5, alpha=0.55, markeredgewidth=0, **shared)
        return
    one_size = len(set(line.sizes)) == 1
    axes.plot(
        *(line.x, line.y),
        linestyle=dashes,
        linewidth=2.6 if name in OVERALL else 1.8 if one_size else 1.0,
        marker="o" if len(line.x) <= MARKED_POINTS and style == "lines" and one_size else None,
        markersize=MARKER,
        drawstyle="steps-post" if style == "steps" else "default",
        clip_on=False,
        **shared,
    )
    if not one_size:
        areas = [size**2 for size in line.sizes]
        axes.scatter(line.x, line.y, areas, color=color, linewidths=0, zorder=3, clip_on=False)


def _inline(document: str, title: str) -> str:
    """Remove prologue, metadata, namespaces, size, font and ids from an SVG document."""
    from markupsafe import escape

    svg = document[document.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, body = svg.split(">", 1)
    head = re.sub(r'\s(xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1; font-family: inherit", body)
    body = re.sub(r"font-family: [^;\"]*", "font-family: inherit", body)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # they would be shared by all charts of a page
    return f'{head} role="img" aria-label="{escape(title)}">{body}'


def read_history(file: str | Path, columns: Iterable[str]) -> dict[str, list[float]]:
    """Return columns of a run's `history.csv`; NaN where an epoch has no value."""
    if not Path(file).is_file():
        return {}
    with open(file, newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    history = {name: [_number(row.get(name)) for row in rows] for name in columns}
    return {name: values for name, values in history.items() if not all(map(math.isnan, values))}


def learning_curve(history: Mapping[str, Sequence[float]], names: Mapping[str, str]) -> SvgChart:
    """Return metrics over the epochs as a chart, with the last values in its legend.

    Args:
        history: column -> one value per epoch; lines skip NaN.
        names: column -> name of its line.

    Returns:
        An empty chart for fewer than two epochs.
    """
    lines = {
        f"{names[column]} {_last(values):.3f}": {"epoch": range(1, len(values) + 1), "value": values}
        for column, values in history.items()
    }
    return draw_chart(LEARNING_CURVE, {"history": lines})


def _last(values: Sequence[float]) -> float:
    return next(value for value in reversed(values) if not math.isnan(value))


def _number(cell: str | None) -> float:
    try:
        value = float(cell or "nan")
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
