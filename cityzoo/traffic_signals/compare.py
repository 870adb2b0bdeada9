"""Comparison of signal plans on a simulated day: fixed, by time of day, actuated, by forecast."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.demand import Days, write_routes
from cityzoo.traffic_signals.forecast_file import Forecast, simple_forecast
from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.plans import (
    Decision,
    best_fixed,
    decide,
    plans_by_time_of_day,
    running_plans,
    turning_shares,
)
from cityzoo.traffic_signals.sumo import SimulationResult, simulate
from cityzoo.traffic_signals.webster import Plan

REHEARSALS = 2  # past days that the plans of the forecast are simulated on first
LONGEST_GREEN = 1.25  # of an actuated phase, relative to Webster's longest for it
FIXED, TIME_OF_DAY, ACTUATED, FORECAST = "fixed", "time of day", "actuated", "forecast"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scene:
    """Setting of a comparison.

    Args:
        days: traffic counts; plans are compared on the last day.
        junction: with the signal.
        period: minutes between plans: 15, 30 or 60.
        hours: simulated hours of the day, start and end.
        folder: for SUMO's files; must exist.
    """

    days: Days
    junction: Junction
    period: int
    hours: tuple[int, int]
    folder: Path

    def select_hours(self, periods: Sequence) -> Sequence:
        """Return the simulated ones of a day's periods."""
        first, end = (hour * 60 // self.period for hour in self.hours)
        return periods[first:end]


@dataclass(frozen=True)
class Hour:
    """Simulated hour with the plans of the forecast as applied, and with the fixed one.

    Args:
        delay: s/veh as applied.
        fixed: s/veh with the fixed plan.
        applied: number of periods with the plan of the forecast.
    """

    delay: float
    fixed: float
    applied: int

    @property
    def worse(self) -> bool:
        """Whether a plan of the forecast was applied and the hour was worse than with the fixed one."""
        return self.applied > 0 and self.delay > self.fixed


@dataclass(frozen=True)
class PlanResult:
    """Simulated day.

    Args:
        decisions: one per period of the day.
        measured: by plan.
    """

    decisions: Sequence[Decision]
    measured: Mapping[str, SimulationResult]

    def hour(self, hour: int) -> Hour:
        """Return one of its hours."""
        applied = [decision.applied for decision in self.decisions if decision.start // 60 == hour]
        ours, fixed = (self.measured[name].mean_delay((hour, hour + 1)) for name in (FORECAST, FIXED))
        return Hour(ours, fixed, sum(applied))


@dataclass(frozen=True)
class Comparison(PlanResult):
    """Result on the last day.

    Args:
        fixed: the fixed plan.
        forecast: of the last day.
        blocked: hours in which the plans of the forecast were worse on past days, and the reason.
    """

    fixed: Plan
    forecast: Forecast
    blocked: Mapping[int, str]

    @property
    def released(self) -> bool:
        """Whether the plans of the forecast, as applied, delay the day no more than the fixed one."""
        return self.measured[FORECAST].mean_delay() <= self.measured[FIXED].mean_delay()


def compare(scene: Scene, forecasts: Mapping[date, Forecast] | None = None) -> Comparison:
    """Simulate the last day with every plan.

    The plans of the forecast are simulated on past days first: hours in which they were worse keep the fixed plan.

    Args:
        forecasts: by day, made from what was known before each period: of the last day, and optionally of the past
            days of its kind before it; None: `simple_forecast` of all of them.

    Raises:
        InputError: SUMO is not installed.
    """
    sumo.write_network(scene.junction, scene.folder)
    past = scene.days.flows(scene.period)[scene.days.past_of_kind(-1)]
    fixed = best_fixed(scene.junction, past, scene.period / 60)
    usual = plans_by_time_of_day(scene.junction, past)
    blocked = simulate_plans(scene, fixed, forecasts)
    forecast, decisions = propose(scene, -1, fixed, blocked, forecasts)
    longest = [round(LONGEST_GREEN * max(plan.greens[i] for plan in usual)) for i in range(len(fixed.greens))]
    lines = {
        FIXED: make_program(scene, [fixed] * len(usual)),
        TIME_OF_DAY: make_program(scene, usual),
        ACTUATED: sumo.actuated_program(scene.junction, longest, 3600 * scene.hours[0]),
        FORECAST: make_program(scene, running_plans(decisions, fixed)),
    }
    return Comparison(decisions, simulate_day(scene, -1, lines), fixed, forecast, blocked)


def simulate_plans(
    scene: Scene, fixed: Plan, forecasts: Mapping[date, Forecast] | None = None
) -> dict[int, str]:
    """Simulate past days with the fixed plan and those of the forecast; return the hours that were worse, and why.

    Each day's forecast uses only the days before it. Days without a forecast are skipped.
    """
    results = []
    for day in scene.days.past_of_kind(-1)[-REHEARSALS:]:
        if forecasts is None or scene.days.dates[day] in forecasts:
            _, decisions = propose(scene, day, fixed, {}, forecasts)
            plans = {FIXED: [fixed] * len(decisions), FORECAST: running_plans(decisions, fixed)}
            lines = {name: make_program(scene, each) for name, each in plans.items()}
            results.append(PlanResult(decisions, simulate_day(scene, day, lines)))
    return block_hours(results, scene.hours)


def block_hours(results: Sequence[PlanResult], hours: tuple[int, int]) -> dict[int, str]:
    """Return the hours in which the plans of the forecast were worse on simulated days, and the reason."""
    blocked = {}
    for number in range(*hours):
        applied = [hour for hour in (result.hour(number) for result in results) if hour.applied]
        ours, theirs = sum(hour.delay for hour in applied), sum(hour.fixed for hour in applied)
        if ours > theirs:
            means = f"{ours / len(applied):.1f} s/veh, fixed {theirs / len(applied):.1f}"
            blocked[number] = f"worse on past days: {means}"
    return blocked


def propose(
    scene: Scene,
    day: int,
    fixed: Plan,
    blocked: Mapping[int, str],
    forecasts: Mapping[date, Forecast] | None,
    kept: Mapping[int, str] | None = None,
    hedge: bool = False,
) -> tuple[Forecast, list[Decision]]:
    """Return the forecast and the decisions of a day, see `decide`; without forecasts, of `simple_forecast`."""
    flows = scene.days.flows(scene.period)
    past = flows[scene.days.past_of_kind(day)]
    observed = flows[day].sum(axis=-1)
    check = simple_forecast(past.sum(axis=-1), observed)
    forecast = forecasts[scene.days.dates[day]] if forecasts else check
    shares = turning_shares(past)
    return forecast, decide(scene.junction, fixed, forecast, check, shares, observed, blocked, kept, hedge)


def make_program(scene: Scene, plans: Sequence[Plan]) -> list[str]:
    """Return SUMO's program of a day's plans, one per period."""
    return sumo.period_program(scene.junction, scene.select_hours(plans), scene.period, 3600 * scene.hours[0])


def simulate_day(
    scene: Scene, day: int, programs: Mapping[str, Sequence[str]]
) -> dict[str, SimulationResult]:
    """Simulate the same vehicles with each program, in parallel."""
    on = scene.days.dates[day]
    routes = f"{on}.rou.xml"
    arrivals = write_routes(scene.days, day, scene.hours, scene.folder / routes)
    if not len(arrivals):
        raise InputError(
            f"no vehicles on {on} at {scene.hours[0]}-{scene.hours[1]} h; give more hours or more traffic"
        )
    log.info("simulating %s, %s vehicles: %s", on, f"{len(arrivals):,}", ", ".join(programs))

    def run(name: str) -> SimulationResult:
        files = f"{on}.{name.replace(' ', '_')}"
        return simulate(scene.folder, routes, arrivals, programs[name], scene.hours, files)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        return dict(zip(programs, pool.map(run, programs), strict=True))
