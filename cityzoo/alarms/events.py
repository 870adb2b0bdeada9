"""Events in the measurements: periods with values beyond a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BRIDGED_SECONDS = 3600  # maximum gap in the measurements, between values beyond the limit, within one event


@dataclass(frozen=True)
class Event:
    """A period of one sensor; steps are rows of the measurements.

    Attributes:
        sensor: position of the sensor.
        begin: step of the first value beyond the limit.
        last: step of the last one.
        worst: the value farthest beyond it.
    """

    sensor: int
    begin: int
    last: int
    worst: float


def is_beyond(values: np.ndarray, limit: float, way: str) -> np.ndarray:
    """Return where values are beyond a limit, bool; False where they are missing (NaN)."""
    return values > limit if way == ">" else values < limit


def find_events(values: np.ndarray, limit: float, way: str, step_seconds: int) -> list[Event]:
    """Return the maximal runs of values beyond a limit, by sensor, then time.

    Up to an hour without measurements does not end a run; a single measurement within the limit does.

    Args:
        values: (T, N) float, NaN where nothing was measured.
        limit: in their unit.
        way: ">" or "<".
        step_seconds: from one row to the next.

    Example:
        >>> values = np.array([[60.0], [80.0], [np.nan], [90.0], [70.0], [76.0]])
        >>> [(event.begin, event.last, event.worst) for event in find_events(values, 75, ">", 3600)]
        [(1, 3, 90.0), (5, 5, 76.0)]
    """
    out, missing = is_beyond(values, limit, way), np.isnan(values)
    found = []
    for sensor in range(values.shape[1]):
        steps = np.flatnonzero(out[:, sensor])
        if not len(steps):
            continue
        gaps = np.diff(steps) - 1
        inside = (
            np.diff(np.cumsum(~missing[:, sensor])[steps]) - 1
        )  # measurements within the limit in between
        ends = np.flatnonzero((inside > 0) | (gaps * step_seconds > BRIDGED_SECONDS))
        worst = np.nanmax if way == ">" else np.nanmin  # bridged gaps are NaN
        for begin, last in zip(steps[[0, *(ends + 1)]], steps[[*ends, -1]], strict=True):
            extreme = float(worst(values[begin : last + 1, sensor]))
            found.append(Event(sensor, int(begin), int(last), extreme))
    return found
