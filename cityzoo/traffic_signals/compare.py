"""Compare signal plans on one simulated day, no signal touched: fixed, by time of day, actuated, forecast."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cityzoo.errors import InputError
from cityzoo.traffic_signals import sumo_programs
from cityzoo.traffic_signals.demand import Days, write_routes
from cityzoo.traffic_signals.forecast import Forecast, simple_forecast
from cityzoo.traffic_signals.junction import Junction, write_network
from cityzoo.traffic_signals.plans import (
    Decision,
    best_fixed,
    by_time_of_day,
    decide,
    in_force,
    turning_shares,
)
from cityzoo.traffic_signals.simulate import Measured, simulate
from cityzoo.traffic_signals.webster import Plan

REHEARSALS = 2  # past days on which the forecast's plans are simulated before the day itself
LONGEST_GREEN = 1.25  # of an actuated phase, against Webster's longest for it
FIXED, TIME_OF_DAY, ACTUATED, FORECAST = "fixed", "time of day", "actuated", "forecast"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scene:
    """Say what is compared on what.

    Args:
        days: counted traffic; the last day is judged.
        junction: where.
        period: minutes that a plan lasts at least: 15, 30 or 60.
        hours: hours of the day that are simulated, first and end.
        folder: takes SUMO's files; must exist.
    """

    days: Days
    junction: Junction
    period: int
    hours: tuple[int, int]
    folder: Path

    def shown(self, of_periods: Sequence) -> Sequence:
        """Return those of a day's periods that are simulated."""
        first, end = (hour * 60 // self.period for hour in self.hours)
        return of_periods[first:end]


@dataclass(frozen=True)
class Hour:
    """Hold one simulated hour under the forecast's plans as applied, and under the fixed one.

    Args:
        delay: s/veh as applied.
        fixed: s/veh under the fixed plan.
        applied: periods of the hour in which the forecast's plan ran.
    """

    delay: float
    fixed: float
    applied: int

    @property
    def worse(self) -> bool:
        """Tell whether the forecast's plan ran and the hour was worse than under the fixed one."""
        return self.applied > 0 and self.delay > self.fixed


@dataclass(frozen=True)
class PlanResult:
    """Hold a simulated day.

    Args:
        decisions: one a period of the day.
        measured: by plan.
    """

    decisions: Sequence[Decision]
    measured: Mapping[str, Measured]

    def hour(self, hour: int) -> Hour:
        """Return one of its hours."""
        ran = [decision.applied for decision in self.decisions if decision.start // 60 == hour]
        ours, fixed = (self.measured[name].mean_delay((hour, hour + 1)) for name in (FORECAST, FIXED))
        return Hour(ours, fixed, sum(ran))


@dataclass(frozen=True)
class Comparison(PlanResult):
    """Hold what came out on the judged day.

    Args:
        fixed: the fixed plan.
        forecast: of the judged day.
        blocked: hours in which the forecast's plans were worse on past days, in words.
    """

    fixed: Plan
    forecast: Forecast
    blocked: Mapping[int, str]

    @property
    def released(self) -> bool:
        """Tell whether the forecast's plans, as applied, delayed the day no more than the fixed one."""
        return self.measured[FORECAST].mean_delay() <= self.measured[FIXED].mean_delay()


def compare(scene: Scene, forecasts: Mapping[date, Forecast] | None = None) -> Comparison:
    """Simulate the judged day under every plan.

    Before it, the forecast's plans are rehearsed on past days: hours in which they were worse keep the fixed plan.

    Args:
        scene: what on what.
        forecasts: by day, made from what was known before each period: of the judged day, and of the last past days
            of its kind if they are to be rehearsed; None: `simple_forecast`, of all of them.

    Raises:
        InputError: there is no SUMO.
    """
    write_network(scene.junction, scene.folder)
    past = scene.days.flows(scene.period)[scene.days.past_of_kind(-1)]
    fixed = best_fixed(scene.junction, past, scene.period / 60)
    usual = by_time_of_day(scene.junction, past)
    blocked = simulate_plans(scene, fixed, forecasts)
    forecast, decisions = _proposals(scene, -1, fixed, blocked, forecasts)
    longest = [round(LONGEST_GREEN * max(plan.greens[i] for plan in usual)) for i in range(len(fixed.greens))]
    lines = {
        FIXED: _by_period(scene, [fixed] * len(usual)),
        TIME_OF_DAY: _by_period(scene, usual),
        ACTUATED: sumo_programs.actuated(scene.junction, longest, 3600 * scene.hours[0]),
        FORECAST: _by_period(scene, in_force(decisions, fixed)),
    }
    return Comparison(decisions, _simulate(scene, -1, lines), fixed, forecast, blocked)


def simulate_plans(
    scene: Scene, fixed: Plan, forecasts: Mapping[date, Forecast] | None = None
) -> dict[int, str]:
    """Simulate past days under the fixed plan and the forecast's; return the hours that went worse, with reasons.

    Each day's forecast knows the days before it alone. Days without a forecast are left out.
    """
    trials = []
    for day in scene.days.past_of_kind(-1)[-REHEARSALS:]:
        if forecasts is None or scene.days.dates[day] in forecasts:
            _, decisions = _proposals(scene, day, fixed, {}, forecasts)
            plans = {FIXED: [fixed] * len(decisions), FORECAST: in_force(decisions, fixed)}
            lines = {name: _by_period(scene, each) for name, each in plans.items()}
            trials.append(PlanResult(decisions, _simulate(scene, day, lines)))
    blocked = {}
    for number in range(*scene.hours):
        hours = [hour for hour in (trial.hour(number) for trial in trials) if hour.applied]
        ours, theirs = sum(hour.delay for hour in hours), sum(hour.fixed for hour in hours)
        if ours > theirs:
            means = f"{ours / len(hours):.1f} s/veh, fixed {theirs / len(hours):.1f}"
            blocked[number] = f"worse in rehearsal on past days: {means}"
    return blocked


def _proposals(
    scene: Scene, day: int, fixed: Plan, blocked: Mapping[int, str], forecasts: Mapping[date, Forecast] | None
) -> tuple[Forecast, list[Decision]]:
    flows = scene.days.flows(scene.period)
    past = flows[scene.days.past_of_kind(day)]
    observed = flows[day].sum(axis=-1)
    check = simple_forecast(past.sum(axis=-1), observed)
    forecast = forecasts[scene.days.dates[day]] if forecasts else check
    shares = turning_shares(past)
    return forecast, decide(scene.junction, fixed, forecast, check, shares, observed, blocked)


def _by_period(scene: Scene, plans: Sequence[Plan]) -> list[str]:
    return sumo_programs.by_period(scene.junction, scene.shown(plans), scene.period, 3600 * scene.hours[0])


def _simulate(scene: Scene, day: int, programmes: Mapping[str, Sequence[str]]) -> dict[str, Measured]:
    """Let the same vehicles meet each programme, as many at a time as there are processors."""
    on = scene.days.dates[day]
    routes = f"{on}.rou.xml"
    came = write_routes(scene.days, day, scene.hours, scene.folder / routes)
    if not len(came):
        raise InputError(
            f"nobody comes on {on} at {scene.hours[0]}-{scene.hours[1]} h; take more hours or more traffic"
        )
    log.info("simulating %s, %s vehicles: %s", on, f"{len(came):,}", ", ".join(programmes))

    def run(name: str) -> Measured:
        files = f"{on}.{name.replace(' ', '_')}"
        return simulate(scene.folder, routes, came, programmes[name], scene.hours, files)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        return dict(zip(programmes, pool.map(run, programmes), strict=True))
