"""Alarms matched with events: which alarms were correct, which events were found, and how early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.alarms.alarm import Alarm
from cityzoo.alarms.events import Event

IN_TIME, LATE, FALSE = "in time", "late", "false"
STANDING, MISSED, UNJUDGED = "standing", "missed", "unjudged"
ENOUGH = 0.5  # minimum share of measurements within the rule's time to call an alarm false


@dataclass(frozen=True)
class Outcome:
    """Outcome of an alarm.

    Attributes:
        word: "in time": raised before an event that began within the rule's time; "late": raised during an event;
            "false": no event within the rule's time; "unjudged": unknown, as there are too few measurements or the
            event began before the first forecast.
        event: None if there was none.
        lead: steps from the alarm to the start of the event, 0 or less if late.
    """

    word: str
    event: Event | None = None
    lead: int | None = None


@dataclass(frozen=True)
class AlarmMatches:
    """Alarms and events of one rule and one forecaster.

    Attributes:
        alarms: as raised.
        outcomes: one per alarm.
        events: in the measurements.
        fates: one per event: "in time" and "late" as its alarm; "standing": it began during an alarm that was
            raised for an earlier event or too early; "missed"; "unjudged": it began before the second forecast or
            after the last.
        runs: (R,) int, rows of the measurements at which forecasts were made.
        step_seconds: of the measurements.
    """

    alarms: Sequence[Alarm]
    outcomes: Sequence[Outcome]
    events: Sequence[Event]
    fates: Sequence[str]
    runs: np.ndarray
    step_seconds: int


def match_alarms(
    alarms: Sequence[Alarm],
    events: Sequence[Event],
    measured: np.ndarray,
    runs: np.ndarray,
    ahead: int,
    step_seconds: int,
) -> AlarmMatches:
    """Match alarms with events.

    An alarm predicts a value beyond the limit now or within the next `ahead` steps; it belongs to the first such
    event.

    Args:
        alarms: of all sensors.
        events: of all sensors.
        measured: (T, N) bool, False where measurements are missing.
        runs: (R,) int, row of the last measurement before each forecast, increasing.
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
    at = int(np.searchsorted(runs, event.begin, "right")) - 1  # the last one that knew its first value
    if any(alarm.is_active(before) and alarm.is_active(at) for alarm in alarms):
        return STANDING
    return LATE if LATE in words else MISSED
