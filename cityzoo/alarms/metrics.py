"""How good alarms are, in figures: precision, recall, lead time, false alarms, and whether probabilities hold."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cityzoo.alarms.events import Event, beyond
from cityzoo.alarms.matching import ENOUGH, FALSE, IN_TIME, LATE, MISSED, STANDING, UNJUDGED, AlarmMatches

WEEK = 604800  # seconds


def figures(judged: AlarmMatches, sensors: int) -> dict:
    """Return the figures of one forecaster's alarms, as plain numbers for report.json.

    precision is right alarms (in time or late) among those that can be judged, recall events found (in time,
    standing or late) among those that can be judged, f1 their harmonic mean; None where there is nothing to
    divide by. lead_hours are of events found in time, by the first alarm for each, late_hours (0 or less) of
    those found late. As late alarms count as right, an alarm that only repeats the present value has a high f1:
    precision_in_time, recall_in_time and f1_in_time count as right and found only what came before the event.

    Args:
        judged: alarms and events.
        sensors: how many were watched.
    """
    words, fates = Counter(outcome.word for outcome in judged.outcomes), Counter(judged.fates)
    right, found = words[IN_TIME] + words[LATE], fates[IN_TIME] + fates[STANDING] + fates[LATE]
    judged_alarms, judged_events = right + words[FALSE], found + fates[MISSED]
    precision, recall = _share(right, judged_alarms), _share(found, judged_events)
    early, warned = (
        _share(words[IN_TIME], judged_alarms),
        _share(fates[IN_TIME] + fates[STANDING], judged_events),
    )
    weeks = (int(judged.runs[-1] - judged.runs[0]) + 1) * judged.step_seconds / WEEK
    force = sum((len(judged.runs) if a.released is None else a.released) - a.raised for a in judged.alarms)
    return {
        "alarms": len(judged.alarms),
        "alarms_in_time": words[IN_TIME],
        "alarms_late": words[LATE],
        "alarms_false": words[FALSE],
        "alarms_unjudged": words[UNJUDGED],
        "precision": precision,
        "events": judged_events,
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
        "lead_hours": _hours(judged, IN_TIME),
        "late_hours": _hours(judged, LATE),
        "false_alarms_per_sensor_week": words[FALSE] / (sensors * weeks),
        "share_of_time_in_alarm": force / (len(judged.runs) * sensors),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _hours(judged: AlarmMatches, word: str) -> dict:
    """Return median and list of the leads of events with one fate, of the first alarm that was raised for each."""
    leads: dict[Event, int] = {}
    for outcome in judged.outcomes:  # in the order of raising
        if outcome.word == word:
            leads.setdefault(outcome.event, outcome.lead)
    fate = dict(zip(judged.events, judged.fates, strict=True))
    hours = [lead * judged.step_seconds / 3600 for event, lead in leads.items() if fate[event] == word]
    return {"median": float(np.median(hours)) if hours else None, "all": [round(each, 4) for each in hours]}


def reliability(
    told: np.ndarray, values: np.ndarray, runs: np.ndarray, ahead: int, limit: float, way: str
) -> list[dict]:
    """Return how often a limit was crossed where a probability was told: for each tenth, told, happened, count.

    Only forecasts count that were made while the value was inside the limit, and whose time was measured for
    the most part.

    Args:
        told: (R, N) float 0..1, NaN where nothing was told.
        values: (T, N) float, measured.
        runs: (R,) int, rows of the last known value.
        ahead: steps of the rule's time.
        limit: that is crossed.
        way: ">" or "<".

    Example:
        >>> values = np.array([[60.0], [70.0], [80.0], [60.0]])
        >>> reliability(np.array([[0.3], [0.32], [0.9]]), values, np.arange(3), 1, 75, ">")
        [{'told': 0.31, 'happened': 0.5, 'count': 2}]
    """
    padded = np.concatenate([values, np.full((ahead, values.shape[1]), np.nan)])
    windows = np.stack([padded[runs + step] for step in range(1, ahead + 1)])
    happened = beyond(windows, limit, way).any(0)
    known = happened | ((~np.isnan(windows)).sum(0) >= ENOUGH * ahead)
    inside = ~np.isnan(values[runs]) & ~beyond(values[runs], limit, way)
    counts = known & inside & ~np.isnan(told)
    tenths = np.clip((told[counts] * 10).astype(int), 0, 9)
    found = []
    for tenth in np.unique(tenths):
        here = tenths == tenth
        shares = (told[counts][here].mean(), happened[counts][here].mean())
        found.append({"told": round(float(shares[0]), 4), "happened": round(float(shares[1]), 4)})
        found[-1]["count"] = int(here.sum())
    return found
