"""Drivers who keep their distance: the model by hand, free roads, queues, stops on the shoulder."""

import math

import numpy as np
import pytest

from cityzoo.demo.videos.car_following import (
    ACCELERATION,
    GAP_M,
    HARDEST,
    STEP_S,
    TIME_GAP_S,
    LanePlan,
    Stop,
    acceleration,
    drive_lane,
)


@pytest.mark.parametrize(
    ("speed", "wanted", "gap", "closing", "expected"),
    [
        (0.0, 10.0, math.inf, 0.0, ACCELERATION),
        (5.0, 10.0, math.inf, 0.0, ACCELERATION * (1 - 1 / 16)),
        (0.0, 10.0, GAP_M, 0.0, 0.0),  # a queue at rest stays at rest
        (10.0, 10.0, 100.0, 0.0, -ACCELERATION * ((GAP_M + 10 * TIME_GAP_S) / 100) ** 2),
        (20.0, 20.0, 3.0, 20.0, -HARDEST),
    ],
)
def test_the_acceleration_is_that_of_the_paper(speed, wanted, gap, closing, expected):
    assert acceleration(speed, wanted, gap, closing) == pytest.approx(expected)


def smallest_gap(rides, seconds):
    """Return the smallest distance between the bumpers of two vehicles in the lane."""
    smallest = math.inf
    for now in np.arange(0, seconds, 0.5):
        on = []
        for ride in rides:
            step = round((now - ride.start_s) / STEP_S)
            if 0 <= step < len(ride.meters) and abs(ride.aside_m[step] - ride.wander_m) < 1.0:
                on.append((ride.meters[step], ride.length_m))
        on.sort()
        smallest = min([smallest, *(b - a - (n + m) / 2 for (a, n), (b, m) in zip(on, on[1:], strict=False))])
    return smallest


def lane(**changes):
    return LanePlan(**({"length_m": 240.0, "speed": 16.0, "per_hour": lambda seconds: 900.0} | changes))


def test_as_many_vehicles_enter_as_wanted():
    rides = drive_lane(np.random.default_rng(1), lane(), 1200.0)
    assert len(rides) == pytest.approx(300, abs=3 * math.sqrt(300))


def test_vehicles_never_touch_even_where_they_crawl():
    jam = lane(crawl=lambda seconds, meters: 1.6 if 30 < seconds < 120 and 90 < meters < 110 else math.inf)
    rides = drive_lane(np.random.default_rng(2), jam, 180.0)
    assert 1.0 < smallest_gap(rides, 180.0) < 6.0
    slowest = min(np.diff(ride.meters).min(initial=np.inf) for ride in rides) / STEP_S
    assert 0 <= slowest < 2.0


def test_a_car_stops_on_the_shoulder_and_drives_on():
    rides = drive_lane(np.random.default_rng(3), lane(stops=(Stop(20.0, 30.0, 120.0, 4.0),)), 150.0)
    (stopped,) = [ride for ride in rides if ride.shift_m]
    standing = np.diff(stopped.meters) == 0
    assert stopped.thing.label == 0
    assert standing.sum() * STEP_S >= 30
    assert np.allclose(np.array(stopped.aside_m[1:])[standing], 4.0)
    assert np.array(stopped.meters[1:])[standing].mean() == pytest.approx(120, abs=4)
    assert stopped.at_m > 239
    assert stopped.aside_m[-1] == pytest.approx(stopped.wander_m)
    assert smallest_gap(rides, 150.0) > 1.0


def test_no_step_is_a_jump():
    rides = drive_lane(np.random.default_rng(4), lane(stops=(Stop(10.0, 20.0, 120.0, 4.0),)), 90.0)
    for ride in rides:
        assert np.abs(np.diff(ride.meters)).max(initial=0) <= 1.2 * 16 * STEP_S
        assert np.abs(np.diff(ride.aside_m)).max(initial=0) < 1.2 * 16 * STEP_S * 4.5 / 20
