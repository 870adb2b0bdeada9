"""Shared parts of the simulated sensor networks: random streams, local time, noise and outages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityzoo.data.series import timezones
from cityzoo.errors import InputError

ZONE = "Europe/Berlin"
PLACE = (50.0, 10.0)  # latitude and longitude of the middle of the fictional town
KM_A_DEGREE = 111.2


def generator(seed: int, stream: int) -> np.random.Generator:
    """Return the random generator of one aspect; changing one aspect does not change the others.

    Raises:
        InputError: a negative seed.
    """
    if seed < 0:
        raise InputError(f"seed {seed}: expected 0 or more")
    return np.random.Generator(np.random.PCG64([seed, stream]))


def check_days(days: int, least: int, most: int) -> None:
    """Raise InputError for days out of range."""
    if not least <= days <= most:
        raise InputError(f"{days} days of demo data: expected {least} to {most}")


def local_clock(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return hours of the day (0 up to 24) and days of the week (0 = Monday) in local time.

    times: (T,) datetime64[s] UTC.

    Example:
        >>> hours, days = local_clock(np.array(["2025-09-01T05:30"], "datetime64[s]"))
        >>> hours.tolist(), days.tolist()
        ([7.5], [0])
    """
    seconds = timezones.to_local(times, ZONE).astype(np.int64)
    return seconds % 86400 / 3600, (seconds // 86400 + 3) % 7  # 1970-01-01 was a Thursday


def drift(rng: np.random.Generator, shape: tuple[int, ...], memory: float) -> np.ndarray:
    """Return an Ornstein-Uhlenbeck process along the first axis: mean 0, standard deviation 1, float64.

    memory: number of steps after which the correlation is 1/e.
    """
    keep = np.exp(-1.0 / memory)
    noise = rng.standard_normal(shape)
    path = np.empty(shape)
    path[0] = noise[0]
    for step in range(1, shape[0]):
        path[step] = keep * path[step - 1] + np.sqrt(1 - keep**2) * noise[step]
    return path


@dataclass(frozen=True)
class Outage:
    """An outage of a sensor in steps [begin, end); sensor -1 stands for all sensors."""

    sensor: int
    begin: int
    end: int


def plan_outages(rng: np.random.Generator, steps: int, sensors: int, step_seconds: int) -> tuple[Outage, ...]:
    """Return outages: on average one per sensor in 40 days (1 to 48 h), one of all in 21 (1 to 5 h, at least one)."""
    a_day = 86400 // step_seconds
    found = []
    for sensor in range(sensors):
        for begin in rng.integers(0, steps, rng.poisson(steps / a_day / 40)):
            hours = float(np.clip(np.exp(rng.normal(np.log(8), 1.0)), 1, 48))
            found.append(Outage(sensor, int(begin), min(steps, int(begin) + round(hours * a_day / 24))))
    whole = max(1, round(steps / a_day / 21))
    for part in range(whole):  # spread out, so that every long period has one
        begin = int(steps * (part + rng.uniform(0.15, 0.85)) / whole)
        found.append(Outage(-1, begin, min(steps, begin + round(rng.uniform(1, 5) * a_day / 24))))
    return tuple(found)


def apply_outages(
    values: np.ndarray, outages: tuple[Outage, ...], share: float, rng: np.random.Generator
) -> np.ndarray:
    """Return values with NaN in outages and for lost messages, in all channels of a sensor.

    Args:
        values: (T, N, C) float.
        outages: outages to apply.
        share: fraction of lost messages, 0..1.
        rng: random generator of lost messages.
    """
    gone = rng.random(values.shape[:2]) < share
    for outage in outages:
        gone[outage.begin : outage.end, slice(None) if outage.sensor < 0 else outage.sensor] = True
    return np.where(gone[..., None], np.nan, values).astype(np.float32)
