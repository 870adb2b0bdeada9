"""Alarms, events in the measurements, and their matches: which alarms were correct, how early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

IN_TIME, LATE, FALSE = "in time", "late", "false"
STANDING, MISSED, UNJUDGED = "standing", "missed", "unjudged"
ENOUGH = 0.5  # minimum share of measurements within the rule's time to call an alarm false
BRIDGED_SECONDS = 3600  # maximum gap in the measurements, between values beyond the limit, within one event


@dataclass(frozen=True)
class Alarm:
    """An alarm of a sensor."""

    sensor: int  # position of the sensor
    raised: int  # run, the position of the forecast that raised it
    released: int | None  # run that released it; None while it is active
    probability: float  # 0..1, of the forecast that raised it

    def is_active(self, run: int) -> bool:
        """Return whether the alarm was raised at or before a run and not yet released."""
        return self.raised <= run and (self.released is None or run < self.released)


def raise_alarms(raising: np.ndarray, keeping: np.ndarray, probability: float, hold: int) -> list[Alarm]:
    """Return the alarms of all sensors, sorted by run, then sensor.

    An alarm is raised at the first run with a probability of crossing the limit of `probability` or more. It is
    released at the last of `hold` consecutive runs with a probability of crossing the release limit below that.
    Runs without a forecast (NaN) are skipped.

    Args:
        raising: (R, N) float 0..1, probability of crossing the limit.
        keeping: (R, N) float 0..1, probability of crossing the release limit, never lower than `raising`.
        probability: that raises an alarm.
        hold: runs.

    Example:
        >>> raising = np.array([[0.1], [0.9], [0.5], [0.2], [0.1]])
        >>> raise_alarms(raising, raising, 0.8, 2)
        [Alarm(sensor=0, raised=1, released=3, probability=0.9)]
    """
    runs, sensors = raising.shape
    begun = np.full(sensors, -1)  # run at which the active alarm was raised
    calm = np.zeros(sensors, int)  # consecutive runs below the probability
    found: list[tuple[int, int, int | None]] = []
    for run in range(runs):
        known = ~np.isnan(keeping[run])
        calm[known] = np.where(keeping[run][known] < probability, calm[known] + 1, 0)
        for sensor in np.flatnonzero((begun >= 0) & (calm >= hold)):
            found.append((int(begun[sensor]), int(sensor), run))
            begun[sensor] = -1
        starting = (begun < 0) & (raising[run] >= probability)
        begun[starting], calm[starting] = run, 0
    found += [(int(begun[sensor]), int(sensor), None) for sensor in np.flatnonzero(begun >= 0)]
    found.sort(key=lambda each: each[:2])
    return [Alarm(sensor, run, released, float(raising[run, sensor])) for run, sensor, released in found]


@dataclass(frozen=True)
class Event:
    """A period of one sensor; steps are rows of the measurements."""

    sensor: int  # position of the sensor
    begin: int  # step of the first value beyond the limit
    last: int  # step of the last one
    worst: float  # the value farthest beyond it


def is_beyond(values: np.ndarray, limit: float, way: str) -> np.ndarray:
    """Return where values are beyond a limit, bool; False where they are missing (NaN)."""
    return values > limit if way == ">" else values < limit


def find_events(values: np.ndarray, limit: float, way: str, step_seconds: int) -> list[Event]:
    """Return the maximal runs of values beyond a limit, by sensor, then time.

    Up to an hour without measurements does not end a run; a single measurement within the limit does.

    Args:
        values: (T, N) float, NaN where nothing was measured.

    Example:
        >>> values = np.array([[60.0], [80.0], [np.nan], [90.0], [70.0], [76.0]])
        >>> [(event.begin, event.last, event.worst) for event in find_events(values, 75, ">", 3600)]
        [(1, 3, 90.0), (5, 5, 76.0)]
    """
    out, missing = is_beyond(values, limit, way), np.isnan(values)
    found = []
    for sensor in range(values.shape[1]):
        steps = np.flatnonzero(out[:, sensor])
        if not len(steps):
            continue
        gaps = np.diff(steps) - 1
        inside = np.diff(np.cumsum(~missing[:, sensor])[steps]) - 1  # measured within the limit in between
        ends = np.flatnonzero((inside > 0) | (gaps * step_seconds > BRIDGED_SECONDS))
        worst = np.nanmax if way == ">" else np.nanmin  # bridged gaps are NaN
        for begin, last in zip(steps[[0, *(ends + 1)]], steps[[*ends, -1]], strict=True):
            extreme = float(worst(values[begin : last + 1, sensor]))
            found.append(Event(sensor, int(begin), int(last), extreme))
    return found


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
        measured: (T, N) bool, False where measurements are missing.
        runs: (R,) int, row of the last measurement before each forecast, increasing.
        ahead: steps of the rule's time.
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
