"""Alarms held against what happened: which were right, which events were found, and how early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.alarms.alarm import Alarm
from cityzoo.alarms.events import Event

IN_TIME, LATE, FALSE, STANDING, MISSED, UNJUDGED = (
    "in time",
    "late",
    "false",
    "standing",
    "missed",
    "unjudged",
)
ENOUGH = 0.5  # of a claim's time must be measured to call an alarm false


@dataclass(frozen=True)
class Outcome:
    """Hold what came of one alarm.

    Attributes:
        word: "in time": raised before an event that began within the rule's time; "late": raised when it had
            begun; "false": nothing happened in time; "unjudged": nobody knows, as too little was measured or
            the event was there before the first forecast.
        event: the event, None where there was none.
        lead: steps from raising to its begin, 0 or less where late.
    """

    word: str
    event: Event | None = None
    lead: int | None = None


@dataclass(frozen=True)
class AlarmMatches:
    """Hold alarms and events of one rule, as one forecaster saw them.

    Attributes:
        alarms: as raised.
        outcomes: one an alarm.
        events: in the truth.
        fates: one an event: "in time" and "late" as of its alarm; "standing": it began under an alarm that was
            in force already, raised for an earlier event or too early; "missed"; "unjudged": it began before
            the second forecast or after the last.
        runs: (R,) int, rows of the truth at which forecasts were made.
        step_seconds: of the truth.
    """

    alarms: Sequence[Alarm]
    outcomes: Sequence[Outcome]
    events: Sequence[Event]
    fates: Sequence[str]
    runs: np.ndarray
    step_seconds: int


def judge(
    alarms: Sequence[Alarm],
    events: Sequence[Event],
    measured: np.ndarray,
    runs: np.ndarray,
    ahead: int,
    step_seconds: int,
) -> AlarmMatches:
    """Hold alarms against events.

    An alarm claims at its raising that the value is beyond the limit now or within the next `ahead` steps, and
    is judged by that claim alone; the first such event is its own.

    Args:
        alarms: of all sensors.
        events: of all sensors.
        measured: (T, N) bool, where the truth is known.
        runs: (R,) int, row of the last known value at each forecast, increasing.
        ahead: steps of the rule's time.
        step_seconds: from one row to the next.
    """
    by_sensor: dict[int, list[Event]] = {}
    for event in events:
        by_sensor.setdefault(event.sensor, []).append(event)
    outcomes = [_outcome(alarm, by_sensor.get(alarm.sensor, []), measured, runs, ahead) for alarm in alarms]
    own: dict[Event, set[str]] = {}
    for outcome in outcomes:
        if outcome.event is not None:
            own.setdefault(outcome.event, set()).add(outcome.word)
    raised: dict[int, list[Alarm]] = {}
    for alarm in alarms:
        raised.setdefault(alarm.sensor, []).append(alarm)
    fates = [_fate(event, own.get(event, set()), raised.get(event.sensor, []), runs) for event in events]
    return AlarmMatches(alarms, outcomes, events, fates, runs, step_seconds)


def _outcome(
    alarm: Alarm, events: Sequence[Event], measured: np.ndarray, runs: np.ndarray, ahead: int
) -> Outcome:
    now = int(runs[alarm.raised])
    event = next((e for e in events if e.last >= now and e.begin <= now + ahead), None)
    if event is None:
        known = measured[now + 1 : now + 1 + ahead, alarm.sensor].sum()
        return Outcome(FALSE if known >= ENOUGH * ahead else UNJUDGED)
    if event.begin <= runs[0]:
        return Outcome(UNJUDGED, event)
    lead = event.begin - now
    return Outcome(IN_TIME if lead > 0 else LATE, event, lead)


def _fate(event: Event, words: set[str], alarms: Sequence[Alarm], runs: np.ndarray) -> str:
    if not runs[0] < event.begin <= runs[-1]:
        return UNJUDGED
    if IN_TIME in words:
        return IN_TIME
    before = int(np.searchsorted(runs, event.begin)) - 1  # the last forecast before it began
    at = int(np.searchsorted(runs, event.begin, "right")) - 1  # the last one that could see its first value
    if any(alarm.in_force(before) and alarm.in_force(at) for alarm in alarms):
        return STANDING
    return LATE if LATE in words else MISSED
