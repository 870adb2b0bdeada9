"""Choice of plans: the best fixed one, one by time of day, and by forecast where it is safe.

Past flows are (days, periods, 4 arms, 3 turns) veh/h; periods last `hours`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.traffic_signals.forecast_file import Forecast
from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.webster import Plan

MARGIN = 0.05  # smaller differences by formula may have the other sign in simulation


def best_fixed(junction: Junction, past: np.ndarray, hours: float) -> Plan:
    """Return the plan for the whole day with the least delay on past days, by the formula.

    Candidates are Webster's plans for the mean flows of each period and for their quantiles over the day.
    """
    usual = past.mean(axis=0)
    designs = [*usual, *(np.quantile(usual, share, axis=0) for share in np.linspace(0.5, 1, 11))]
    plans = {junction.plan(flows) for flows in designs}
    candidates = sorted(plans, key=lambda plan: (plan.cycle, plan.greens))
    return min(candidates, key=lambda plan: _delay_of_days(junction, plan, past, hours))


def _delay_of_days(junction: Junction, plan: Plan, days: np.ndarray, hours: float) -> float:
    """Return veh/h x s lost over whole days, with queues carried from one period to the next."""
    queue, lost = np.zeros((len(days), len(junction.lanes))), 0.0
    for flows in np.moveaxis(days, 1, 0):
        lost += float((junction.delay(plan, flows, hours, queue) * flows.sum((1, 2))).sum())
        queue = junction.queue_left(plan, flows, hours, queue)
    return lost


def plans_by_time_of_day(junction: Junction, past: np.ndarray) -> list[Plan]:
    """Return Webster's plan for the mean flows of each period of past days."""
    return [junction.plan(flows) for flows in past.mean(axis=0)]


def turning_shares(past: np.ndarray) -> np.ndarray:
    """Return the share of each turn in each arm's flow, (4 arms, 3 turns), from past movements (..., 4, 3)."""
    counted = past.reshape(-1, *past.shape[-2:]).sum(axis=0)
    return counted / np.maximum(counted.sum(axis=-1, keepdims=True), 1e-9)


@dataclass(frozen=True)
class Decision:
    """Plan of a period, and the reason; delays by the formula, s/veh.

    Args:
        start: minute of the day.
        proposed: Webster's plan for the forecast.
        applied: True for the proposed plan, False for the fixed one.
        why: reason.
        expected: mean delay of the proposed plan at the forecast, at its upper quantile, and at the check.
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
    kept: Mapping[int, str] | None = None,
    hedge: bool = False,
) -> list[Decision]:
    """Decide for each period whether to apply the plan of the forecast, from what is known before the period.

    It is applied if the formula gives 5 % less delay than with the fixed plan at the forecast, and less at its upper
    quantile and at a second forecast, with the queue of earlier periods; if its hour is not blocked; and if the plan
    proposed for the period before was not 5 % worse at the observed flows.

    Args:
        forecast: of all periods of a day.
        check: independent forecast, since a wrong one would approve its own plans.
        shares: (4 arms, 3 turns) of each arm's flow.
        observed: (periods, 4 arms) veh/h; a period's flow is used only for later periods.
        blocked: hours of the day without the plan of the forecast, and the reason.
        kept: the same by the minute of the day at which a period starts.
        hedge: propose the plan for the forecast or that for its upper quantile: the one with less delay at both in sum.
    """
    count = len(forecast.flows)
    minutes, queue, last, decisions = 1440 // count, np.zeros(len(junction.lanes)), "", []
    for index in range(count):
        levels = (forecast.flows, forecast.upper, check.flows)
        cases = np.stack([level[index][:, None] * shares for level in levels])
        start, hours = index * minutes, minutes / 60
        plans = [junction.plan(flows) for flows in cases[: 2 if hedge else 1]]
        delays = [junction.delay(each, cases[:2], hours, queue).sum() for each in plans]
        plan = plans[int(np.argmin(delays))]
        new, old = (junction.delay(each, cases, hours, queue).tolist() for each in (plan, fixed))
        known = blocked.get(start // 60) or (kept or {}).get(start)
        reason = known or last or _reason_to_keep(plan, fixed, new, old)
        why = reason or f"{new[0]:.1f} s/veh expected, fixed {old[0]:.1f}"
        decisions.append(Decision(start, plan, not reason, why, tuple(new), tuple(old)))
        flows = observed[index][:, None] * shares
        new, old = (float(junction.delay(each, flows, hours, queue)) for each in (plan, fixed))
        lost = new > (1 + MARGIN) * old
        last = f"the last period's plan was worse: {new:.1f} s/veh, fixed {old:.1f}" if lost else ""
        queue = junction.queue_left(fixed if reason else plan, flows, hours, queue)
    return decisions


def _reason_to_keep(plan: Plan, fixed: Plan, new: Sequence[float], old: Sequence[float]) -> str:
    if plan.greens == fixed.greens:
        return "the forecast gives the fixed plan"
    if new[0] > (1 - MARGIN) * old[0]:
        return f"gain below {MARGIN:.0%}: {new[0]:.1f} s/veh, fixed {old[0]:.1f}"
    cases = ("the upper quantile", "the second forecast")
    for case, ours, theirs in zip(cases, new[1:], old[1:], strict=True):
        if ours >= theirs:
            return f"no gain at {case}: {ours:.1f} s/veh, fixed {theirs:.1f}"
    return ""


def running_plans(decisions: Sequence[Decision], fixed: Plan) -> list[Plan]:
    """Return the plan that runs in each period."""
    return [decision.proposed if decision.applied else fixed for decision in decisions]
