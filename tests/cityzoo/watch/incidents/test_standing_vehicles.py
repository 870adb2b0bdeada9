"""Vehicles that stand: found once and in time; jams, parked cars, gaps and passing vehicles raise nothing."""

import pytest

from cityzoo.watch.scene import Scene, Zone
from tests.cityzoo.watch.watched_paths import drive, stop, watch

RULE = ("stopped car for 5s",)
FLOW = [drive(0, 150, 80, start) for start in range(0, 60, 3)]
STOPPED = stop(0, 200, 10, 30)
LANE = Scene(zones=(Zone("lane", ((0.4, 0.3), (0.6, 0.3), (0.6, 0.7), (0.4, 0.7))),))


def hidden(path, start, end):
    return lambda seconds: None if start <= seconds < end else path(seconds)


def test_a_vehicle_is_found_once_and_released():
    """It stands from 10 to 30 s."""
    told, events = watch([STOPPED, *FLOW], 40, RULE)
    assert [kind for kind, _ in told] == ["stopped raised", "stopped released"]
    assert 14.5 <= told[0][1] <= 16.0 and 30.0 <= told[1][1] <= 33.0
    raised, released = events
    assert (
        raised["class"] == "car" and raised["rule"] == "stopped car for 5s" and raised["severity"] == "medium"
    )
    assert raised["point"] == pytest.approx([0.5, 0.5], abs=0.01) and 5 <= raised["seconds"] <= 6
    assert released["incident"] == raised["incident"] and released["id"] != raised["id"]


@pytest.mark.parametrize(
    ("fps", "jitter", "missed"), [(5, 0.05, 0.1), (12.5, 0.05, 0.1), (25, 0.02, 0.0), (2, 0.02, 0.0)]
)
def test_noise_and_frame_rate_do_not_matter(fps, jitter, missed):
    """One alarm in the same time."""
    told, _ = watch([STOPPED, *FLOW], 40, RULE, fps=fps, jitter=jitter, missed=missed)
    assert [kind for kind, _ in told] == ["stopped raised", "stopped released"]
    assert 14.5 <= told[0][1] <= 17.0


@pytest.mark.parametrize(
    "paths",
    [
        FLOW,
        [stop(0, 200, 10, 13), *FLOW],  # too short
        [drive(200, speed=0.0)],  # parked since before the first frame
        [stop(0, 200, 10, 30, label=1)],  # a truck
        [stop(0, 200 - 40 * k, 10 + k * 0.2, 30) for k in range(4)],  # a queue
        [drive(0, speed=8.0)],  # creeps
    ],
)
def test_these_raise_nothing(paths):
    """Traffic, short stops, parked cars, other classes, jams."""
    assert watch(paths, 40, RULE)[0] == []


def test_in_a_zone_every_vehicle_counts():
    """Also one that stood there before the first frame; none outside."""
    told, _ = watch([drive(200, speed=0.0)], 20, ["stopped in lane for 5s"], LANE)
    assert [kind for kind, _ in told] == ["stopped raised"]
    assert watch([drive(100, speed=0.0)], 20, ["stopped in lane for 5s"], LANE)[0] == []


def test_a_lost_vehicle_stands_on():
    """It is hidden for 3 s, then found under a new id, and the id of the first passes to nobody."""
    told, _ = watch([hidden(STOPPED, 12, 15), *FLOW], 28, RULE)
    assert [kind for kind, _ in told] == ["stopped raised"] and 14.5 <= told[0][1] <= 16.5
    told, _ = watch([hidden(STOPPED, 20, 23), *FLOW], 28, RULE)
    assert [kind for kind, _ in told] == ["stopped raised"]


def test_an_id_that_passes_to_a_moving_vehicle_does_not_end_the_stop():
    """Another vehicle drives over the same place."""
    told, _ = watch([STOPPED, *FLOW, drive(0, 103, 60, 17), drive(0, 100, 60, 22)], 29, RULE)
    assert [kind for kind, _ in told] == ["stopped raised"]


def test_time_that_is_not_observed_does_not_count():
    """Seen for 2 s before and 4 s after a gap of a minute: 6 s at the end."""
    path = stop(0, 200, 10, 200)
    told, _ = watch([path], 90, RULE, gaps=[(12, 72)])
    assert [kind for kind, _ in told] == ["stopped raised"] and 74.5 <= told[0][1] <= 77


def test_the_same_place_again_is_the_same_incident():
    """Two vehicles stop at one place, ten seconds apart; a third one elsewhere."""
    paths = [STOPPED, stop(0, 200, 45, 60), stop(0, 320, 70, 90)]
    _, events = watch(paths, 100, RULE)
    raised = [event for event in events if event["state"] == "raised"]
    assert [event.get("repeat", False) for event in raised] == [False, True, False]
    assert len({event["incident"] for event in raised}) == 2 and len({event["id"] for event in events}) == 6
