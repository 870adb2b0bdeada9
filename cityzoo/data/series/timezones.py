"""Time zones, moments and steps as users write them."""

from __future__ import annotations

import difflib
import re
from datetime import datetime
from datetime import timezone as fixed_offset
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from cityzoo.errors import InputError

DAY = 86400  # seconds
_STEP = re.compile(r"(\d+)\s*(?:(s|sec|second|m|min|t|minute|h|hour|d|day)s?)?")
_SECONDS = {"s": 1, "m": 60, "t": 60, "h": 3600, "d": DAY}


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises:
        InputError: unknown name.

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
        InputError: any other text, or less than one second.

    Example:
        >>> parse_step("5min"), parse_step("1h"), parse_step(300)
        (300, 3600, 300)
    """
    found = _STEP.fullmatch(str(text).strip().lower().removesuffix(".0"))
    if not found or int(found[1]) < 1:
        raise InputError(f"step '{text}' is not understood: give a number and s, min, h or d, e.g. 5min")
    return int(found[1]) * _SECONDS[(found[2] or "s")[0]]


def parse_time(text: str, timezone: str) -> np.datetime64:
    """Read a time as UTC.

    Args:
        text: ISO 8601: "2012-03-01" or "2012-03-01 06:00" in local time, or with its own offset such as "+01:00" or
            "Z".
        timezone: IANA name.

    Returns:
        datetime64[s]. An ambiguous local time is taken as the first of the two; a nonexistent one moves forward.

    Raises:
        InputError: text that is not a time, or an unknown time zone.

    Example:
        >>> parse_time("2012-03-01", "America/Los_Angeles"), parse_time("2012-03-01T06:00Z", "America/Los_Angeles")
        (np.datetime64('2012-03-01T08:00:00'), np.datetime64('2012-03-01T06:00:00'))
    """
    try:
        read = datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(
            f"time '{text}' is not understood: write it as 2012-03-01 or 2012-03-01 06:00"
        ) from error
    aware = read.replace(tzinfo=zone(timezone)) if read.tzinfo is None else read
    return np.datetime64(round((aware - datetime(1970, 1, 1, tzinfo=fixed_offset.utc)).total_seconds()), "s")


def to_local(times: np.ndarray, timezone: str) -> np.ndarray:
    """Convert UTC to local time.

    Args:
        times: (T,) datetime64, UTC.
        timezone: IANA name.

    Returns:
        (T,) datetime64[s].

    Example:
        >>> utc = np.array(["2012-03-11T09:59", "2012-03-11T10:00"], "datetime64[s]")
        >>> [str(time) for time in to_local(utc, "America/Los_Angeles")]
        ['2012-03-11T01:59:00', '2012-03-11T03:00:00']
    """
    import pandas

    stamps = pandas.DatetimeIndex(times, tz="UTC").tz_convert(zone(timezone))
    return stamps.tz_localize(None).to_numpy().astype("datetime64[s]")
