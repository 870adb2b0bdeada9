"""Figures of alarms, counted by hand."""

import numpy as np
import pytest

from cityzoo.alarms.matching import Alarm, Event, match_alarms
from cityzoo.alarms.metrics import alarm_metrics, reliability


def test_a_week_of_two_sensors_by_hand():
    alarms = [
        Alarm(0, 8, 14, 0.9),  # in time, 2 h
        Alarm(0, 30, 32, 0.8),  # false
        Alarm(1, 45, 50, 0.9),  # in time, 5 h
        Alarm(1, 72, 80, 0.9),  # late by 2 h
        Alarm(1, 166, None, 0.9),  # not judged: in force at the end
    ]
    events = [
        Event(0, 10, 12, 80.0),
        Event(0, 13, 13, 76.0),  # under the standing alarm
        Event(0, 100, 110, 99.0),  # missed
        Event(1, 50, 52, 85.0),
        Event(1, 70, 78, 120.0),  # late
    ]
    judged = match_alarms(alarms, events, np.ones((168, 2), bool), np.arange(168), 6, 3600)
    found = alarm_metrics(judged, sensors=2)
    assert [found[f"alarms_{word}"] for word in ("in_time", "late", "false", "unjudged")] == [2, 1, 1, 1]
    assert [found[f"events_{word}"] for word in ("in_time", "standing", "late", "missed")] == [2, 1, 1, 1]
    assert (found["alarms"], found["events"], found["events_unjudged"]) == (5, 5, 0)
    assert found["precision"] == 3 / 4 and found["recall"] == 4 / 5
    assert found["f1"] == pytest.approx(2 * 0.75 * 0.8 / 1.55)
    assert found["precision_in_time"] == 2 / 4 and found["recall_in_time"] == 3 / 5
    assert found["lead_hours"] == {"median": 3.5, "all": [2.0, 5.0]}
    assert found["late_hours"] == {"median": -2.0, "all": [-2.0]}
    assert found["false_alarms_per_sensor_week"] == 0.5  # one, of two sensors, in a week
    assert found["share_of_time_in_alarm"] == pytest.approx((6 + 2 + 5 + 8 + 2) / 336)


def test_nothing_to_divide_by():
    silent = alarm_metrics(match_alarms([], [], np.ones((24, 1), bool), np.arange(24), 6, 3600), 1)
    assert silent["precision"] is None and silent["recall"] is None and silent["f1"] is None
    assert silent["lead_hours"] == {"median": None, "all": []}
    wrong = alarm_metrics(
        match_alarms(
            [Alarm(0, 2, 4, 0.9)], [Event(0, 20, 21, 80)], np.ones((24, 1), bool), np.arange(24), 6, 3600
        ),
        1,
    )
    assert wrong["precision"] == wrong["recall"] == wrong["f1"] == 0


def test_probabilities_that_hold():
    rng = np.random.default_rng(0)
    told = rng.random((4000, 5))
    values = np.full((4001, 5), 60.0)
    values[1:] = np.where(rng.random((4000, 5)) < told, 80.0, 60.0)
    found = reliability(told, values, np.arange(4000), 1, 75, ">")
    assert len(found) == 10 and sum(tenth["count"] for tenth in found) == (values[:-1] < 75).sum()
    assert all(tenth["happened"] == pytest.approx(tenth["told"], abs=0.06) for tenth in found)
