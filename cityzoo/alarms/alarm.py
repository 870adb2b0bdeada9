"""Raising and releasing alarms, at most one per sensor at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Alarm:
    """An alarm of a sensor.

    Attributes:
        sensor: position of the sensor.
        raised: run, the position of the forecast that raised it.
        released: run that released it; None while it is active.
        probability: 0..1, of the forecast that raised it.
    """

    sensor: int
    raised: int
    released: int | None
    probability: float

    def is_active(self, run: int) -> bool:
        """Return whether the alarm was raised at or before a run and not yet released."""
        return self.raised <= run and (self.released is None or run < self.released)


def raise_alarms(raising: np.ndarray, keeping: np.ndarray, probability: float, hold: int) -> list[Alarm]:
    """Return the alarms of all sensors, sorted by run, then sensor.

    An alarm is raised at the first run with a probability of crossing the limit of `probability` or more. It is
    released at the last of `hold` consecutive runs with a probability of crossing the release limit below that.
    Runs without a forecast (NaN) are skipped.

    Args:
        raising: (R, N) float 0..1, probability of crossing the limit.
        keeping: (R, N) float 0..1, probability of crossing the release limit, never lower than `raising`.
        probability: that raises an alarm.
        hold: runs.

    Example:
        >>> raising = np.array([[0.1], [0.9], [0.5], [0.2], [0.1]])
        >>> raise_alarms(raising, raising, 0.8, 2)
        [Alarm(sensor=0, raised=1, released=3, probability=0.9)]
    """
    runs, sensors = raising.shape
    begun = np.full(sensors, -1)  # run at which the active alarm was raised
    calm = np.zeros(sensors, int)  # consecutive runs below the probability
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
