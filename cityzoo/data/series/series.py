"""Measurements of sensors on a regular grid of times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cityzoo.data.series import timezones
from cityzoo.data.series.timezones import DAY
from cityzoo.errors import unknown


@dataclass(frozen=True, eq=False)
class Series:
    """Measurements of sensors.

    Raises:
        ValueError: inconsistent shapes, infinite values, irregular times, duplicate names, weights below 0, latitudes
            or longitudes out of range.
        InputError: unknown time zone.

    Example:
        >>> times = np.arange("2012-03-01", "2012-03-02", 300, dtype="datetime64[s]")
        >>> series = Series(np.zeros((288, 2, 1)), times, ("a", "b"), ("speed",), ("mph",), "America/Los_Angeles")
        >>> series.step_seconds, series.mask.all(), round(float(series.time_of_day[0]) * 24), series.day_of_week[0]
        (300, np.True_, 16, np.int64(2))
    """

    values: np.ndarray  # (T, N, C) float32, NaN where nothing was measured
    times: np.ndarray  # (T,) datetime64[s], UTC, `step_seconds` apart; two or more
    sensors: tuple[str, ...]  # N names, each once
    channels: tuple[str, ...]  # C names, each once, e.g. ("speed",).
    units: tuple[str, ...]  # C, e.g. ("km/h",), "" if unknown.
    timezone: str = "UTC"  # IANA name of the zone of `local_times`, e.g. "America/Los_Angeles".
    # (N, N) float32, weights of roads from the row's sensor to the column's, 0 for none; None: unknown
    adjacency: np.ndarray | None = None
    # (N, 2) float64, latitude and longitude in degrees, NaN if unknown; None: all unknown
    places: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, kind in (("values", np.float32), ("times", "datetime64[s]")):
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind))
        for name in ("sensors", "channels", "units"):
            object.__setattr__(self, name, tuple(map(str, getattr(self, name))))
        timezones.zone(self.timezone)
        self._require_shape()
        self._require_regular_times()
        self._require_roads_and_places()

    def _require_shape(self) -> None:
        sizes = (len(self.times), len(self.sensors), len(self.channels))
        if self.values.shape != sizes or not all(sizes):
            raise ValueError(
                f"values have the shape {self.values.shape}, expected (times, sensors, channels) = {sizes}, none 0"
            )
        if len(self.units) != len(self.channels):
            raise ValueError(f"{len(self.units)} units for {len(self.channels)} channels, expected one each")
        for kind, names in (("sensor", self.sensors), ("channel", self.channels)):
            again = next((name for place, name in enumerate(names) if name in names[:place]), None)
            if len(set(names)) != len(names):
                raise ValueError(f"two {kind}s are called '{again}', expected unique names")
        if np.isinf(self.values).any():
            raise ValueError("values are infinite, expected finite ones, NaN where nothing was measured")

    def _require_regular_times(self) -> None:
        if self.times.ndim != 1 or len(self.times) < 2 or np.isnat(self.times).any():
            raise ValueError(
                f"times have the shape {self.times.shape}, expected (T,) with T of 2 or more, none missing"
            )
        steps = np.diff(self.times).astype(np.int64)
        if steps[0] <= 0 or (steps != steps[0]).any():
            raise ValueError(
                f"times are {steps.min()} to {steps.max()} seconds apart, expected the same step everywhere, above 0"
            )

    def _require_roads_and_places(self) -> None:
        count = len(self.sensors)
        if self.adjacency is not None:
            weights = np.asarray(self.adjacency, np.float32)
            if weights.shape != (count, count) or not np.isfinite(weights).all() or (weights < 0).any():
                raise ValueError(
                    f"adjacency has the shape {weights.shape}, expected {(count, count)}, finite and none below 0"
                )
            object.__setattr__(self, "adjacency", weights)
        if self.places is not None:
            places = np.asarray(self.places, np.float64)
            if places.shape != (count, 2) or (np.abs(places) > (90, 180)).any():
                raise ValueError(
                    f"places have the shape {places.shape}, expected {(count, 2)}: latitude within 90, longitude "
                    "within 180 degrees"
                )
            object.__setattr__(self, "places", places)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def step_seconds(self) -> int:
        """Seconds from one row to the next."""
        return int((self.times[1] - self.times[0]).astype(np.int64))

    @cached_property
    def mask(self) -> np.ndarray:
        """(T, N, C) bool, True where something was measured."""
        return ~np.isnan(self.values)

    @cached_property
    def local_times(self) -> np.ndarray:
        """(T,) datetime64[s] in the time zone; they jump with daylight saving."""
        return timezones.to_local(self.times, self.timezone)

    @property
    def time_of_day(self) -> np.ndarray:
        """(T,) float32, 0 at midnight and below 1, of local times."""
        return (self.local_times.astype(np.int64) % DAY / DAY).astype(np.float32)

    @property
    def day_of_week(self) -> np.ndarray:
        """(T,) int64, 0 Monday to 6 Sunday, of local times."""
        return (self.local_times.astype(np.int64) // DAY + 3) % 7  # 1970-01-01 was a Thursday

    def rows(self, rows: range | slice) -> Series:
        """Return some rows, as of `split`.

        Raises:
            ValueError: fewer than two of them.
        """
        cut = rows if isinstance(rows, slice) else slice(rows.start, rows.stop, rows.step)
        return replace(self, values=self.values[cut], times=self.times[cut])

    def subset(self, sensors: tuple[str, ...] | list[str]) -> Series:
        """Return some sensors, in the given order, with the roads between them.

        Raises:
            InputError: unknown sensor.
        """
        where = {name: place for place, name in enumerate(self.sensors)}
        for name in sensors:
            if name not in where:
                raise unknown("sensor", name, self.sensors)
        kept = [where[name] for name in sensors]
        return replace(
            self,
            values=self.values[:, kept],
            sensors=tuple(sensors),
            adjacency=None if self.adjacency is None else self.adjacency[np.ix_(kept, kept)],
            places=None if self.places is None else self.places[kept],
        )


def carry_forward(values: np.ndarray) -> np.ndarray:
    """Return values (..., rows, N) with each gap filled by the last one before it; NaN before the first.

    Example:
        >>> carry_forward(np.array([[np.nan, 1], [2, np.nan], [np.nan, 3]])).tolist()
        [[nan, 1.0], [2.0, 1.0], [2.0, 3.0]]
    """
    numbers = np.where(np.isfinite(values), np.arange(values.shape[-2])[:, None], 0)
    return np.take_along_axis(values, np.maximum.accumulate(numbers, axis=-2), axis=-2)
