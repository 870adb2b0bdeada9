"""Parallel coordinates (Inselberg 1985): a line for each trial, an axis for each setting and for the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.replace_file import replace_file
from cityzoo.tune.search_space import Dimension

if TYPE_CHECKING:
    from cityzoo.tune.search import Search

WIDTH_OF_AXIS = 1.25  # inches
LEAST_DRAWN = 4  # finished trials; two lines are read faster in the table
MISSING = -0.12  # height of trials that do not have the setting


def draw_parallel_coordinates(search: Search, rows: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Draw the finished trials of a search into a PNG; nothing where there are too few."""
    from PIL import Image

    from cityzoo.report.charts import rasterize

    metric = search.objectives[0]
    shown = [row for row in rows.values() if row["state"] == "finished"]
    shown.sort(key=lambda row: row[metric], reverse=search.is_lower_better)  # the best are drawn last
    used = [each for each in search.space if any(each.name in row["params"] for row in shown)]
    if len(shown) < LEAST_DRAWN or not used:
        return
    image = rasterize(_plot(used, metric, shown))
    with replace_file(file) as part:
        Image.fromarray(image).save(part, format="PNG")


def _plot(space: Sequence[Dimension], metric: str, shown: Sequence[Mapping[str, Any]]) -> Any:
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    values = [row[metric] for row in shown]
    columns = [[place_on_axis(each, row["params"].get(each.name)) for row in shown] for each in space]
    low, high = min(values), max(values)
    columns.append([(value - low) / ((high - low) or 1) for value in values])
    figure = Figure(figsize=(WIDTH_OF_AXIS * (len(columns) + 1), 4.2), layout="constrained")
    axes = figure.add_subplot()
    colors = colormaps["viridis_r"](np.linspace(0.05, 1, len(shown)))
    for line, color in zip(zip(*columns, strict=True), colors, strict=True):
        axes.plot(range(len(columns)), line, color=color, linewidth=1.4, alpha=0.8)
    for number, each in enumerate(space):
        for text, height in axis_marks(each):
            axes.annotate(text, (number, height), (3, 2), textcoords="offset points", fontsize=8)
    for text, height in ((f"{low:.3f}", 0.0), (f"{high:.3f}", 1.0)):
        axes.annotate(text, (len(space), height), (3, 2), textcoords="offset points", fontsize=8)
    names = [each.name.replace("_", "\n") for each in space]
    axes.set_xticks(range(len(columns)), [*names, metric.replace("_", "\n")], fontsize=9)
    axes.grid(axis="x", color="#9aa3ae")
    axes.set_yticks([])
    axes.set_xlim(-0.1, len(columns) - 0.4)
    axes.spines[:].set_visible(False)
    return figure


def place_on_axis(dimension: Dimension, value: Any) -> float:
    """Return the height of a value on its axis, 0 to 1; below 0 for trials without the setting.

    Example:
        >>> from cityzoo.cli.search_range import log_range, options
        >>> rate = Dimension("learning_rate", log_range(1e-4, 1e-2), 1e-3)
        >>> round(place_on_axis(rate, 1e-3), 3), place_on_axis(Dimension("head", options("a", "b"), "a"), "b")
        (0.5, 1.0)
    """
    if value is None:
        return MISSING
    if dimension.labels:
        return list(dimension.labels).index(value) / max(len(dimension.labels) - 1, 1)
    low, high = float(dimension.values.low), float(dimension.values.high)  # type: ignore[union-attr]
    scale = np.log if dimension.values.is_log else float  # type: ignore[union-attr]
    return float((scale(value) - scale(low)) / (scale(high) - scale(low)))


def axis_marks(dimension: Dimension) -> list[tuple[str, float]]:
    """Return what stands along an axis: options, or the ends of a range, with their heights."""
    if dimension.labels:
        return [(text, place_on_axis(dimension, text)) for text in dimension.labels]
    ends = (dimension.values.low, dimension.values.high)  # type: ignore[union-attr]
    return [(f"{end:.3g}", place_on_axis(dimension, end)) for end in ends]
