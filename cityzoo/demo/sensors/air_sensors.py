"""Simulated air quality stations: particles, nitrogen dioxide, ozone and weather, every hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.demo.sensors import air_dispersion, faults
from cityzoo.demo.sensors.air_weather import Weather, draw_weather
from cityzoo.demo.sensors.faults import Outage, generator
from cityzoo.demo.sensors.files import write_long
from cityzoo.demo.sensors.road_network import LEAST_WEIGHT
from cityzoo.demo.write import write_once

VERSION = 1  # of the simulation; part of the cache folder's name
DAYS = 120
FIRST = np.datetime64("2025-09-30T22:00:00", "s")  # Wednesday, 1 October 2025, 00:00 local time
WARM_UP = 48  # hours before the simulation is independent of its start
LOST = 0.015  # fraction of lost messages
AIR, WEATHER = ("pm25", "no2", "o3"), ("temperature", "humidity", "wind_u", "wind_v", "rain", "mixing_height")
CHANNELS = (*AIR, *WEATHER)
UNITS = ("µg/m3", "µg/m3", "µg/m3", "°C", "%", "m/s", "m/s", "mm/h", "m")
# number, largest distance from the middle in km
KINDS = {"kerb": (3, 4.0), "urban": (5, 10.0), "rural": (4, 21.0)}
NEAR_KM = 12.0  # distance with a weight of 1/e


@dataclass(frozen=True)
class AirDemo:
    """Simulated measurements and their ground truth."""

    series: Series  # (24 days, 12, 9) float32, CHANNELS in UNITS; weights by distance; places
    truth: np.ndarray  # (T, N, 9) float32, the values without noise and gaps
    weather: Weather  # weather of T hours
    outages: tuple[Outage, ...]  # outages of stations; single messages are lost in addition


def simulate(seed: int = 0, days: int = DAYS) -> AirDemo:
    """Return measurements of 12 stations in and around a town and their ground truth; equal arguments give equal bytes.

    Traffic peaks in the morning and evening, houses are heated in cold weather, wind transports pollution between
    stations, rain removes it, and in calm spells of two to five days particles accumulate under an inversion, often
    above 75 µg/m3. Stations have noise, lost messages and outages.

    Args:
        seed: 0 or more; determines the town and its winter.
        days: number of days from 1 October 2025, 1 to 366.

    Raises:
        InputError: a negative seed, or days out of range.
    """
    faults.check_days(days, 1, 366)
    times = FIRST + np.arange(-WARM_UP, 24 * days) * np.timedelta64(3600, "s")
    weather = draw_weather(times, seed)
    sources, background = air_dispersion.draw_sources(seed), air_dispersion.draw_background(weather, seed)
    air = air_dispersion.simulate_air(weather, sources, background, times)
    names, places = _stations(generator(seed, 4))
    measured = (_at_stations(air, weather, names, places, times, seed), _weather_at(weather, names))
    truth = np.concatenate(measured, -1)[WARM_UP:].astype(np.float32)
    outages = faults.plan_outages(generator(seed, 5), len(truth), len(names), 3600)
    values = faults.apply_outages(_measured(truth, generator(seed, 6)), outages, LOST, generator(seed, 7))
    apart = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    degrees = places / faults.KM_A_DEGREE / [1.0, np.cos(np.radians(faults.PLACE[0]))] + faults.PLACE
    near = np.exp(-((apart / NEAR_KM) ** 2)).astype(np.float32)
    near[near < LEAST_WEIGHT] = 0
    series = Series(values, times[WARM_UP:], names, CHANNELS, UNITS, faults.ZONE, near, degrees)
    kept = Weather(**{name: value[WARM_UP:] for name, value in vars(weather).items()})
    return AirDemo(series, truth, kept, outages)


def _stations(rng: np.random.Generator) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and places (12, 2) in km north and east of the middle."""
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
    """Return (T, N, 3) float64 µg/m3: air of the grid, local traffic, and eddies below the grid size."""
    rng = generator(seed, 8)
    pm25, no2, ox = air_dispersion.interpolate(air, places).transpose(1, 0, 2).astype(np.float64)
    kerb = np.array([name.startswith("kerb") for name in names]) * rng.uniform(0.7, 1.3, len(names))
    wind = np.hypot(weather.wind_u, weather.wind_v)
    street = (air_dispersion.activity(times)[0] / (0.5 + np.sqrt(wind)))[:, None] * kerb
    eddies = np.exp(0.13 * faults.drift(rng, (len(times), len(names)), 3.0))
    pm25 = (pm25 + 9 * street) * eddies
    no2 = (no2 + 38 * street) * eddies
    ozone = np.maximum(ox + 6 * street - air_dispersion.O3_OF_NO2 * no2, 1.5)
    return np.stack([pm25, no2, ozone], -1)


def _weather_at(weather: Weather, names: tuple[str, ...]) -> np.ndarray:
    """Return the local weather (T, N, 6) float64: towns are slightly warmer and calmer."""
    built = np.array([0.0 if name.startswith("rural") else 1.0 for name in names])
    columns = {name: getattr(weather, name)[:, None] for name in WEATHER}
    columns["temperature"] = columns["temperature"] + 1.2 * built
    columns["humidity"] = np.clip(columns["humidity"] - 4.0 * built, 20, 100)
    for name in ("wind_u", "wind_v"):
        columns[name] = columns[name] * (1 - 0.3 * built)
    return np.stack([np.broadcast_to(columns[name], (len(weather.rain), len(names))) for name in WEATHER], -1)


def _measured(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the truth with measurement errors, in steps of 0.1."""
    share = np.array([0.07, 0.05, 0.03, 0, 0, 0.05, 0.05, 0.1, 0.05])
    floor = np.array([1.0, 1.0, 1.5, 0.2, 1.5, 0.15, 0.15, 0.0, 10.0])
    error = rng.standard_normal(truth.shape) * np.hypot(share * truth, floor)
    least = np.array([0, 0, 0, -60, 0, -60, -60, 0, 20.0])
    most = np.where(np.array(CHANNELS) == "humidity", 100.0, np.inf)
    return np.clip(truth + error, least, most).round(1)


def write(folder: str | Path, seed: int = 0, days: int = DAYS) -> Path:
    """Write the series of `simulate` once and return the folder.

    Files: measurements.csv (time with UTC offset, sensor, one column per channel; missing values are empty, rows
    without values omitted), measurements.yaml (time zone, step, units, paths of the other files), adjacency.csv
    (weights by distance), sensors.csv (sensor, latitude, longitude).

    Raises:
        InputError: a seed or number of days out of range, or a folder with other content.
        OSError: the disk is full or not writable.
    """
    made = {"demo": "air_sensors", "version": VERSION, "seed": seed, "days": days}
    return write_once(Path(folder), made, lambda draft: write_long(draft, simulate(seed, days).series))
