"""Alarms held against events: every word by a case of its own."""

import numpy as np
import pytest

from cityzoo.alarms.matching import Alarm, Event, find_events, match_alarms, raise_alarms

RUNS = np.arange(0, 40)
AHEAD = 6


def held(alarms, events, measured=None, steps=40):
    """Words of alarms, their leads, and fates of events, of one sensor; alarms are (raised, released)."""
    alarms = [Alarm(0, raised, released, 0.9) for raised, released in alarms]
    events = [Event(0, begin, last, 80.0) for begin, last in events]
    measured = np.ones((steps, 1), bool) if measured is None else measured
    judged = match_alarms(alarms, events, measured, RUNS[: min(steps, 40)], AHEAD, 3600)
    return [(outcome.word, outcome.lead) for outcome in judged.outcomes], list(judged.fates)


def test_in_time_up_to_the_last_step_of_the_claim():
    assert held([(4, 20)], [(10, 12)]) == ([("in time", 6)], ["in time"])
    assert held([(9, 20)], [(10, 12)]) == ([("in time", 1)], ["in time"])


def test_too_early_is_false_and_the_event_begins_under_a_standing_alarm():
    assert held([(3, 20)], [(10, 12)]) == ([("false", None)], ["standing"])
    assert held([(3, 8)], [(10, 12)]) == ([("false", None)], ["missed"])


def test_late_from_the_begin_of_the_event_to_its_last_value():
    assert held([(10, 20)], [(10, 12)]) == ([("late", 0)], ["late"])
    assert held([(12, 20)], [(10, 12)]) == ([("late", -2)], ["late"])
    assert held([(13, 20)], [(10, 12)]) == ([("false", None)], ["missed"])


def test_released_before_the_event_it_was_right_all_the_same():
    assert held([(5, 8)], [(10, 12)]) == ([("in time", 5)], ["in time"])


def test_a_second_event_under_the_same_alarm_has_no_lead_of_its_own():
    assert held([(8, 20)], [(10, 11), (15, 16)]) == ([("in time", 2)], ["in time", "standing"])


def test_the_first_of_two_alarms_and_a_late_one_for_one_event():
    words, fates = held([(5, 7), (8, 10), (11, 20)], [(10, 12)])
    assert words == [("in time", 5), ("in time", 2), ("late", -1)] and fates == ["in time"]


def test_nothing_happened():
    assert held([(4, 8)], []) == ([("false", None)], [])
    assert held([], [(10, 12)]) == ([], ["missed"])


def test_an_alarm_whose_time_was_not_measured_is_not_judged():
    measured = np.ones((40, 1), bool)
    measured[5:9] = False  # four of the six steps
    assert held([(4, 8)], [], measured) == ([("unjudged", None)], [])
    measured[5:7] = True
    assert held([(4, 8)], [], measured) == ([("false", None)], [])


def test_an_alarm_open_at_the_end_is_judged_by_what_is_known():
    assert held([(38, None)], []) == ([("unjudged", None)], [])  # a step of six
    assert held([(33, None)], []) == ([("false", None)], [])
    assert held([(37, None)], [(39, 39)]) == ([("in time", 2)], ["in time"])


def test_events_that_nobody_could_foresee_are_not_judged():
    words, fates = held([(0, 20), (25, 30)], [(0, 3), (26, 27)])
    assert words == [("unjudged", None), ("in time", 1)] and fates == ["unjudged", "in time"]


def test_another_sensors_alarm_finds_nothing():
    judged = match_alarms(
        [Alarm(1, 8, 20, 0.9)], [Event(0, 10, 12, 80.0)], np.ones((40, 2), bool), RUNS, AHEAD, 3600
    )
    assert [outcome.word for outcome in judged.outcomes] == ["false"] and list(judged.fates) == ["missed"]


def test_forecasts_need_not_be_made_at_every_step():
    runs = np.arange(0, 40, 4)
    judged = match_alarms(
        [Alarm(0, 2, 5, 0.9)], [Event(0, 10, 12, 80.0)], np.ones((40, 1), bool), runs, AHEAD, 3600
    )
    assert [(o.word, o.lead) for o in judged.outcomes] == [("in time", 2)]  # raised at row 8


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


NONE = np.nan


def spells(values, limit=75, way=">", step_seconds=3600):
    events = find_events(np.array(values, float)[:, None], limit, way, step_seconds)
    return [(event.begin, event.last, event.worst) for event in events]


def test_maximal_runs():
    assert spells([80, 60, 76, 90, 75, 77]) == [(0, 0, 80), (2, 3, 90), (5, 5, 77)]
    assert spells([60, 60]) == [] and spells([NONE, NONE]) == []


def test_below_a_limit():
    assert spells([60, 25, 20, 60], limit=30, way="<") == [(1, 2, 20)]


@pytest.mark.parametrize(("missing", "events"), [(11, 1), (12, 1), (13, 2)])
def test_gaps_of_up_to_an_hour_are_bridged(missing, events):
    assert len(spells([80, *[NONE] * missing, 80], step_seconds=300)) == events


def test_a_measured_value_inside_the_limit_ends_it_though_gaps_are_near():
    assert spells([80, NONE, 70, NONE, 80], step_seconds=300) == [(0, 0, 80), (4, 4, 80)]


def test_gaps_at_its_ends_do_not_belong_to_it():
    assert spells([NONE, 80, 81, NONE]) == [(1, 2, 81)]


def test_by_sensor_then_time():
    values = np.array([[80.0, 60], [60, 80], [80, 80]])
    assert find_events(values, 75, ">", 3600) == [Event(0, 0, 0, 80), Event(0, 2, 2, 80), Event(1, 1, 2, 80)]
