"""Clocks on the wall and UTC: time zones, daylight saving, starts and steps as people write them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from cityzoo.errors import InputError

QUARTER = 900  # seconds: no zone changes its clocks within a quarter of an hour
DAY = 86400  # seconds
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_STEP = re.compile(r"(\d+)\s*([a-z]*)")
_SECONDS = {
    "": 1,
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "t": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}
_SECONDS |= {"d": DAY, "day": DAY}


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises:
        InputError: no such zone.

    Example:
        >>> zone("America/Los_Angeles").key
        'America/Los_Angeles'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        near = difflib.get_close_matches(str(name), sorted(available_timezones()), n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"unknown time zone '{name}': {hint}Allowed: IANA names such as America/Los_Angeles, Asia/Hong_Kong, UTC"
        ) from error


def parse_step(text: str | int | float) -> int:
    """Read a step in seconds: "5min", "1h", "30 s", "1d", or a number of seconds.

    Raises:
        InputError: anything else, or less than a second.

    Example:
        >>> parse_step("5min"), parse_step("1h"), parse_step(300)
        (300, 3600, 300)
    """
    found = _STEP.fullmatch(str(text).strip().lower().removesuffix(".0"))
    unit = found[2] if found else None
    unit = unit if unit in _SECONDS else str(unit).removesuffix("s")
    if not found or unit not in _SECONDS or int(found[1]) < 1:
        raise InputError(f"step '{text}' is not understood: give a number and s, min, h or d, e.g. 5min")
    return int(found[1]) * _SECONDS[unit]


def moment(text: str | np.datetime64, timezone: str) -> np.datetime64:
    """Return a moment in UTC.

    Args:
        text: ISO 8601, "2012-03-01" or "2012-03-01 06:00" by the zone's clock, or with an offset such as
            "+01:00" or "Z" of its own; a datetime64 is UTC already.
        timezone: IANA name.

    Returns:
        datetime64[s]. Of a time that occurs twice the first; one that never occurs counts on from before.

    Raises:
        InputError: no such time, or no such zone.

    Example:
        >>> moment("2012-03-01", "America/Los_Angeles"), moment("2012-03-01T06:00Z", "America/Los_Angeles")
        (np.datetime64('2012-03-01T08:00:00'), np.datetime64('2012-03-01T06:00:00'))
    """
    if isinstance(text, np.datetime64):
        return text.astype("datetime64[s]")
    try:
        read = datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(
            f"time '{text}' is not understood: write it as 2012-03-01 or 2012-03-01 06:00"
        ) from error
    aware = read.replace(tzinfo=zone(timezone)) if read.tzinfo is None else read
    return np.datetime64("1970-01-01", "s") + np.timedelta64(round((aware - EPOCH).total_seconds()), "s")


def local(times: np.ndarray, timezone: str) -> np.ndarray:
    """Return what a clock in a time zone shows.

    Args:
        times: (T,) datetime64, UTC.
        timezone: IANA name.

    Returns:
        (T,) datetime64[s].

    Example:
        >>> utc = np.array(["2012-03-11T09:59", "2012-03-11T10:00"], "datetime64[s]")
        >>> [str(time) for time in local(utc, "America/Los_Angeles")]
        ['2012-03-11T01:59:00', '2012-03-11T03:00:00']
    """
    seconds, place = times.astype("datetime64[s]").astype(np.int64), zone(timezone)

    def offset(quarter: int) -> float:
        return (EPOCH + timedelta(seconds=quarter * QUARTER)).astimezone(place).utcoffset().total_seconds()

    return (seconds + by_quarter(seconds, offset)).astype("datetime64[s]")


def by_quarter(seconds: np.ndarray, offset: Callable[[int], float]) -> np.ndarray:
    """Return a clock's offset for each of many times, asked for once a quarter of an hour.

    Args:
        seconds: (T,) int64 since 1970.
        offset: from quarters of an hour since 1970 to seconds.

    Returns:
        (T,) int64 in seconds.
    """
    quarters, place = np.unique(seconds // QUARTER, return_inverse=True)
    return np.array([int(offset(int(each))) for each in quarters], np.int64)[place]
