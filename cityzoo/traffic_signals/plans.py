"""Choose plans: the best fixed one, one by time of day, and from a forecast, period by period, where it is safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.traffic_signals.forecast import Forecast
from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.webster import Plan

MARGIN = 0.05  # differences by formula below this may as well have the other sign in simulation


def best_fixed(junction: Junction, past: np.ndarray, hours: float) -> Plan:
    """Return the one plan for all day that would have delayed past days least, by the formula.

    Candidates are Webster's plans for each period's mean flows and for the quantiles of these over the day, so
    that the forecast is held against the best of its own kind, not against a plan that suits no hour.

    Args:
        junction: whose signal it is.
        past: (days, periods, 4 arms, 3 turns) veh/h.
        hours: length of a period.
    """
    usual = past.mean(axis=0)
    designs = [*usual, *(np.quantile(usual, share, axis=0) for share in np.linspace(0.5, 1, 11))]
    candidates = sorted(
        {junction.plan(flows) for flows in designs}, key=lambda plan: (plan.cycle, plan.greens)
    )
    return min(candidates, key=lambda plan: _delay_of_days(junction, plan, past, hours))


def _delay_of_days(junction: Junction, plan: Plan, days: np.ndarray, hours: float) -> float:
    """Return veh/h x s lost over whole days, with the queues that one period leaves to the next."""
    queue, lost = np.zeros((len(days), len(junction.lanes))), 0.0
    for flows in np.moveaxis(days, 1, 0):
        lost += float((junction.delay(plan, flows, hours, queue) * flows.sum((1, 2))).sum())
        queue = junction.queue_left(plan, flows, hours, queue)
    return lost


def by_time_of_day(junction: Junction, past: np.ndarray) -> list[Plan]:
    """Return Webster's plan for the mean flows of each period of past days: what needs no forecast.

    Args:
        junction: whose signal it is.
        past: (days, periods, 4 arms, 3 turns) veh/h.
    """
    return [junction.plan(flows) for flows in past.mean(axis=0)]


def turning_shares(past: np.ndarray) -> np.ndarray:
    """Return the share of each turn in each arm's flow, (4 arms, 3 turns), from past movements (..., 4, 3)."""
    counted = past.reshape(-1, *past.shape[-2:]).sum(axis=0)
    return counted / np.maximum(counted.sum(axis=-1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Decision:
    """Say what was done in a period, and why; delays are the formula's, s/veh.

    Args:
        start: minute of the day at which it begins.
        proposed: Webster's plan for the forecast.
        applied: the proposed plan runs; else the fixed one stays.
        why: in words.
        expected: mean delay of the proposed plan at the forecast, at its upper quantile, at the check's flows.
        expected_fixed: the same of the fixed plan.
    """

    start: int
    proposed: Plan
    applied: bool
    why: str
    expected: tuple[float, ...]
    expected_fixed: tuple[float, ...]


def decide(
    junction: Junction,
    fixed: Plan,
    forecast: Forecast,
    check: Forecast,
    shares: np.ndarray,
    observed: np.ndarray,
    blocked: Mapping[int, str],
) -> list[Decision]:
    """Decide period by period whether the plan of the forecast runs, from what is known before the period.

    It runs where the formula expects 5 % less delay than of the fixed plan at the forecast, and less at its upper
    quantile and at what a second forecast expects, behind the queue that earlier periods left; where its hour is not
    blocked; and where the plan proposed for the period before did not turn out 5 % worse at the flows that came.

    Args:
        junction: whose signal it is.
        fixed: stays where the other is not applied.
        forecast: of all periods of a day.
        check: an independent one, so that a forecast that errs cannot approve its own plans.
        shares: (4 arms, 3 turns) of each arm's flow.
        observed: (periods, 4 arms) veh/h; a period's flow is used for later periods alone.
        blocked: hours of the day in which it was worse before, with the reason.
    """
    count = len(forecast.flows)
    minutes, queue, last, decisions = 1440 // count, np.zeros(len(junction.lanes)), "", []
    for index in range(count):
        levels = (forecast.flows, forecast.upper, check.flows)
        cases = np.stack([level[index][:, None] * shares for level in levels])
        plan, start, hours = junction.plan(cases[0]), index * minutes, minutes / 60
        new, old = (junction.delay(each, cases, hours, queue).tolist() for each in (plan, fixed))
        reason = blocked.get(start // 60) or last or _reason_to_keep(plan, fixed, new, old)
        why = reason or f"{new[0]:.1f} s/veh expected, fixed {old[0]:.1f}"
        decisions.append(Decision(start, plan, not reason, why, tuple(new), tuple(old)))
        came = observed[index][:, None] * shares
        new, old = (float(junction.delay(each, came, hours, queue)) for each in (plan, fixed))
        lost = new > (1 + MARGIN) * old
        last = f"the last period's plan turned out worse: {new:.1f} s/veh, fixed {old:.1f}" if lost else ""
        queue = junction.queue_left(fixed if reason else plan, came, hours, queue)
    return decisions


def _reason_to_keep(plan: Plan, fixed: Plan, new: Sequence[float], old: Sequence[float]) -> str:
    if plan.greens == fixed.greens:
        return "the forecast asks for the fixed plan"
    if new[0] > (1 - MARGIN) * old[0]:
        return f"less than {MARGIN:.0%} to gain: {new[0]:.1f} s/veh, fixed {old[0]:.1f}"
    for case, ours, theirs in zip(("the upper quantile", "the check's flows"), new[1:], old[1:], strict=True):
        if ours >= theirs:
            return f"no gain at {case}: {ours:.1f} s/veh, fixed {theirs:.1f}"
    return ""


def in_force(decisions: Sequence[Decision], fixed: Plan) -> list[Plan]:
    """Return the plan that runs in each period."""
    return [decision.proposed if decision.applied else fixed for decision in decisions]
