"""Blocks of time to resample, and slices of windows by hour and weekday."""

from __future__ import annotations

import numpy as np

from cityzoo.data.series.windows import WindowSet
from cityzoo.metrics.weighted import LEAST_GROUPS

BLOCK_HOURS = (24, 6, 1)  # the longest that gives enough blocks is resampled
PARTS_OF_DAY = {
    "0-6 h": (0, 6),
    "6-10 h": (6, 10),
    "10-15 h": (10, 15),
    "15-20 h": (15, 20),
    "20-24 h": (20, 24),
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def blocks_of(windows: WindowSet) -> list[str]:
    """Return a block of local time for each window: days, or shorter ones where there are fewer than ten days.

    Errors of neighboring windows are alike, so whole blocks are resampled.
    """
    times = windows.series.local_times[windows.origins].astype("datetime64[h]").astype(np.int64)
    for hours in BLOCK_HOURS:
        blocks = times // hours
        if len(np.unique(blocks)) >= LEAST_GROUPS:
            break
    return [f"{hours} h block {block}" for block in blocks]


def slices_of(windows: WindowSet) -> dict[str, dict[str, np.ndarray]]:
    """Return which windows start in which part of the day and on which weekday, where there are several."""
    hour = windows.series.time_of_day[windows.origins] * 24
    weekday = windows.series.day_of_week[windows.origins]
    found = {
        "part of the day": {
            name: (hour >= low) & (hour < high) for name, (low, high) in PARTS_OF_DAY.items()
        },
        "weekday": {name: weekday == number for number, name in enumerate(WEEKDAYS)},
    }
    present = {by: {name: mask for name, mask in masks.items() if mask.any()} for by, masks in found.items()}
    return {by: masks for by, masks in present.items() if len(masks) > 1}
