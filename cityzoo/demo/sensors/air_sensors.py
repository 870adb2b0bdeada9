"""Simulate a town's air quality stations: particles, nitrogen dioxide, ozone and weather, every hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.demo.folder import write_once
from cityzoo.demo.sensors.air_dispersion import (
    O3_OF_NO2,
    activity,
    at_places,
    draw_background,
    draw_sources,
    simulate_air,
)
from cityzoo.demo.sensors.air_weather import Weather, draw_weather
from cityzoo.demo.sensors.faults import (
    KM_A_DEGREE,
    PLACE,
    ZONE,
    Outage,
    apply_outages,
    check_days,
    drift,
    generator,
    plan_outages,
)
from cityzoo.demo.sensors.files import write_long
from cityzoo.demo.sensors.road_network import LEAST_WEIGHT

VERSION = 1  # of the simulation; goes into the name of the cache folder
DAYS = 120
FIRST = np.datetime64("2025-09-30T22:00:00", "s")  # Wednesday, 1 October 2025, 00:00 by the town's clocks
WARM_UP = 48  # hours until the air is the weather's own
LOST = 0.015  # of messages
AIR, WEATHER = ("pm25", "no2", "o3"), ("temperature", "humidity", "wind_u", "wind_v", "rain", "mixing_height")
CHANNELS = (*AIR, *WEATHER)
UNITS = ("µg/m3", "µg/m3", "µg/m3", "°C", "%", "m/s", "m/s", "mm/h", "m")
KINDS = {"kerb": (3, 4.0), "urban": (5, 10.0), "rural": (4, 21.0)}  # how many, how many km out at most
NEAR_KM = 12.0  # stations so far apart have a weight of 1/e


@dataclass(frozen=True)
class AirDemo:
    """Hold simulated measurements and what was behind them.

    Attributes:
        series: what the stations say, in CHANNELS.
        truth: (T, N, 9) float32, what they would say without noise and gaps.
        weather: of T hours.
        outages: when which stations said nothing; single lost messages come on top.
    """

    series: Series
    truth: np.ndarray
    weather: Weather
    outages: tuple[Outage, ...]


def simulate_air_quality(seed: int = 0, days: int = DAYS) -> Series:
    """Return what 12 stations in and around a town measured; equal arguments give equal bytes.

    Traffic peaks in the morning and evening, houses are heated when it is cold, the wind carries it all from
    station to station, rain washes it out, and in still spells of two to five days particles gather under an
    inversion, often beyond 75 µg/m3. Stations are noisy, lose messages and fail now and then.

    Args:
        seed: 0 or more; another seed is another town and another winter.
        days: from Wednesday, 1 October 2025 on, 1 to 366.

    Returns:
        values (24 days, 12, 9) float32: pm25, no2, o3 in µg/m3, temperature °C, humidity %, wind eastwards and
        northwards m/s, rain mm/h, mixing height m; weights of nearness; places.

    Raises:
        InputError: a negative seed, too many or too few days.

    Example:
        >>> series = simulate_air_quality(days=2)
        >>> series.values.shape, series.channels[:3], series.sensors[0]
        ((48, 12, 9), ('pm25', 'no2', 'o3'), 'kerb_01')
    """
    return simulate(seed, days).series


def simulate(seed: int = 0, days: int = DAYS) -> AirDemo:
    """Return measurements of simulate_air_quality together with what was behind them."""
    check_days(days, 1, 366)
    times = FIRST + np.arange(-WARM_UP, 24 * days) * np.timedelta64(3600, "s")
    weather = draw_weather(times, seed)
    air = simulate_air(weather, draw_sources(seed), draw_background(weather, seed), times)
    names, places = _stations(generator(seed, 4))
    truth = np.concatenate(
        [_at_stations(air, weather, names, places, times, seed), _weather_at(weather, names)], -1
    )
    truth = truth[WARM_UP:].astype(np.float32)
    outages = plan_outages(generator(seed, 5), len(truth), len(names), 3600)
    values = apply_outages(_measured(truth, generator(seed, 6)), outages, LOST, generator(seed, 7))
    apart = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    degrees = places / KM_A_DEGREE / [1.0, np.cos(np.radians(PLACE[0]))] + PLACE
    near = np.exp(-((apart / NEAR_KM) ** 2)).astype(np.float32)
    near[near < LEAST_WEIGHT] = 0
    series = Series(values, times[WARM_UP:], names, CHANNELS, UNITS, ZONE, near, degrees)
    kept = Weather(**{name: value[WARM_UP:] for name, value in vars(weather).items()})
    return AirDemo(series, truth, kept, outages)


def _stations(rng: np.random.Generator) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and places (12, 2) in km north and east of the middle, the rural ones all around."""
    names, places = [], []
    for kind, (count, furthest) in KINDS.items():
        for number in range(count):
            angle = 2 * np.pi * (number + rng.uniform(-0.3, 0.3)) / count
            names.append(f"{kind}_{number + 1:02d}")
            places.append(furthest * rng.uniform(0.55, 1.0) * np.array([np.sin(angle), np.cos(angle)]))
    return tuple(names), np.array(places)


def _at_stations(
    air: np.ndarray,
    weather: Weather,
    names: tuple[str, ...],
    places: np.ndarray,
    times: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return (T, N, 3) float64 µg/m3: the town's air, what the street adds, and eddies that no grid shows."""
    rng = generator(seed, 8)
    pm25, no2, ox = at_places(air, places).transpose(1, 0, 2).astype(np.float64)
    kerb = np.array([name.startswith("kerb") for name in names]) * rng.uniform(0.7, 1.3, len(names))
    wind = np.hypot(weather.wind_u, weather.wind_v)
    street = (activity(times)[0] / (0.5 + np.sqrt(wind)))[:, None] * kerb
    eddies = np.exp(0.13 * drift(rng, (len(times), len(names)), 3.0))
    pm25 = (pm25 + 9 * street) * eddies
    no2 = (no2 + 38 * street) * eddies
    ozone = np.maximum(ox + 6 * street - O3_OF_NO2 * no2, 1.5)
    return np.stack([pm25, no2, ozone], -1)


def _weather_at(weather: Weather, names: tuple[str, ...]) -> np.ndarray:
    """Return (T, N, 6) float64: the town is a little warmer and calmer than the country."""
    built = np.array([0.0 if name.startswith("rural") else 1.0 for name in names])
    columns = {name: getattr(weather, name)[:, None] for name in WEATHER}
    columns["temperature"] = columns["temperature"] + 1.2 * built
    columns["humidity"] = np.clip(columns["humidity"] - 4.0 * built, 20, 100)
    for name in ("wind_u", "wind_v"):
        columns[name] = columns[name] * (1 - 0.3 * built)
    return np.stack([np.broadcast_to(columns[name], (len(weather.rain), len(names))) for name in WEATHER], -1)


def _measured(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the truth with the errors of instruments, in steps of 0.1."""
    share = np.array([0.07, 0.05, 0.03, 0, 0, 0.05, 0.05, 0.1, 0.05])
    floor = np.array([1.0, 1.0, 1.5, 0.2, 1.5, 0.15, 0.15, 0.0, 10.0])
    error = rng.standard_normal(truth.shape) * np.hypot(share * truth, floor)
    least = np.array([0, 0, 0, -60, 0, -60, -60, 0, 20.0])
    most = np.where(np.array(CHANNELS) == "humidity", 100.0, np.inf)
    return np.clip(truth + error, least, most).round(1)


def write(folder: str | Path, seed: int = 0, days: int = DAYS) -> Path:
    """Write simulate_air_quality as a town would hand it over, and return the folder; it is written once.

    measurements.csv (time with its offset from UTC, sensor, a column a channel; what was not measured is
    empty, and rows of nothing are left out), measurements.yaml (time zone, step, units, and where the
    following lie), adjacency.csv (weights of nearness), sensors.csv (sensor, latitude, longitude).

    Raises:
        InputError: a bad seed or number of days, or a folder with something else in it.
        OSError: the disk is full or may not be written to.
    """
    made = {"demo": "air_sensors", "version": VERSION, "seed": seed, "days": days}
    return write_once(Path(folder), made, lambda draft: write_long(draft, simulate_air_quality(seed, days)))
