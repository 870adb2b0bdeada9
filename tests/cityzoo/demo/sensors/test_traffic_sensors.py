"""Simulated loop detectors: the same from the same seed, and what forecasts need is really in them."""

import numpy as np
import pytest

from cityzoo.demo.sensors.road_demand import Incident
from cityzoo.demo.sensors.traffic_sensors import FIRST, LOST, simulate, write
from cityzoo.errors import InputError

DAYS = 14
MONDAY_10 = FIRST + np.timedelta64(10 * 3600, "s")


@pytest.fixture(scope="module")
def demo():
    return simulate(seed=0, days=DAYS)


def speeds(demo, hour, days, sensors):
    """Measured speeds of an hour of some days of the week."""
    series = demo.series
    here = (np.floor(series.time_of_day * 24 + 1e-4) == hour) & np.isin(series.day_of_week, days)
    return np.nanmean(series.values[here][:, sensors, 0])


def test_equal_seeds_give_equal_bytes_and_others_another_town():
    np.random.seed(0)  # global state must play no part
    once, again, other = (simulate(seed, days=1).series for seed in (3, 3, 4))
    assert (
        once.values.tobytes() == again.values.tobytes()
        and once.adjacency.tobytes() == again.adjacency.tobytes()
    )
    assert once.values.tobytes() != other.values.tobytes()
    assert (once.adjacency != other.adjacency).any()


def test_shapes_times_and_ranges(demo):
    series = demo.series
    assert series.values.shape == (288 * DAYS, 40, 2) and series.values.dtype == np.float32
    assert series.time_of_day[0] == 0 and series.day_of_week[0] == 0 and series.step_seconds == 300
    speed, flow = series.values[..., 0], series.values[..., 1]
    assert np.nanmin(speed) >= 1 and np.nanmax(speed) < 160
    assert np.nanmin(flow) > 0 and np.nanmax(flow) < 3 * 3000
    assert series.places.shape == (40, 2) and np.ptp(series.places, 0).max() < 0.3


def test_rush_hours_slow_each_direction_at_its_own_time(demo):
    north, south, weekdays = slice(0, 10), slice(10, 20), range(5)
    assert speeds(demo, 8, weekdays, north) < speeds(demo, 3, weekdays, north) - 20
    assert speeds(demo, 17, weekdays, south) < speeds(demo, 3, weekdays, south) - 12
    assert speeds(demo, 8, weekdays, north) < speeds(demo, 8, weekdays, south) - 12
    assert speeds(demo, 8, (5, 6), north) > speeds(demo, 8, weekdays, north) + 20


def test_an_incident_runs_upstream_and_dissolves():
    crash = Incident(sensor=16, begin=MONDAY_10, minutes=60, left=0.1)  # south_07
    slow, free = (simulate(0, 1, incidents=each).truth for each in ((crash,), ()))
    fallen = free[..., 0] - slow[..., 0]
    first = [int(np.argmax(fallen[:, sensor] > 25)) for sensor in (16, 15, 14, 13)]
    assert 120 <= first[0] <= 122  # 10:00 is row 120
    assert first == sorted(first) and first[3] - first[0] >= 2  # minutes later the farther away
    assert fallen[:, 18].max() < 10  # behind it the road is free
    assert slow[126, 18, 1] < 0.6 * free[126, 18, 1]  # and emptier
    assert np.abs(fallen[:120]).max() == 0 and np.abs(fallen[216:]).max() < 10  # gone by 18:00


def test_neighbors_know_what_a_sensor_does_not_know_itself(demo):
    truth, train = demo.series.values[..., 0], 288 * 10
    filled = np.where(np.isnan(truth), np.nanmean(truth, 0), truth)
    rows, gains = np.arange(3, len(filled) - 3), []
    for sensor in (1, 2, 13, 14, 21, 32):
        target = filled[rows + 3, sensor]  # in a quarter of an hour
        own = [filled[rows - lag, sensor] for lag in range(4)]
        near = [filled[rows - lag, sensor + side] for lag in range(2) for side in (-1, 1)]
        errors = []
        for parts in (own, own + near):
            table = np.stack([*parts, np.ones(len(rows))], -1)
            weights = np.linalg.solve(table[:train].T @ table[:train], table[:train].T @ target[:train])
            errors.append(np.mean((table[train:] @ weights - target[train:]) ** 2))
        gains.append(1 - errors[1] / errors[0])
    assert np.mean(gains) > 0.05 and min(gains) > -0.02


def test_the_time_of_day_knows_what_the_present_does_not(demo):
    values, train = demo.series.values[..., 0], 288 * 7
    usual = np.nanmean(values[:train].reshape(7, 288, 40)[:5], 0)
    now = np.arange(train, train + 5 * 288 - 24)
    truth, then = values[now + 24], usual[(now + 24) % 288]  # in two hours
    assert np.nanmean(np.abs(then - truth)) < 0.8 * np.nanmean(np.abs(values[now] - truth))
    assert np.nanmean(np.abs(then - truth)) > 1.5 * np.nanmean(
        np.abs(values[now + 24] - demo.truth[now + 24, :, 0])
    )


def test_rain_slows_everything():
    demo = simulate(seed=2, days=7, incidents=())
    night = (demo.series.time_of_day < 0.2) & (demo.series.day_of_week < 7)
    wet, dry = night & (demo.wet > 0.3), night & (demo.wet == 0)
    assert wet.sum() > 20
    assert (demo.truth[wet, :, 0].mean(0) < demo.truth[dry, :, 0].mean(0) - 2).all()


def test_gaps_are_where_they_are_said_to_be(demo):
    gone = np.isnan(demo.series.values)
    assert (gone[..., 0] == gone[..., 1]).all()
    out = np.zeros(gone.shape[:2], bool)
    for outage in demo.outages:
        out[outage.begin : outage.end, slice(None) if outage.sensor < 0 else outage.sensor] = True
    assert gone[out].all() and abs(gone[~out].mean() - LOST) < 0.003
    whole = [outage for outage in demo.outages if outage.sensor < 0]
    assert len(whole) == 1 and 12 <= whole[0].end - whole[0].begin <= 60
    assert any(outage.sensor >= 0 for outage in demo.outages)


def test_written_files_hold_the_series(tmp_path):
    series = simulate(1, days=1).series
    folder = write(tmp_path / "town", seed=1, days=1)
    header, *rows = (folder / "speed.csv").read_text().splitlines()
    assert tuple(header.split(",")) == ("time", *series.sensors) and len(rows) == 288
    assert rows[0].startswith("2025-09-01T00:00:00+02:00,")
    numbers = np.array([[float(field or "nan") for field in row.split(",")[1:]] for row in rows], np.float32)
    np.testing.assert_array_equal(numbers, series.values[..., 0])
    assert (folder / "flow" / "flow.csv").is_file() and "km/h" in (folder / "speed.yaml").read_text()


@pytest.mark.parametrize(
    ("seed", "days", "words"), [(-1, 1, "seed -1"), (0, 0, "0 days"), (0, 400, "400 days")]
)
def test_bad_seeds_and_days_are_refused(seed, days, words):
    with pytest.raises(InputError, match=words):
        simulate(seed, days)
