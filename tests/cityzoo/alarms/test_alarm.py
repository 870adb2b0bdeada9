"""Alarms raised and released, run by run."""

import numpy as np

from cityzoo.alarms.alarm import Alarm, raise_alarms


def follow(raising, keeping=None, hold=2):
    raising = np.array(raising, float)[:, None]
    keeping = raising if keeping is None else np.array(keeping, float)[:, None]
    return [(alarm.raised, alarm.released) for alarm in raise_alarms(raising, keeping, 0.8, hold)]


def test_raised_once_and_released_after_two_calm_runs():
    assert follow([0.1, 0.8, 0.9, 0.95, 0.3, 0.2, 0.1, 0.85, 0.1]) == [(1, 5), (7, None)]


def test_one_calm_run_does_not_release():
    assert follow([0.9, 0.1, 0.9, 0.1, 0.9, 0.1, 0.1]) == [(0, 6)]
    assert follow([0.9, 0.1, 0.9, 0.1], hold=1) == [(0, 1), (2, 3)]


def test_between_the_limits_nothing_changes():
    raising = [0.9, 0.3, 0.3, 0.3, 0.3, 0.3]  # inside the limit
    keeping = [0.9, 0.9, 0.9, 0.9, 0.3, 0.3]  # inside the release limit at last
    assert follow(raising, keeping) == [(0, 5)]
    assert follow([0.3] * 6, [0.9] * 6) == []  # beyond the release limit alone raises nothing


def test_runs_without_a_forecast_change_nothing():
    none = np.nan
    assert follow([0.9, none, none, none, 0.1, none, 0.1, none]) == [(0, 6)]
    assert follow([none, 0.1, none]) == []


def test_an_alarm_may_be_in_force_at_the_end():
    (alarm,) = raise_alarms(np.array([[0.2], [0.9]]), np.array([[0.3], [0.95]]), 0.8, 2)
    assert alarm == Alarm(0, 1, None, 0.9)
    assert not alarm.is_active(0) and alarm.is_active(1) and alarm.is_active(99)


def test_sensors_are_told_apart():
    raising = np.array([[0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    alarms = raise_alarms(raising, raising, 0.8, 2)
    assert [(alarm.sensor, alarm.raised, alarm.released) for alarm in alarms] == [(0, 0, 2), (1, 1, None)]
