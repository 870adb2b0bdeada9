"""A chart of runs: the metric of each with its interval, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.listing.runs import RunRow

BLUE, GRAY = "#0072b2", "#9aa3ae"


def draw_runs(rows: Sequence[RunRow], path: Path | str) -> None:
    """Write a PNG with the metric of runs and its 95 % interval, the best run at the top, next to their minutes.

    Args:
        rows: as `find_runs` gives them; those without a metric are left out.
        path: of the PNG.

    Raises:
        InputError: no run with a metric, or metrics that cannot be compared.
    """
    from matplotlib.figure import Figure

    known = sorted((row for row in rows if row.value is not None), key=lambda row: row.value or 0.0)
    names = {row.metric for row in known}
    if len(names) != 1:
        raise InputError(f"runs have metrics {sorted(map(str, names))}: give finished runs of one task")
    figure = Figure(figsize=(8, 0.9 + 0.45 * len(known)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(known):
        if row.interval:
            axes.plot(row.interval, (place, place), color=GRAY, linewidth=4, solid_capstyle="butt", zorder=1)
        axes.plot([row.value or 0.0], [place], "o", color=BLUE, markersize=8, zorder=2)
        took = "" if row.minutes is None else f", {row.minutes:.1f} min"
        axes.annotate(
            f"{row.value:.3f}{took}", (1.02, place), xycoords=("axes fraction", "data"), va="center"
        )
    axes.set_yticks(range(len(known)), [row.folder for row in known])
    axes.set_ylim(-0.6, len(known) - 0.4)
    axes.set_xlabel(f"{names.pop()}, 95 % interval")
    axes.grid(axis="x", color="#e3e6ea")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=100)
