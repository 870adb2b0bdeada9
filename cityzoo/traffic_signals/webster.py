"""Webster's method: cycle and greens from flows, in whole seconds and within limits.

F. V. Webster, Traffic Signal Settings, Road Research Technical Paper 39, HMSO, London 1958.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cityzoo.errors import InputError

OVERSATURATED = 0.95  # sum of flow ratios above which Webster's cycle grows without bound
PRACTICAL = 0.9  # planned degree of saturation with minimum greens (Webster & Cobbe 1966)


@dataclass(frozen=True)
class Limits:
    """Limits of a plan, in seconds.

    Args:
        min_green: one per phase, for pedestrians and drivers.
        min_cycle: shortest cycle.
        max_cycle: longest cycle; pedestrians do not wait longer.
    """

    min_green: tuple[int, ...]
    min_cycle: int = 40
    max_cycle: int = 120


@dataclass(frozen=True)
class Plan:
    """Greens of one cycle, in the order of the phases, in whole seconds.

    Args:
        greens: displayed greens, one per phase.
        intergreen: amber and all-red after each green.
        start_lag: seconds of each green before the queue moves at saturation flow (start lag - end lag).
        oversaturated: True if the flows exceed the capacity and the cycle was capped.

    Example:
        >>> plan = Plan((30, 23), 7, 1)
        >>> plan.cycle, plan.lost_time, plan.effective_greens, str(plan)
        (67, 16, (29, 22), '67 s: 30+23')
    """

    greens: tuple[int, ...]
    intergreen: int
    start_lag: int = 0
    oversaturated: bool = False

    @property
    def lost_time(self) -> int:
        """Seconds of a cycle without flow."""
        return (self.intergreen + self.start_lag) * len(self.greens)

    @property
    def effective_greens(self) -> tuple[int, ...]:
        """Seconds of each phase at saturation flow."""
        return tuple(green - self.start_lag for green in self.greens)

    @property
    def cycle(self) -> int:
        """Seconds of a cycle: greens, ambers and all-reds."""
        return sum(self.greens) + self.intergreen * len(self.greens)

    def __str__(self) -> str:
        """Return cycle and greens as text."""
        return f"{self.cycle} s: {'+'.join(map(str, self.greens))}"


def optimal_cycle(flow_ratio: float, lost_time: float) -> float:
    """Return the cycle with the least delay, C0 = (1.5 L + 5) / (1 - Y), seconds (Webster 1958); infinity for Y >= 1.

    Args:
        flow_ratio: Y, the sum over phases of the critical flow / saturation flow.
        lost_time: L, seconds a cycle.

    Example:
        >>> optimal_cycle(0.5, 16)
        58.0
    """
    return (1.5 * lost_time + 5) / (1 - flow_ratio) if flow_ratio < 1 else math.inf


def pedestrian_green(crossing_m: float, intergreen: int, walk: float = 7.0, speed: float = 1.07) -> int:
    """Return the shortest green for pedestrians, in whole seconds.

    It covers the time to start and to cross; amber and all-red count (Manual on Uniform
    Traffic Control Devices, 2009, section 4E.06).

    Args:
        crossing_m: length of the crossing in meters.
        intergreen: amber and all-red, seconds.
        walk: seconds to notice and start.
        speed: meters per second.

    Example:
        >>> pedestrian_green(9.6, 5)
        11
    """
    return math.ceil(walk + crossing_m / speed - intergreen)


def make_plan(flow_ratios: Sequence[float], intergreen: int, limits: Limits, start_lag: int = 0) -> Plan:
    """Return Webster's plan: his cycle, and greens proportional to the phases' flow ratios, within limits.

    A phase with a share below its minimum green gets the minimum; the others share the rest, and the cycle is
    extended until they run at 0.9 of capacity or less. For Y >= 0.95 the cycle is the longest allowed and the plan is
    `oversaturated`: queues grow with any plan.

    Args:
        flow_ratios: critical flow / saturation flow of each phase, 0 or more.
        intergreen: amber and all-red after each phase, whole seconds.
        limits: with one minimum green per phase.
        start_lag: whole seconds lost at the start of a phase, in addition to the intergreen.

    Raises:
        InputError: ratios that are negative or not finite; limits that no plan can meet.

    Example:
        >>> make_plan([0.32, 0.25], 8, Limits((5, 5)))
        Plan(greens=(29, 22), intergreen=8, start_lag=0, oversaturated=False)
    """
    _check(flow_ratios, intergreen, limits, start_lag)
    lost, total = (intergreen + start_lag) * len(flow_ratios), sum(flow_ratios)
    minima = [least - start_lag for least in limits.min_green]
    wanted = optimal_cycle(total, lost)
    pinned: set[int] = set()
    while True:
        cycle = min(max(wanted, limits.min_cycle, lost + sum(minima)), limits.max_cycle)
        if total >= OVERSATURATED:
            cycle = limits.max_cycle
        greens = _share(flow_ratios, cycle - lost, minima, pinned)
        short = {i for i, green in enumerate(greens) if green < minima[i] - 1e-9}
        if not short:
            shown = tuple(green + start_lag for green in _whole(greens, minima))
            return Plan(shown, intergreen, start_lag, total >= OVERSATURATED)
        pinned |= short
        wanted = max(wanted, _practical_cycle(flow_ratios, lost, minima, pinned))


def _check(flow_ratios: Sequence[float], intergreen: int, limits: Limits, start_lag: int) -> None:
    if not flow_ratios or not all(math.isfinite(ratio) and ratio >= 0 for ratio in flow_ratios):
        raise InputError(
            f"flow ratios {list(flow_ratios)}: expected 0 or more, critical flow / saturation flow of each phase"
        )
    if len(limits.min_green) != len(flow_ratios) or min(limits.min_green) <= start_lag:
        raise InputError(
            f"minimum greens {limits.min_green} for {len(flow_ratios)} phases: expected one per phase, above the "
            f"start lag of {start_lag} s"
        )
    least = intergreen * len(flow_ratios) + sum(limits.min_green)
    if limits.max_cycle < max(least, limits.min_cycle):
        raise InputError(
            f"longest cycle {limits.max_cycle} s: minimum greens, amber and all-red take {least} s, the "
            f"shortest cycle is {limits.min_cycle} s; allow a longer cycle"
        )


def _share(ratios: Sequence[float], green: float, minima: Sequence[int], pinned: set[int]) -> list[float]:
    """Give pinned phases their minimum and share the rest by ratio, or evenly if all ratios are 0."""
    free = [i for i in range(len(ratios)) if i not in pinned]
    rest = green - sum(minima[i] for i in pinned)
    among = sum(ratios[i] for i in free)
    shares = {i: rest * (ratios[i] / among if among else 1 / len(free)) for i in free}
    return [shares.get(i, minima[i]) for i in range(len(ratios))]


def _practical_cycle(ratios: Sequence[float], lost: float, minima: Sequence[int], pinned: set[int]) -> float:
    """Return the shortest cycle with the phases that are not pinned at 0.9 of capacity."""
    free = sum(ratio for i, ratio in enumerate(ratios) if i not in pinned)
    idle = lost + sum(minima[i] for i in pinned)
    return PRACTICAL * idle / (PRACTICAL - free) if free < PRACTICAL else math.inf


def _whole(greens: Sequence[float], minima: Sequence[int]) -> tuple[int, ...]:
    """Round down, then give the remaining seconds to the largest remainders."""
    whole = [max(math.floor(green + 1e-9), least) for green, least in zip(greens, minima, strict=True)]
    left = math.floor(sum(greens) + 1e-9) - sum(whole)
    for i in sorted(range(len(greens)), key=lambda i: whole[i] - greens[i])[: max(left, 0)]:
        whole[i] += 1
    return tuple(whole)
