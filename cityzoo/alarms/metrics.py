"""Metrics of alarms: precision, recall, lead time, false alarms, and the reliability of probabilities."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cityzoo.alarms.matching import (
    ENOUGH,
    FALSE,
    IN_TIME,
    LATE,
    MISSED,
    STANDING,
    UNJUDGED,
    AlarmMatches,
    Event,
    is_beyond,
)

WEEK = 604800  # seconds


def alarm_metrics(matches: AlarmMatches, sensors: int) -> dict:
    """Return the metrics of one forecaster's alarms, as plain numbers for report.json.

    precision is the share of correct alarms (in time or late), recall that of events found (in time, standing or
    late), both without the unjudged ones, f1 their harmonic mean; None for a division by zero. lead_hours are those of
    events found in time, by the first alarm for each, late_hours (0 or less) those of events found late. Late alarms
    count as correct, so alarms that only repeat the present value have a high f1: precision_in_time, recall_in_time
    and f1_in_time count only alarms before the event.
    """
    words, fates = Counter(outcome.word for outcome in matches.outcomes), Counter(matches.fates)
    right, found = words[IN_TIME] + words[LATE], fates[IN_TIME] + fates[STANDING] + fates[LATE]
    known_alarms, known_events = right + words[FALSE], found + fates[MISSED]
    precision, recall = _share(right, known_alarms), _share(found, known_events)
    early = _share(words[IN_TIME], known_alarms)
    warned = _share(fates[IN_TIME] + fates[STANDING], known_events)
    weeks = (int(matches.runs[-1] - matches.runs[0]) + 1) * matches.step_seconds / WEEK
    force = sum((len(matches.runs) if a.released is None else a.released) - a.raised for a in matches.alarms)
    return {
        "alarms": len(matches.alarms),
        "alarms_in_time": words[IN_TIME],
        "alarms_late": words[LATE],
        "alarms_false": words[FALSE],
        "alarms_unjudged": words[UNJUDGED],
        "precision": precision,
        "events": known_events,
        "events_in_time": fates[IN_TIME],
        "events_standing": fates[STANDING],
        "events_late": fates[LATE],
        "events_missed": fates[MISSED],
        "events_unjudged": fates[UNJUDGED],
        "recall": recall,
        "f1": _f1(precision, recall),
        "precision_in_time": early,
        "recall_in_time": warned,
        "f1_in_time": _f1(early, warned),
        "lead_hours": _hours(matches, IN_TIME),
        "late_hours": _hours(matches, LATE),
        "false_alarms_per_sensor_week": words[FALSE] / (sensors * weeks),
        "share_of_time_in_alarm": force / (len(matches.runs) * sensors),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _hours(matches: AlarmMatches, word: str) -> dict:
    """Return median and list of the leads of events with one fate, by the first alarm for each."""
    leads: dict[Event, int] = {}
    for outcome in matches.outcomes:  # in the order of raising
        if outcome.word == word and outcome.event is not None and outcome.lead is not None:
            leads.setdefault(outcome.event, outcome.lead)
    fate = dict(zip(matches.events, matches.fates, strict=True))
    hours = [lead * matches.step_seconds / 3600 for event, lead in leads.items() if fate[event] == word]
    return {"median": float(np.median(hours)) if hours else None, "all": [round(each, 4) for each in hours]}


def reliability(
    forecast: np.ndarray, values: np.ndarray, runs: np.ndarray, ahead: int, limit: float, way: str
) -> list[dict]:
    """Return mean probability (`told`), frequency of crossing (`happened`) and count for each tenth of probability.

    Only forecasts count that were made while the value was within the limit and with enough measurements after.

    Args:
        forecast: (R, N) float 0..1, probabilities, NaN for none.
        values: (T, N) float, measurements.
        runs: (R,) int, rows of the last measurement before each.
        ahead: steps of the rule's time.

    Example:
        >>> values = np.array([[60.0], [70.0], [80.0], [60.0]])
        >>> reliability(np.array([[0.3], [0.32], [0.9]]), values, np.arange(3), 1, 75, ">")
        [{'told': 0.31, 'happened': 0.5, 'count': 2}]
    """
    padded = np.concatenate([values, np.full((ahead, values.shape[1]), np.nan)])
    windows = np.stack([padded[runs + step] for step in range(1, ahead + 1)])
    happened = np.any(is_beyond(windows, limit, way), axis=0)
    known = happened | ((~np.isnan(windows)).sum(0) >= ENOUGH * ahead)
    inside = ~np.isnan(values[runs]) & ~is_beyond(values[runs], limit, way)
    counts = known & inside & ~np.isnan(forecast)
    tenths = np.clip((forecast[counts] * 10).astype(int), 0, 9)
    found = []
    for tenth in np.unique(tenths):
        here = tenths == tenth
        shares = (forecast[counts][here].mean(), happened[counts][here].mean())
        found.append({"told": round(float(shares[0]), 4), "happened": round(float(shares[1]), 4)})
        found[-1]["count"] = int(here.sum())
    return found
