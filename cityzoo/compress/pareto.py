"""The Pareto plot of compressed models: metric against time and size, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.compress.planner import FLOAT, INT8, ORIGINAL, Promise, Trial

BLUE, ORANGE, GREY, LIGHT = "#0072b2", "#d55e00", "#7f7f7f", "#dddddd"
MARKERS = {FLOAT: "o", INT8: "s"}


def pareto_front(costs: Sequence[float], metrics: Sequence[float]) -> list[int]:
    """Return which points no other one beats: none is at most as costly and at least as good, and better in one.

    Args:
        costs: lower is better.
        metrics: higher is better.

    Returns:
        Indices in order of cost.

    Example:
        >>> pareto_front([10, 5, 7, 4], [0.4, 0.38, 0.37, 0.2])
        [3, 1, 0]
    """
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -metrics[i]))
    front: list[int] = []
    for i in order:
        if not front or metrics[i] > metrics[front[-1]]:
            front.append(i)
    return front


def draw_pareto(
    trials: Sequence[Trial], promise: Promise, chosen: Trial | None, metric: str, file: Path
) -> None:
    """Draw the metric over time and over size, with the Pareto front, the limits and the choice, as a PNG.

    Args:
        trials: measured ones; the first is the original.
        promise: what was asked for.
        chosen: of the trials.
        metric: its name.
        file: where the image goes.
    """
    import matplotlib
    from matplotlib.figure import Figure

    known = [t for t in trials if t.metric is not None and t.milliseconds is not None]
    original = trials[0]
    most = promise.time_limit(original)
    sign = -1 if promise.lower_is_better else 1
    worst = (original.metric or 0.0) - sign * promise.may_lose
    with matplotlib.rc_context({"font.family": "sans-serif", "font.size": 10}):
        figure = Figure(figsize=(11.0, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_panel(left, known, "milliseconds", sign, chosen, most)
        _draw_panel(right, known, "megabytes", sign, chosen, promise.megabytes)
        left.set_xlabel("milliseconds for one example, median")
        right.set_xlabel("megabytes")
        left.set_ylabel(metric + (" (lower is better)" if promise.lower_is_better else ""))
        for axes in (left, right):
            axes.axhline(worst, color=ORANGE, linewidth=1, linestyle="--")
        values = [worst, *(trial.metric or 0.0 for trial in known)]
        span = float(np.ptp(values)) or 0.01
        left.set_ylim(min(values) - 0.15 * span, max(values) + 0.2 * span)
        right.legend(handles=_legend(), loc="lower right", frameon=False, fontsize=8)
        figure.savefig(file, format="png", dpi=120)


def _draw_panel(
    axes: Any, trials: Sequence[Trial], name: str, sign: int, chosen: Trial | None, limit: float | None
) -> None:
    costs = [getattr(trial, name) for trial in trials]
    values = [trial.metric or 0.0 for trial in trials]
    front = pareto_front(costs, [sign * value for value in values])
    axes.plot([costs[i] for i in front], [values[i] for i in front], color=LIGHT, linewidth=2, zorder=1)
    for number, (trial, cost, value) in enumerate(zip(trials, costs, values, strict=True)):
        color = ORANGE if trial == chosen else BLUE if number in front else GREY
        axes.scatter(cost, value, s=46, color=color, marker=MARKERS[trial.candidate.precision], zorder=2)
        place = {
            "xytext": (6, 5 if trial.candidate.precision == FLOAT else -12),
            "textcoords": "offset points",
            "fontsize": 8,
            "color": color,
        }
        axes.annotate(trial.candidate.name, (cost, value), **place)
    if limit is not None:
        axes.axvline(limit, color=ORANGE, linewidth=1, linestyle="--")
    axes.set_xlim(0, 1.3 * max([*costs, limit or 0.0]))  # names stand to the right of their points
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=LIGHT, linewidth=0.6)


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D

    shapes = [
        Line2D([], [], color=GREY, marker=marker, linestyle="", label=f"{precision} file")
        for precision, marker in MARKERS.items()
    ]
    return [*shapes, Line2D([], [], color=ORANGE, linestyle="--", label="promise")]


def cost_table(trials: Sequence[Trial], promise: Promise, chosen: Trial | None, metric: str) -> str:
    """Return a line for each trial (metric, loss, time, size, minutes, what it misses), then the cost of each step."""
    original = trials[0]
    rows = [f"{'candidate':<30}{metric:>18}{'loses':>8}{'ms':>8}{'MB':>8}{'minutes':>9}  promise"]
    for trial in trials:
        if not trial.file:
            rows.append(
                f"{trial.candidate.name:<30}{'-':>18}{'-':>8}{'-':>8}{'-':>8}{trial.seconds / 60:>9.1f}  {trial.error}"
            )
            continue
        misses = "; ".join(promise.misses(trial, original)) or ("kept: chosen" if trial == chosen else "kept")
        rows.append(
            f"{trial.candidate.name:<30}{trial.metric:>18.4f}{promise.loss_of(trial, original):>8.3f}"
            f"{trial.milliseconds or 0:>8.1f}{trial.megabytes or 0:>8.2f}{trial.seconds / 60:>9.1f}  {misses}"
        )
    return "\n".join([*rows, "", "cost of each step", *step_costs(trials, promise)])


def step_costs(trials: Sequence[Trial], promise: Promise) -> list[str]:
    """Return what each step cost compared with the model it starts from, a line each.

    A change of the network is compared with the original, int8 with the same network in float.
    """
    by_name = {trial.candidate: trial for trial in trials if trial.file}
    lines = []
    for candidate, trial in by_name.items():
        is_change = candidate.precision == FLOAT
        parent = by_name.get(type(candidate)() if is_change else type(candidate)(candidate.change))
        if parent is None or parent is trial:
            continue
        step = candidate.change if is_change else f"int8 of {candidate.change}"
        faster = (parent.milliseconds or 0.0) / (trial.milliseconds or float("inf"))
        smaller = (parent.megabytes or 0.0) / (trial.megabytes or float("inf"))
        loss = promise.loss_of(trial, parent)
        said = f"loses {loss:.4f}" if loss > 0 else f"gains {abs(loss):.4f}"
        lines.append(
            f"  {step}: {said}, {faster:.2f}x as fast, {smaller:.2f}x smaller, {trial.seconds / 60:.1f} minutes"
        )
    return lines or [f"  nothing but the {ORIGINAL} could be made"]
