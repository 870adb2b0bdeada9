"""Signal programs for SUMO: a plan for each period, or actuated by detectors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.webster import Plan

EMPTYING = 7200  # seconds that the last plan is extended by, to clear the queues


def cycles(plans: Sequence[Plan], period: int) -> list[Plan]:
    """Return the plan of each cycle, in order: a plan starts with the first cycle after the start of its period.

    A change of plans never cuts a cycle. The last plan is extended by two hours.

    Args:
        plans: one per period.
        period: minutes.

    Example:
        >>> short, long = Plan((15, 15), 5), Plan((35, 35), 5)
        >>> [plan.cycle for plan in cycles([short, long], 2)][:5]
        [40, 40, 40, 80, 80]
    """
    second, run = 0, []
    end = 60 * period * len(plans) + EMPTYING
    while second < end:
        plan = plans[min(second // (60 * period), len(plans) - 1)]
        run.append(plan)
        second += plan.cycle
    return run


def period_program(junction: Junction, plans: Sequence[Plan], period: int, start: int) -> list[str]:
    """Return the XML lines of a program with one plan per period.

    Args:
        junction: with the signal.
        plans: one per period.
        period: minutes.
        start: second of the day at which the first period starts.
    """
    lines = [f'  <tlLogic id="centre" type="static" programID="by_period" offset="{start}">']
    for plan, same in groupby(cycles(plans, period)):
        lines += _one_cycle(junction, plan) * len(list(same))
    return [*lines, "  </tlLogic>"]


def actuated_program(junction: Junction, longest: Sequence[int], start: int) -> list[str]:
    """Return the XML lines of SUMO's actuated program: a green ends when no car follows within 3 seconds.

    Args:
        junction: with the signal and the minimum greens.
        longest: longest green of each phase, seconds.
        start: second of the day at which it starts.
    """
    lines = [f'  <tlLogic id="centre" type="actuated" programID="actuated" offset="{start}">']
    for phase, (least, most) in enumerate(zip(junction.limits.min_green, longest, strict=True)):
        green, *clearing = _one_phase(junction, phase, least)
        lines += [green.replace("/>", f' minDur="{least}" maxDur="{max(most, least + 1)}"/>'), *clearing]
    return [*lines, "  </tlLogic>"]


def _one_cycle(junction: Junction, plan: Plan) -> list[str]:
    return [line for phase, green in enumerate(plan.greens) for line in _one_phase(junction, phase, green)]


def _one_phase(junction: Junction, phase: int, green: int) -> list[str]:
    seconds = (green, junction.amber, junction.all_red)
    shown = zip(seconds, junction.states(phase), strict=True)
    return [f'    <phase duration="{duration}" state="{state}"/>' for duration, state in shown]
