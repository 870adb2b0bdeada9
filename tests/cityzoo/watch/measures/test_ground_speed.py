"""Speeds: true ones are found and lie in the interval; where nothing can be told, nothing is."""

import numpy as np
import pytest

from cityzoo.watch.measures.ground_speed import SpeedMeter, estimate_speed
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Ground, Line, Scene
from tests.cityzoo.watch.watched_paths import drive, observe

ROAD = Ground(
    ((0.4, 0.2), (0.6, 0.2), (1, 1), (0, 1)), ((-4, 80), (4, 80), (4, 10), (-4, 10))
)  # seen along it
SCALE = np.array([640.0, 480.0])


def view(metres):
    """Return where places on the road (N, 2) are in the image."""
    mapped = np.column_stack([metres, np.ones(len(metres))]) @ np.linalg.inv(ROAD.homography).T
    return mapped[:, :2] / mapped[:, 2:]


def ride(speed, seconds, fps=10.0, start=15.0, jitter=0.0, seed=0, heading=1.0):
    """Return times, feet and heights of a vehicle, km/h."""
    times = np.arange(int(seconds * fps)) / fps
    along = start + heading * speed / 3.6 * times
    feet = view(np.column_stack([np.full(len(times), 1.0), along]))
    heights = 900 / along
    feet += np.random.default_rng(seed).normal(0, jitter, feet.shape) * heights[:, None] / SCALE
    return times, feet, heights


@pytest.mark.parametrize(("speed", "heading", "start"), [(50, 1, 15), (50, -1, 60), (12, 1, 15), (90, 1, 15)])
def test_exact_ways_give_exact_speeds(speed, heading, start):
    """Towards the camera and away."""
    found = estimate_speed(*ride(speed, 2, start=start, heading=heading), ROAD, SCALE)
    assert found.value == pytest.approx(speed, rel=1e-6) and found.low < speed < found.high


def test_the_interval_covers_the_truth():
    """Two hundred ways with jitter of 3 % of the box: at least 95 %, and it is no wider than a fifth on average."""
    rng = np.random.default_rng(1)
    speeds = rng.uniform(10, 90, 200)
    found = [estimate_speed(*ride(v, 1.6, jitter=0.03, seed=k), ROAD, SCALE) for k, v in enumerate(speeds)]
    pairs = [(v, item) for v, item in zip(speeds, found, strict=True) if item]
    assert len(pairs) > 180
    assert np.mean([item.low <= v <= item.high for v, item in pairs]) >= 0.95
    assert np.mean([(item.high - item.low) / 2 / item.value for _, item in pairs]) < 0.2
    assert abs(np.mean([item.value / v - 1 for v, item in pairs])) < 0.01


def test_one_jump_does_not_move_it():
    """The box of another vehicle in two frames of twenty."""
    times, feet, heights = ride(50, 2)
    feet[8:10] = view(np.array([[1.0, 70.0], [1.0, 70.0]]))
    assert estimate_speed(times, feet, heights, ROAD, SCALE).value == pytest.approx(50, rel=0.05)


@pytest.mark.parametrize(
    "way",
    [
        ride(50, 0.7),  # seven frames
        ride(5, 2),  # less than five metres
        ride(0, 5, jitter=0.05),  # stands
        ride(50, 2, start=85),  # beyond the corners
    ],
)
def test_where_nothing_can_be_told(way):
    """Few frames, a short way, outside the calibrated ground."""
    assert estimate_speed(*way, ROAD, SCALE) is None


def test_speeds_of_crossings_by_interval():
    """A pixel is 0.1 m: 80 px/s are 28.8 km/h east, 50 px/s are 18 km/h west."""
    ground = Ground(((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (40, 0), (40, 20), (0, 20)))
    scene = Scene(lines=(Line("gate", ((0.5, 0.1), (0.5, 0.9))),), ground=ground)
    meter = SpeedMeter(Motion(ground))
    paths = [drive(-10, 60, 80, k) for k in (1, 8, 32)] + [drive(410, 140, -50, 3)]
    observe(paths, 40, [meter], scene, jitter=0.02)
    rows = meter.interval(0, 30)
    east, west = (rows["gate", key] for key in sorted(rows_key[1] for rows_key in rows))
    east, west = (east, west) if east["speed_vehicles"] == 2 else (west, east)
    assert (
        east["speed_kmh"] == pytest.approx(28.8, rel=0.03) and east["speed_low"] < 28.8 < east["speed_high"]
    )
    assert west["speed_kmh"] == pytest.approx(18, rel=0.03) and west["speed_vehicles"] == 1
    assert [row["speed_vehicles"] for row in meter.interval(30, 60).values()] == [1] and meter.interval(
        0, 60
    ) == {}
