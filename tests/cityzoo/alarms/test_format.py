"""Sentences of alarms, for every outcome."""

import numpy as np
import pytest

from cityzoo.alarms.format import format_alarm, format_utc

RECORD = {
    "raised_local": "2026-01-05T08:00:00+01:00",
    "released_local": None,
    "sensor": "north_01",
    "rule": "speed < 30 within 1h with 0.7 probability",
    "channel": "speed",
    "unit": "",
    "limit": 30.0,
    "probability": 1.0,
    "forecast": {
        "times": ["2026-01-05T07:05:00Z", "2026-01-05T07:10:00Z"],
        "step_seconds": 300,
        "at": "2026-01-05T07:10:00Z",
        "median": [40.0, 25.5],
        "low": None,
        "high": None,
        "levels": None,
    },
    "event": None,
}
EVENT = {
    "began_local": "2026-01-05T07:30:00+01:00",
    "ended_local": "2026-01-05T08:10:00+01:00",
    "lead_hours": -0.5,
    "worst": 12.0,
}
SPELL = "below from Mon 2026-01-05 07:30 to Mon 2026-01-05 08:10, worst 12."


@pytest.mark.parametrize(
    ("outcome", "event", "ending"),
    [
        ("false", None, "False: no event. Active at the end."),
        ("unjudged", None, "Not evaluated: too few measurements. Active at the end."),
        ("unjudged", EVENT, "Not evaluated: the event was there before. Active at the end."),
        ("late", EVENT, f"Late, 30min after its start: {SPELL} Active at the end."),
        ("late", {**EVENT, "lead_hours": 0.0}, f"Late, at its start: {SPELL} Active at the end."),
        ("in time", {**EVENT, "lead_hours": 0.75}, f"Correct, 45min ahead: {SPELL} Active at the end."),
    ],
)
def test_what_happened_in_words(outcome, event, ending):
    assert format_alarm({**RECORD, "outcome": outcome, "event": event}) == (
        "Mon 2026-01-05 08:00, north_01: speed expected below 30 within 1h, probability 100% (threshold 70%); 25.5 in "
        f"10min. {ending}"
    )


def test_times_in_utc_end_in_z():
    assert format_utc(np.datetime64("2026-01-05T06:00", "s")) == "2026-01-05T06:00:00Z"
