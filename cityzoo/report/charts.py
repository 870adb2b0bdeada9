"""Lines and points of a report, drawn: as SVG to put into a page, as an image for TensorBoard."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cityzoo.report.chart_series import INK, MARKER, NAMELESS, OVERALL, Entry, Line, lines_of
from cityzoo.report.layout import Chart

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = "#9aa3ae"
WIDTH, FONT = 400, 14  # points: on a phone, 320 px wide without margins, a letter still has 11 px
LONGEST = 36  # letters of a line beside an axis
FEW = 16  # points of a line that are marked one by one


@dataclass(frozen=True)
class Drawn:
    """Hold a drawn chart.

    Attributes:
        svg: an `<svg>` element without any outside reference; "" where there was nothing to draw.
        legend: its lines, empty for a single one without a name.
        left_out: names of lines beyond the twelve that are drawn.
    """

    svg: str
    legend: tuple[Entry, ...] = ()
    left_out: tuple[str, ...] = ()


def draw_chart(chart: Chart, report: Mapping[str, Any]) -> Drawn:
    """Return a chart of a report's numbers as SVG that takes its page's font and width.

    Example:
        >>> chart = Chart("Counts", "scatter", "true", "counted", "true", "counted", style="points")
        >>> draw_chart(chart, {"scatter": {"true": [1, 2], "counted": [1.5, 2]}}).svg[:4], draw_chart(chart, {}).svg
        ('<svg', '')
    """
    lines, left_out = lines_of(chart, report)
    if not lines:
        return Drawn("")
    written = io.StringIO()
    import matplotlib

    with matplotlib.rc_context(_style()):
        chart_figure(chart, lines).savefig(written, format="svg", transparent=True)
    legend = tuple(line.entry for line in lines if line.entry.name not in NAMELESS)
    return Drawn(_inline(written.getvalue(), chart.title), legend, left_out)


def chart_image(chart: Chart, report: Mapping[str, Any]) -> np.ndarray | None:
    """Return a chart as (H, W, 3) uint8 RGB with its legend in it; None where there is nothing to draw."""
    lines, _ = lines_of(chart, report)
    if not lines:
        return None
    import matplotlib

    with matplotlib.rc_context(_style()):
        figure = chart_figure(chart, lines)
        axes = figure.axes[0]
        axes.set_title(chart.title, fontsize=FONT)
        if any(line.entry.name not in NAMELESS for line in lines):
            width, height = figure.get_size_inches()
            figure.set_size_inches(width, height + 0.16 * len(lines))  # room for two names a row
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
        **{"axes.edgecolor": GREY, "xtick.color": INK, "ytick.color": INK, "axes.labelcolor": INK},
    }


def chart_figure(chart: Chart, lines: Sequence[Line]) -> Figure:
    """Return a matplotlib figure of some lines, sized for a phone."""
    from matplotlib.figure import Figure

    square = chart.unit_square or chart.diagonal
    figure = Figure(figsize=(WIDTH / 72, (0.95 if square else 0.68) * WIDTH / 72), layout="constrained")
    axes = figure.add_subplot()
    _frame(axes, chart, lines)
    for number, line in enumerate(lines):
        _draw(axes, chart.style, line, number)
    axes.set_xlabel(textwrap.fill(chart.x_label, LONGEST))
    axes.set_ylabel(textwrap.fill(chart.y_label, LONGEST))
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
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5, integer=axis is axes.xaxis and _whole(lines)))
    if chart.diagonal:
        axes.plot((low, high), (low, high), color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    if chart.diagonal or chart.unit_square:
        axes.set(xlim=(low, high), ylim=(low, high * 1.005))
    elif all(value >= 0 for line in lines for value in line.y):
        axes.set_ylim(0, 1.05 * max(value for line in lines for value in line.y) or 1.0)


def _whole(lines: Sequence[Line]) -> bool:
    return all(value == round(value) for line in lines for value in line.x)


def _draw(axes: Axes, style: str, line: Line, number: int) -> None:
    name, colour, dashes = line.entry
    if style == "points":
        marker = "os^Dv*"[number % 6]
        axes.plot(
            line.x, line.y, marker, color=colour, markersize=5, alpha=0.55, markeredgewidth=0, label=name
        )
        return
    axes.plot(
        line.x,
        line.y,
        color=colour,
        linestyle=dashes,
        linewidth=2.6 if name in OVERALL else 1.8 if len(set(line.sizes)) == 1 else 1.0,
        marker="o" if len(line.x) <= FEW and style == "lines" and len(set(line.sizes)) == 1 else None,
        markersize=MARKER,
        drawstyle="steps-post" if style == "steps" else "default",
        label=name,
        clip_on=False,
    )
    if len(set(line.sizes)) > 1:
        areas = [size**2 for size in line.sizes]
        axes.scatter(line.x, line.y, areas, color=colour, linewidths=0, zorder=3, clip_on=False)


def _inline(document: str, title: str) -> str:
    """Strip an SVG document of what a page has no use for: prologue, metadata, namespaces, size, font, names."""
    from markupsafe import escape

    svg = document[document.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, body = svg.split(">", 1)
    head = re.sub(r'\s(xmlns(:\w+)?|version|width|height)="[^"]*"', "", head)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1; font-family: inherit", body)
    body = re.sub(r"font-family: [^;\"]*", "font-family: inherit", body)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # charts of one page would share them
    return f'{head} role="img" aria-label="{escape(title)}">{body}'
