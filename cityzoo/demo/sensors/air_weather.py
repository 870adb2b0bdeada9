"""Simulated weather in autumn and winter: fronts with wind and rain, and calm, cold spells in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.demo.sensors.faults import drift, generator, local_clock

FIRST_STILL_H = (90.0, 170.0)  # hours to the first calm spell
STILL_H = (60.0, 120.0)  # length of a calm spell
BETWEEN_H = (110.0, 230.0)  # between two calm spells


@dataclass(frozen=True)
class Weather:
    """Hourly weather of the whole town; T values each, float64."""

    still: np.ndarray  # 0..1, 1 in the middle of a calm spell
    sun: np.ndarray  # 0..1
    wind_u: np.ndarray  # m/s eastwards
    wind_v: np.ndarray  # m/s northwards
    temperature: np.ndarray  # degrees C
    humidity: np.ndarray  # percent
    rain: np.ndarray  # mm/h
    mixing_height: np.ndarray  # m; low under an inversion


def draw_weather(times: np.ndarray, seed: int) -> Weather:
    """Return random weather.

    times: (T,) datetime64[s] UTC, an hour apart.
    """
    rng = generator(seed, 1)
    steps = len(times)
    hours, _ = local_clock(times)
    still, rain = _still_spells(rng, steps), _showers(rng, steps)
    rain = rain * (still < 0.3)
    cloud = np.clip(0.45 + 0.25 * drift(rng, (steps,), 14) - 0.4 * still + 0.5 * (rain > 0), 0, 1)
    risen = (hours > 7.2) & (hours < 17.2)
    sun = np.clip(np.sin(np.pi * (hours - 7.2) / 10.0), 0, None) * (1 - 0.8 * cloud) * risen
    afternoon = np.cos(2 * np.pi * (hours - 14.5) / 24)
    speed = 3.8 * np.exp(0.35 * drift(rng, (steps,), 10)) * (1 - 0.72 * still) * (1 + 0.2 * afternoon)
    speed = np.clip(speed, 0.5, 11.0)
    # Angle towards which the wind blows, counter-clockwise from east.
    toward = np.radians(15 + 45 * drift(rng, (steps,), 40) + 70 * still * drift(rng, (steps,), 8))
    weeks = (times - np.datetime64("2026-01-15", "s")).astype(np.int64) / 86400 / 365.25
    season = 10 - 9 * np.cos(2 * np.pi * weeks)
    daily = afternoon * (1.6 + 3.0 * (1 - cloud)) * (0.7 + 0.3 * season / 10)
    temperature = season + 3.5 * drift(rng, (steps,), 70) - 2.5 * still + daily
    humidity = 80 - 2.6 * daily + 10 * (rain > 0) + 5 * drift(rng, (steps,), 12)
    # The ground warms slowly.
    mixed = np.convolve(np.concatenate([np.zeros(2), sun]), np.ones(3) / 3, "valid")
    height = (130 + 45 * speed + 1100 * mixed) * (1 - 0.55 * still) * np.exp(0.12 * drift(rng, (steps,), 4))
    wind = (speed * np.cos(toward), speed * np.sin(toward))
    humidity, height = np.clip(humidity, 25, 100), np.clip(height, 70, 1800)
    return Weather(still, sun, *wind, temperature, humidity, rain, height)


def _still_spells(rng: np.random.Generator, steps: int) -> np.ndarray:
    still, hours = np.zeros(steps), np.arange(steps)
    at = rng.uniform(*FIRST_STILL_H)
    while at < steps:
        length, depth = rng.uniform(*STILL_H), rng.uniform(0.75, 1.0)
        # It starts slowly and ends with a front.
        spell = np.clip(np.minimum(hours - at, (at + length - hours) * 2) / 24, 0, 1)
        still = np.maximum(still, depth * spell)
        at += length + rng.uniform(*BETWEEN_H)
    return still


def _showers(rng: np.random.Generator, steps: int) -> np.ndarray:
    rain, at = np.zeros(steps), rng.exponential(30.0)
    while at < steps:
        length = int(rng.integers(2, 11))
        part = rain[int(at) : int(at) + length]
        part += rng.uniform(0.3, 2.5) * rng.uniform(0.4, 1.0, len(part))
        at += length + rng.exponential(45.0)
    return rain.round(1)
