"""A window of measurements as CSV, as a forecast model takes it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cityzoo.serve.http_errors import HttpError

TIME = ("time", "timestamp", "date", "datetime")
DAY_SECONDS = 86400


def parse_window(text: str, about: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], datetime]:
    """Return the inputs of a forecast model for one window, and the time of its last row.

    The header names the column `time` and the sensors; of several channels SENSOR:CHANNEL, or of one sensor the
    channels. Empty cells are missing measurements.

    Args:
        text: CSV with as many rows as the model looks back, oldest first, one step apart.
        about: the model's preprocessing.json.

    Returns:
        `series` and `mask` (1, rows, sensors, channels) float32, `time_of_day` (1,) float32, 0 to below 1,
        `day_of_week` (1,) int32, 0 Monday.

    Raises:
        HttpError: 422, with the first thing that is wrong.
    """
    series = about["series"]
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if not rows:
        raise HttpError(422, f"an empty CSV: send a header and {series['history']} rows")
    places = _columns([cell.strip() for cell in rows[0]], series)
    if len(rows) - 1 != series["history"]:
        raise HttpError(
            422,
            f"{len(rows) - 1} rows of measurements: this model looks back {series['history']}, send as many",
        )
    values = np.full((series["history"], len(series["sensors"]), len(series["channels"])), np.nan)
    for number, row in enumerate(rows[1:]):
        if len(row) != len(rows[0]):
            raise HttpError(
                422, f"row {number + 2} has {len(row)} cells, the header {len(rows[0])}: repair the CSV"
            )
        for (sensor, channel), cell in zip(places, row[1:], strict=True):
            values[number, sensor, channel] = _number(cell, number + 2)
    last = _last_time([row[0].strip() for row in rows[1:]], series)
    observed = np.isfinite(values)
    if not observed.any():
        raise HttpError(422, "not one measurement in the CSV: at least one cell must be filled")
    local = last.astimezone(ZoneInfo(series["timezone"] or "UTC")) if last.tzinfo else last
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    feeds = {
        "series": np.where(observed, values, 0)[None].astype(np.float32),
        "mask": observed[None].astype(np.float32),
        "time_of_day": np.array([seconds / DAY_SECONDS], np.float32),
        "day_of_week": np.array([local.weekday()], np.int32),
    }
    return feeds, last


def _columns(header: Sequence[str], series: Mapping[str, Any]) -> list[tuple[int, int]]:
    sensors, channels = list(series["sensors"]), list(series["channels"])
    if header[0].lower() not in TIME:
        raise HttpError(422, f"the first column is '{header[0][:40]}': expected 'time'")
    known = {f"{s}:{c}": (i, j) for i, s in enumerate(sensors) for j, c in enumerate(channels)}
    if len(channels) == 1:
        known |= {sensor: (i, 0) for i, sensor in enumerate(sensors)}
    if len(sensors) == 1:
        known |= {channel: (0, j) for j, channel in enumerate(channels)}
    for name in header[1:]:
        if name not in known:
            raise HttpError(
                422, f"column '{name[:40]}' is unknown: this model knows {', '.join(list(known)[:20])}"
            )
    places = [known[name] for name in header[1:]]
    if len(set(places)) != len(places):
        raise HttpError(422, "two columns for the same measurements: remove one")
    return places


def _number(cell: str, row: int) -> float:
    text = cell.strip()
    if not text or text.lower() in ("nan", "null", "na"):
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise HttpError(
            422, f"'{text[:40]}' in row {row} is not a number: leave the cell empty if it is missing"
        )
    return value


def _last_time(texts: Sequence[str], series: Mapping[str, Any]) -> datetime:
    try:
        times = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in texts]
        steps = {later - earlier for earlier, later in zip(times, times[1:], strict=False)}
    except (ValueError, TypeError) as error:
        raise HttpError(
            422,
            f"a time that cannot be read ({error}): write 2026-11-29T08:15:00, all with or all without time zone",
        ) from error
    wanted = timedelta(seconds=series["step_seconds"])
    if steps - {wanted}:
        raise HttpError(422, f"rows {min(steps - {wanted})} apart: this model needs one every {wanted}")
    return times[-1]
