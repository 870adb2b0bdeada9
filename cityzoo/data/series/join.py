"""One series of several tables of the same sensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.series.series import Series
from cityzoo.errors import InputError


def join_series(tables: Sequence[Series]) -> Series:
    """Return one series from the first time of all tables to the last; sensors are in the order of the last table.

    Args:
        tables: one or more; where they overlap, the later one in the order counts where it was measured.

    Raises:
        InputError: other sensors, channels, units, time zones or steps.

    Example:
        >>> days = np.arange("2012-03-01", "2012-03-03", 86400, dtype="datetime64[s]")
        >>> one, two = (Series([[[v]], [[v + 1]]], days + 3 * v * 86400, "a", "q", ("mph",)) for v in (0, 1))
        >>> join_series([one, two]).values[:, 0, 0].tolist()
        [0.0, 1.0, nan, 1.0, 2.0]
    """
    last = tables[-1]
    for table in tables:
        _require_alike(table, last)
    step = last.step_seconds
    begin, end = min(each.times[0] for each in tables), max(each.times[-1] for each in tables)
    times = np.arange(begin, end + np.timedelta64(step, "s"), step).astype("datetime64[s]")
    values = np.full((len(times), *last.values.shape[1:]), np.nan, np.float32)
    for table in tables:
        start = int((table.times[0] - begin).astype(np.int64)) // step
        own = table.subset(last.sensors).values
        there = values[start : start + len(own)]
        np.copyto(there, own, where=np.isfinite(own))
    return replace(last, values=values, times=times)


def _require_alike(table: Series, last: Series) -> None:
    other = sorted(set(table.sensors) ^ set(last.sensors))
    if other:
        raise InputError(
            f"tables of {len(table.sensors)} and {len(last.sensors)} sensors cannot be joined, '{other[0]}' is in one "
            "alone: give data of the same sensors, or --retain none"
        )
    for name in ("channels", "units", "timezone", "step_seconds"):
        here, there = getattr(last, name), getattr(table, name)
        if here != there:
            raise InputError(
                f"tables with the {name} {there} and {here} cannot be joined: give data of the same kind, or "
                "--retain none"
            )
    shift = int((table.times[0] - last.times[0]).astype(np.int64)) % last.step_seconds
    if shift:
        raise InputError(
            f"tables cannot be joined: their times are {shift} seconds apart within a step of {last.step_seconds}; "
            "give times on one grid, or --retain none"
        )
