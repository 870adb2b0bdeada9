"""Draw counts, incidents and alarms over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.watch.evaluate.alarm_times import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRUE, COUNTED, FALSE, GRAY = "#0072b2", "#d55e00", "#cc0000", "#9aa3ae"
WIDTH, DPI = 12.0, 120  # inches, dots per inch


def draw_timeline(path: Path, report: Mapping[str, Any]) -> None:
    """Write an image of the counts of each interval with the truth, and of the incidents with their alarms.

    Args:
        path: PNG file.
        report: of `evaluate`, with `by_interval`, and `alarms` where the truth has incidents.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    alarms = report.get("alarms")
    figure = Figure(figsize=(WIDTH, 6.4 if alarms else 3.8), layout="constrained")
    axes = figure.subplots(
        2 if alarms else 1, 1, sharex=True, squeeze=False, height_ratios=(3, 2)[: 2 if alarms else 1]
    )
    _draw_counts(axes[0, 0], report["by_interval"])
    if alarms:
        _draw_alarms(axes[1, 0], alarms)
    axes[-1, 0].set_xlabel("minutes since the first frame")
    axes[-1, 0].set_xlim(0, report["watched_seconds"] / 60)
    for each in axes[:, 0]:
        each.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=DPI)


def _draw_counts(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    edges = [row["start"] / 60 for row in rows] + [rows[-1]["end"] / 60]
    if all(row.get("low") is not None for row in rows):
        low, high = ([row[key] for row in rows] for key in ("low", "high"))
        axes.stairs(high, edges, baseline=low, fill=True, color=COUNTED, alpha=0.2, label="low to high")
    axes.stairs([row["counted"] for row in rows], edges, color=COUNTED, linewidth=2, label="counted")
    axes.stairs([row["true"] for row in rows], edges, color=TRUE, linewidth=2, linestyle="--", label="true")
    for row in rows:
        if row["error"]:
            middle = (row["start"] + row["end"]) / 120
            axes.annotate(
                f"{row['error']:+d}",
                (middle, max(row["counted"], row["true"])),
                ha="center",
                va="bottom",
                color=FALSE,
            )
    axes.set_ylabel(f"vehicles per {rows[0]['end'] - rows[0]['start']:g} s")
    axes.set_ylim(0)
    axes.legend(loc="upper left", ncols=3, frameon=False)


def _draw_alarms(axes: Axes, alarms: Mapping[str, Any]) -> None:
    for row in alarms["incidents"]:
        place = KINDS.index(row["kind"])
        start, end = row["start"] / 60, row["end"] / 60
        axes.barh(place, end - start, 0.5, start, color=TRUE, alpha=0.35)
        delay = row["seconds_to_alarm"]
        words = "not found" if delay is None else f"alarm after {delay:.1f} s"
        axes.annotate(words, (start, place + 0.27), va="top", color=FALSE if delay is None else "black")
    false = {(alarm["kind"], alarm["seconds"]) for alarm in alarms["false_alarms"]}
    for kind, seconds in alarms["raised_alarms"]:
        color = FALSE if (kind, seconds) in false else COUNTED
        axes.plot(seconds / 60, KINDS.index(kind), "v", markersize=9, color=color)
    axes.plot([], [], "v", color=COUNTED, label="alarm")
    axes.plot([], [], "v", color=FALSE, label="false alarm")
    axes.barh(0, 0, color=TRUE, alpha=0.35, label="incident")
    axes.set_yticks(range(len(KINDS)), [kind.replace("_", " ") for kind in KINDS])
    axes.set_ylim(len(KINDS) - 0.4, -0.6)
    axes.grid(axis="x", color=GRAY, alpha=0.3)
    axes.legend(loc="lower left", ncols=3, frameon=False)
