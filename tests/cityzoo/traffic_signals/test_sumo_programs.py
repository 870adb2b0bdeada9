"""Programmes: plans change between cycles, every green is cleared, at the right times."""

import re
from itertools import pairwise

from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.sumo import actuated_program, cycles, period_program
from cityzoo.traffic_signals.webster import Plan

SHORT, LONG = Plan((11, 5, 11, 5), 5, 1), Plan((39, 10, 43, 8), 5, 1)


def phases(lines):
    """Durations and states of a program."""
    found = re.findall(r'duration="(\d+)" state="(\w+)"', "\n".join(lines))
    return [(int(duration), state) for duration, state in found]


def test_no_change_of_plans_cuts_amber_or_all_red():
    """3 s of amber at the very places that had green, then 2 s of red for all, always; greens never below 5 s."""
    shown = phases(period_program(Junction(), [SHORT, LONG, SHORT], 15, 0))
    for (green, state), (amber, yellow), (red, nobody) in zip(
        shown[::3], shown[1::3], shown[2::3], strict=True
    ):
        assert green >= 5 and (amber, red) == (3, 2)
        assert yellow == state.replace("G", "y") and "G" in state and set(nobody) == {"r"}


def test_a_plan_begins_with_the_first_cycle_of_its_period():
    """And the last one goes on for two hours."""
    run, second = [], 0
    for plan in cycles([SHORT, LONG, SHORT], 15):
        run.append((second, plan))
        second += plan.cycle
    changes = [at for (_, before), (at, plan) in pairwise(run) if before != plan]
    assert [at // 900 for at in changes] == [1, 2]
    assert changes[0] - 900 < SHORT.cycle and changes[1] - 1800 < LONG.cycle
    assert 2700 + 7200 <= second < 2700 + 7200 + SHORT.cycle
    assert (
        sum(duration for duration, _ in phases(period_program(Junction(), [SHORT, LONG, SHORT], 15, 0)))
        == second
    )


def test_actuated_keeps_minimum_greens_and_clears():
    """minDur is what people need to cross; ambers and all-reds have no range."""
    lines = actuated_program(Junction(), [40, 4, 50, 12], 0)
    assert re.findall(r'minDur="(\d+)" maxDur="(\d+)"', "\n".join(lines)) == [
        ("11", "40"),
        ("5", "6"),
        ("11", "50"),
        ("5", "12"),
    ]
    assert [duration for duration, _ in phases(lines)] == [11, 3, 2, 5, 3, 2, 11, 3, 2, 5, 3, 2]
