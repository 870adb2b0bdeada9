"""Spells beyond a limit, found by hand."""

import numpy as np
import pytest

from cityzoo.alarms.events import Event, find_events

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
