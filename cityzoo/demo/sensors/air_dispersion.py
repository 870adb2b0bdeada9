"""Dispersion of air pollution over a town: emission, mixing, transport, chemistry and rain on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.sensors.air_weather import Weather
from cityzoo.demo.sensors.faults import drift, generator, local_clock

CELL_KM = 2.0
SIDE = 28  # cells of the grid, with the town in the middle
STEP_SECONDS = 600
HALO = 4  # most cells that wind crosses in a step: 8 km in 10 minutes
KINDS = ("pm25", "no2", "ox")  # ox: sum of ozone and nitrogen dioxide, which convert into each other
# Largest emissions of each kind by traffic, heating and the factory, µg/m2/s.
EMITTED = np.array([[0.22, 0.55, 0.9], [1.3, 0.1, 0.35], [0.25, 0.0, 0.0]])
O3_OF_NO2 = 48.0 / 46.0  # by mass: molecule for molecule


@dataclass(frozen=True)
class Sources:
    """Emission maps: (SIDE, SIDE) float64, 0..1, rows northwards, columns eastwards."""

    traffic: np.ndarray
    heating: np.ndarray
    works: np.ndarray


def draw_sources(seed: int) -> Sources:
    """Return the sources of a town: streets densest in the middle, houses around it, a factory outside."""
    rng = generator(seed, 2)
    middle = (SIDE - 1) / 2
    north, east = np.mgrid[:SIDE, :SIDE] - middle

    def hill(at_north: float, at_east: float, cells: float) -> np.ndarray:
        return np.exp(-0.5 * ((north - at_north) ** 2 + (east - at_east) ** 2) / cells**2)

    suburbs = [hill(rng.uniform(-6, 6), rng.uniform(-6, 6), rng.uniform(1.2, 2.2)) for _ in range(5)]
    roads = 0.35 * np.maximum(np.exp(-np.abs(north)), np.exp(-np.abs(east)))
    traffic = np.maximum(hill(0, 0, 2.8), roads)
    heating = np.clip(0.8 * hill(0, 0, 3.5) + 0.7 * np.sum(suburbs, 0), 0, 1)
    angle = rng.uniform(0, 2 * np.pi)
    works = hill(round(7 * np.sin(angle)) + 0.5, round(7 * np.cos(angle)) + 0.5, 0.6)
    return Sources(traffic, heating, works)


def activity(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the activity of traffic and heating, (T,) float64 each, 1 at the peaks.

    times: (T,) datetime64[s] UTC.
    """
    hours, days = local_clock(times)

    def hump(middle: float, width: float) -> np.ndarray:
        return np.exp(-0.5 * ((hours - middle) / width) ** 2)

    awake = 1 / (1 + np.exp(-(hours - 6.5) / 0.6)) / (1 + np.exp((hours - 21.5) / 0.9))
    weekday = 0.08 + 0.37 * awake + 0.55 * hump(8, 1.1) + 0.5 * hump(17.5, 1.5)
    driven = np.where(days < 5, weekday, 0.08 + (0.45 - 0.08 * (days == 6)) * hump(15, 4))
    heated = 0.35 + 0.3 * hump(7, 1.5) + 0.65 * hump(20, 2.3)
    return driven, heated


def draw_background(weather: Weather, seed: int) -> np.ndarray:
    """Return the background concentrations (T, 3) float64 µg/m3, higher after days of still air."""
    rng, steps = generator(seed, 3), len(weather.still)
    gathered, level = np.zeros(steps), 0.0
    for hour in range(steps):
        level += 0.9 * weather.still[hour] - 0.018 * level - level * min(0.9, 0.12 * weather.rain[hour])
        gathered[hour] = level
    dust = (6 + 0.9 * gathered) * np.exp(0.3 * drift(rng, (steps,), 7))
    nitrogen = (5 + 0.1 * gathered) * np.exp(0.2 * drift(rng, (steps,), 7))
    ox = 62 + 6 * drift(rng, (steps,), 30) + 0.5 * weather.temperature
    return np.stack([dust, nitrogen, ox], -1)


def simulate_air(weather: Weather, sources: Sources, background: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the concentrations over the town at the end of each hour.

    Semi-Lagrangian transport (Robert 1981) in one layer of the mixing height.

    Args:
        weather: weather of T hours.
        sources: emission maps.
        background: (T, 3) µg/m3 of KINDS.
        times: (T,) datetime64[s] UTC.

    Returns:
        (T, 3, SIDE, SIDE) float32 µg/m3 of KINDS.
    """
    driven, heated = activity(times)
    cold = np.clip((17 - weather.temperature) / 17, 0.05, 1.5)
    strength = np.stack([driven, heated * cold, np.ones(len(times))], -1)
    maps = np.stack([sources.traffic, sources.heating, sources.works])
    air = np.broadcast_to(background[0][:, None, None], (len(KINDS), SIDE, SIDE)).copy()
    found = np.empty((len(times), *air.shape), np.float32)
    for hour in range(len(times)):
        given = np.tensordot(EMITTED * strength[hour], maps, 1) / weather.mixing_height[hour]  # µg/m3/s
        gain, kept = STEP_SECONDS * given, np.exp(-STEP_SECONDS * _losses(weather, hour))[:, None, None]
        gain[2] += STEP_SECONDS * 5.3e-5 * weather.sun[hour] * max(0.0, weather.temperature[hour])
        for _ in range(3600 // STEP_SECONDS):
            carried = _carried(air, background[hour], weather.wind_u[hour], weather.wind_v[hour])
            air = (carried + gain) * kept
        found[hour] = air
    return found


def _losses(weather: Weather, hour: int) -> np.ndarray:
    """Return loss rates (3,) 1/s: deposition and wash-out; photolysis and oxidation; uptake by the ground."""
    foggy = (weather.humidity[hour] / 100) ** 4 * weather.still[hour]
    deposition = 3e-6 + 6e-5 * weather.rain[hour] - 4e-6 * foggy
    return np.array([deposition, 2.5e-5 + 6e-5 * weather.sun[hour], 0.0045 / weather.mixing_height[hour]])


def _carried(air: np.ndarray, background: np.ndarray, wind_u: float, wind_v: float) -> np.ndarray:
    """Return the air transported to each cell within a step; background enters over the edges."""
    cells = STEP_SECONDS / 1000 / CELL_KM
    east, north = HALO - wind_u * cells, HALO - wind_v * cells
    column, row = int(np.floor(east)), int(np.floor(north))
    right, up = east - column, north - row
    wide = np.empty((len(air), SIDE + 2 * HALO + 1, SIDE + 2 * HALO + 1))
    wide[:] = background[:, None, None]
    wide[:, HALO : -HALO - 1, HALO : -HALO - 1] = air
    part = wide[:, row : row + SIDE + 1, column : column + SIDE + 1]
    part = (1 - up) * part[:, :-1] + up * part[:, 1:]
    return (1 - right) * part[..., :-1] + right * part[..., 1:]


def interpolate(field: np.ndarray, north_east: np.ndarray) -> np.ndarray:
    """Interpolate a field (..., SIDE, SIDE) bilinearly at N places, (N, 2) km from the middle of the town; (..., N)."""
    north, east = (north_east / CELL_KM + (SIDE - 1) / 2).T
    row, column = np.floor(north).astype(int), np.floor(east).astype(int)
    up, right = north - row, east - column
    low = (1 - right) * field[..., row, column] + right * field[..., row, column + 1]
    high = (1 - right) * field[..., row + 1, column] + right * field[..., row + 1, column + 1]
    return (1 - up) * low + up * high
