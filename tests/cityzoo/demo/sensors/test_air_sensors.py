"""Simulated air quality: the same from the same seed, peaks, still spells, rain, and wind from station to station."""

import csv

import numpy as np
import pytest

from cityzoo.demo.sensors.air_dispersion import SIDE, Sources, interpolate, simulate_air
from cityzoo.demo.sensors.air_sensors import CHANNELS, FIRST, LOST, simulate, write
from cityzoo.demo.sensors.air_weather import Weather
from cityzoo.errors import InputError

DAYS = 60
PM25, NO2, O3 = range(3)


@pytest.fixture(scope="module")
def demo():
    return simulate(seed=0, days=DAYS)


def weather(hours, **changed):
    """The same weather for some hours: mild, a west wind of 4 m/s, 500 m mixed, no sun."""
    usual = {"still": 0, "sun": 0, "wind_u": 4, "wind_v": 0, "temperature": 8, "humidity": 60, "rain": 0}
    return Weather(
        **{k: np.full(hours, float(v)) for k, v in (usual | {"mixing_height": 500} | changed).items()}
    )


def times_of(hours):
    return FIRST + np.arange(hours) * np.timedelta64(3600, "s")


NOTHING = np.zeros((SIDE, SIDE))


def test_equal_seeds_give_equal_bytes_and_others_another_winter():
    np.random.seed(0)  # global state must play no part
    once, again, other = (simulate(seed, days=3).series for seed in (1, 1, 2))
    assert once.values.tobytes() == again.values.tobytes() and once.values.tobytes() != other.values.tobytes()


def test_shapes_times_and_ranges(demo):
    series = demo.series
    assert series.values.shape == (24 * DAYS, 12, 9) and series.values.dtype == np.float32
    assert series.channels == CHANNELS and len(series.units) == 9 and series.step_seconds == 3600
    assert series.time_of_day[0] == 0 and series.day_of_week[0] == 2
    assert np.nanmin(series.values[..., [PM25, NO2, O3]]) >= 0 and np.nanmax(series.values[..., PM25]) < 500
    np.testing.assert_array_equal(series.adjacency, series.adjacency.T)


def test_traffic_peaks_in_the_morning_of_weekdays(demo):
    hours, days = np.floor(demo.series.time_of_day * 24 + 1e-4), demo.series.day_of_week
    kerb = demo.series.values[:, :3, NO2]

    def mean(hour, weekend):
        return np.nanmean(kerb[(hours == hour) & ((days >= 5) == weekend)])

    assert mean(8, False) > 1.8 * mean(3, False) and mean(8, False) > 1.6 * mean(8, True)


def test_ozone_is_low_where_nitrogen_dioxide_is_high(demo):
    no2, o3 = demo.truth[..., NO2].ravel(), demo.truth[..., O3].ravel()
    assert np.corrcoef(no2, o3)[0, 1] < -0.4


def test_particles_gather_for_days_when_air_stands_still(demo):
    pm25, still = demo.truth[..., PM25], demo.weather.still
    assert np.median(pm25[still > 0.7]) > 2.5 * np.median(pm25[still < 0.1])
    high = (pm25 > 75).any(1)
    begins = np.flatnonzero(np.diff((still > 0).astype(int)) == 1)
    assert 3 <= len(begins) <= 8 and high[still > 0.3].mean() > 0.15 and high[still == 0].mean() < 0.06
    daily = pm25.reshape(DAYS, 24, 12).mean((1, 2))
    assert ((daily[1:] > 35) & (daily[:-1] > 35)).any()  # more than a day long


def test_rain_washes_particles_out():
    dry, wet = (
        simulate_air(
            weather(12, rain=rain), Sources(NOTHING, NOTHING, NOTHING), np.full((12, 3), 40.0), times_of(12)
        )
        for rain in (0, 2)
    )
    # It takes 56 km / 4 m/s, a quarter of it to the middle of the town: about two hours in the rain.
    assert wet[-1, PM25, 14, 14] < 0.55 * dry[-1, PM25, 14, 14]


def test_the_wind_carries_a_front_from_station_to_station():
    background = np.full((24, 3), 10.0)
    background[6:] = 50.0  # comes in over the western edge
    air = simulate_air(weather(24, wind_v=0.0), Sources(NOTHING, NOTHING, NOTHING), background, times_of(24))
    places = np.array([[0.0, -20.0], [0.0, 20.0]])  # 40 km apart: 2.8 h at 4 m/s
    west, east = interpolate(air[:, PM25], places).T
    crossed = [float(np.interp(30.0, series, np.arange(24.0))) for series in (west, east)]
    assert crossed[1] - crossed[0] == pytest.approx(40 / (4 * 3.6), abs=0.5)


def test_smoke_goes_where_the_wind_goes_and_all_of_it():
    works = NOTHING.copy()
    works[14, 14] = 1.0
    given = Sources(NOTHING, NOTHING, works)
    with_it, without = (
        simulate_air(weather(12), sources, np.full((12, 3), 10.0), times_of(12))[-1, PM25].astype(float)
        for sources in (given, Sources(NOTHING, NOTHING, NOTHING))
    )
    more = with_it - without
    assert np.abs(more[:, :14]).max() == 0 and more[14, 20] > 10 * more[10, 20]
    # 0.9 µg/m2/s of one cell, in the 500 m of air that leave it at 4 m/s: 0.9 x 2000 / (500 x 4) µg/m3.
    assert more[:, 20].sum() == pytest.approx(0.9, rel=0.02)


def test_places_between_cells_are_interpolated():
    north, east = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    field = (3 * north + 5 * east)[None]
    assert interpolate(field, np.array([[2.5, -7.3]]))[0, 0] == pytest.approx((3 * 2.5 - 5 * 7.3) / 2)


def test_gaps_are_where_they_are_said_to_be(demo):
    gone = np.isnan(demo.series.values)
    assert (gone == gone[..., :1]).all()
    out = np.zeros(gone.shape[:2], bool)
    for outage in demo.outages:
        out[outage.begin : outage.end, slice(None) if outage.sensor < 0 else outage.sensor] = True
    assert gone[out].all() and abs(gone[..., 0][~out].mean() - LOST) < 0.005
    assert sum(outage.sensor < 0 for outage in demo.outages) == 3


def test_written_files_hold_the_series(tmp_path):
    series = simulate(1, days=28).series  # over the change of clocks
    folder = write(tmp_path / "town", seed=1, days=28)
    with (folder / "measurements.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == series.mask.any(-1).sum()
    found = {(row["time"], row["sensor"]): row for row in rows}
    assert len(found) == len(rows)  # the hour that comes twice has two offsets
    step, sensor = np.argwhere(series.mask[610:].any(-1))[0] + (610, 0)
    shown = f"{series.local_times[step]}+01:00"
    read = [float(found[shown, series.sensors[sensor]][name]) for name in CHANNELS]
    np.testing.assert_array_equal(np.array(read, np.float32), series.values[step, sensor])


def test_too_many_days_are_refused():
    with pytest.raises(InputError, match="367 days of demo data: expected 1 to 366"):
        simulate(0, 367)
