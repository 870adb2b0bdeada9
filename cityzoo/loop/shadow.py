"""Days in shadow mode: plans made from camera counts, simulated with the vehicles that really came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.loop.camera_counts import CameraCounts
from cityzoo.loop.forecasts import arm_flows, forecast_simply, widen
from cityzoo.traffic_signals import sumo
from cityzoo.traffic_signals.compare import (
    FIXED,
    FORECAST,
    REHEARSALS,
    TIME_OF_DAY,
    PlanResult,
    Scene,
    block_hours,
    make_program,
    propose,
    simulate_day,
)
from cityzoo.traffic_signals.demand import Days
from cityzoo.traffic_signals.forecast_file import Forecast
from cityzoo.traffic_signals.junction import ARMS, Junction
from cityzoo.traffic_signals.plans import Decision, best_fixed, plans_by_time_of_day, running_plans
from cityzoo.traffic_signals.webster import Plan

ORACLE = "oracle"  # plans for the flow that really comes
LEAST_PAST = 2  # earlier days of a kind


@dataclass(frozen=True)
class Setting:
    """What the loop runs on.

    Attributes:
        counts: of the cameras.
        truth: the vehicles that really come; None: as counted, since nothing else is known.
        turns: shares of left, straight and right.
        period: minutes between plans.
        hours: simulated hours of each day.
        folder: for SUMO's files.
        forecasts: by day; None: `simple_forecast`.
    """

    counts: CameraCounts
    truth: Days | None
    turns: tuple[float, float, float]
    period: int
    hours: tuple[int, int]
    folder: Path
    forecasts: Mapping[date, Forecast] | None = None


@dataclass(frozen=True)
class ShadowDay(PlanResult):
    """A day: decisions, and delays by plan.

    Attributes:
        day: its date.
        forecast: that the plans were made from.
        blocked: hours that were worse on the days before.
    """

    day: date
    forecast: Forecast
    blocked: Mapping[int, str]


class Loop:
    """The loop over days.

    Args:
        setting: what it runs on.

    Attributes:
        fixed: the plan that runs without the loop, the best one for the days before the first.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, junction = setting, Junction()
        counted = setting.counts.as_days(setting.turns)
        self.known = Scene(counted, junction, setting.period, setting.hours, setting.folder / "counted")
        real = setting.truth or counted
        self.real = Scene(real, junction, setting.period, setting.hours, setting.folder / "real")
        for scene in (self.known, self.real):
            scene.folder.mkdir(parents=True, exist_ok=True)
            sumo.write_network(junction, scene.folder)
        self._rehearsed: dict[int, PlanResult] = {}
        self.fixed: Plan

    def run(self, count: int) -> list[ShadowDay]:
        """Return the last days, each decided from what was known before its periods.

        Raises:
            InputError: too few earlier days of their kind, or SUMO is not installed.
        """
        days = self.known.days
        chosen = range(max(len(days.dates) - count, 0), len(days.dates))
        for day in chosen:
            if len(days.past_of_kind(day)) < LEAST_PAST:
                kind = "weekend days" if days.dates[day].weekday() >= 5 else "working days"
                raise InputError(
                    f"{len(days.past_of_kind(day))} {kind} before {days.dates[day]}: expected at least {LEAST_PAST}; "
                    "watch longer, or give fewer --days"
                )
        before = self.real.days.flows(self.setting.period)[: chosen[0]]
        self.fixed = best_fixed(self.real.junction, before, self.setting.period / 60)
        return [self._run_day(day) for day in chosen]

    def _run_day(self, day: int) -> ShadowDay:
        past = [each for each in self.known.days.past_of_kind(day)[-REHEARSALS:] if self._can_rehearse(each)]
        for each in past:
            if each not in self._rehearsed:
                self._rehearsed[each] = self._rehearse(each)
        blocked = block_hours([self._rehearsed[each] for each in past], self.setting.hours)
        forecast, decisions = self.decide(day, blocked)
        truth = self.real.days.flows(self.setting.period)
        plans = {
            FIXED: [self.fixed] * len(decisions),
            TIME_OF_DAY: plans_by_time_of_day(self.real.junction, truth[self.real.days.past_of_kind(day)]),
            FORECAST: running_plans(decisions, self.fixed),
            ORACLE: [self.real.junction.plan(flows) for flows in truth[day]],
        }
        lines = {name: make_program(self.real, each) for name, each in plans.items()}
        measured = simulate_day(self.real, day, lines)
        return ShadowDay(decisions, measured, self.known.days.dates[day], forecast, blocked)

    def _can_rehearse(self, day: int) -> bool:
        return len(self.known.days.past_of_kind(day)) >= LEAST_PAST

    def _rehearse(self, day: int) -> PlanResult:
        _, decisions = self.decide(day, {})
        plans = {FIXED: [self.fixed] * len(decisions), FORECAST: running_plans(decisions, self.fixed)}
        lines = {name: make_program(self.known, each) for name, each in plans.items()}
        return PlanResult(decisions, simulate_day(self.known, day, lines))

    def decide(self, day: int, blocked: Mapping[int, str]) -> tuple[Forecast, list[Decision]]:
        """Return the forecast of a day with the errors of its counts, and the decision of each period."""
        setting, days = self.setting, self.known.days
        past = days.past_of_kind(day)
        if setting.forecasts is None:
            filled = days.flows(setting.period).sum(axis=-1)
            forecast = forecast_simply(setting.counts, day, filled, past)
        else:
            forecast = setting.forecasts[days.dates[day]]
        excess = setting.counts.excess(past)[:: setting.period // 15]
        forecast = widen(forecast, excess)
        kept = self._not_observed(day)
        return propose(self.known, day, self.fixed, blocked, {days.dates[day]: forecast}, kept, hedge=True)

    def _not_observed(self, day: int) -> dict[int, str]:
        """Return the periods before whose start an arm was not observed, by the minute of their start."""
        seen = np.isfinite(arm_flows(self.setting.counts.values, self.setting.period))
        before = np.concatenate([seen[day - 1, -1:], seen[day, :-1]])
        return {
            index * self.setting.period: f"not observed: {', '.join(np.array(ARMS)[~row])}"
            for index, row in enumerate(before)
            if not row.all()
        }
