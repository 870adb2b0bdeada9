"""Alarms that are raised and released, one a sensor at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alarm:
    """Hold one alarm.

    Attributes:
        sensor: position of the sensor.
        raised: run, the position of the forecast that raised it.
        released: run that released it; None while it is in force.
        probability: 0..1 that was forecast when it was raised.
    """

    sensor: int
    raised: int
    released: int | None
    probability: float

    def in_force(self, run: int) -> bool:
        """Return whether it was raised at or before a run and not yet released then."""
        return self.raised <= run and (self.released is None or run < self.released)


def raise_alarms(raising: np.ndarray, keeping: np.ndarray, probability: float, hold: int) -> list[Alarm]:
    """Follow forecasts in the order of time and return the alarms of all sensors, by run, then sensor.

    An alarm is raised at the first run whose probability of crossing the limit reaches `probability`, and
    released at the last of `hold` runs in a row whose probability of crossing the release limit is below it.
    A run without a forecast (NaN) neither raises nor releases, nor does it break a row.

    Args:
        raising: (R, N) float 0..1, probability of crossing the limit.
        keeping: (R, N) float 0..1, probability of crossing the release limit, which is never less.
        probability: that raises.
        hold: runs.

    Example:
        >>> raising = np.array([[0.1], [0.9], [0.5], [0.2], [0.1]])
        >>> raise_alarms(raising, raising, 0.8, 2)
        [Alarm(sensor=0, raised=1, released=3, probability=0.9)]
    """
    runs, sensors = raising.shape
    begun = np.full(sensors, -1)  # run at which the alarm in force was raised
    calm = np.zeros(sensors, int)  # runs in a row below the probability
    found: list[tuple[int, int, int | None]] = []
    for run in range(runs):
        known = ~np.isnan(keeping[run])
        calm[known] = np.where(keeping[run][known] < probability, calm[known] + 1, 0)
        for sensor in np.flatnonzero((begun >= 0) & (calm >= hold)):
            found.append((int(begun[sensor]), int(sensor), run))
            begun[sensor] = -1
        starting = (begun < 0) & (raising[run] >= probability)
        begun[starting], calm[starting] = run, 0
    found += [(int(begun[sensor]), int(sensor), None) for sensor in np.flatnonzero(begun >= 0)]
    found.sort(key=lambda each: each[:2])
    return [Alarm(sensor, run, released, float(raising[run, sensor])) for run, sensor, released in found]
