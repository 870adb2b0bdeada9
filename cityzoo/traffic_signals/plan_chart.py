"""A chart of signal plans over a day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.traffic_signals.webster import Plan

COLORS = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00")
GRAY = "#c9ced6"


def draw_plans(plans: Sequence[Plan], phases: Sequence[str], path: Path | str) -> None:
    """Write a PNG with the greens of each period's plan, stacked, and the cycle above them.

    Args:
        plans: of the periods of one day, which are equally long.
        phases: names of the greens, in their order.
        path: of the PNG.

    Raises:
        InputError: no plan, or plans with another number of greens.
    """
    from matplotlib.figure import Figure

    if not plans or any(len(plan.greens) != len(phases) for plan in plans):
        raise InputError(f"give plans with {len(phases)} greens each: {', '.join(phases)}")
    greens = np.array([plan.greens for plan in plans])
    edges = np.linspace(0, 24, len(plans) + 1)
    below = np.cumsum(np.column_stack([np.zeros(len(plans)), greens]), axis=1)
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, phase in enumerate(phases):
        low, high = below[:, number], below[:, number + 1]
        axes.stairs(high, edges, baseline=low, fill=True, color=COLORS[number % len(COLORS)], label=phase)
    cycle = np.array([plan.cycle for plan in plans])
    axes.stairs(cycle, edges, baseline=below[:, -1], fill=True, color=GRAY, label="amber and all-red")
    axes.set(xlim=(0, 24), xticks=range(0, 25, 3), xlabel="hour of the day", ylabel="seconds of one cycle")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right center", frameon=False, reverse=True)
    figure.savefig(path, format="png", dpi=100)
