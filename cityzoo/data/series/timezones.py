"""Time zones, moments and steps as users write them, and local times converted to UTC."""

from __future__ import annotations

import difflib
import re
from datetime import datetime
from datetime import timezone as fixed_offset
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from cityzoo.errors import InputError

DAY = 86400  # seconds
LONGEST = 366 * DAY  # step
# Nonexistent times with more than this share of the measurements of the hour after: the clock never changed.
STANDARD_TIME_SHARE = 0.5
_STEP = re.compile(r"(\d+)\s*(?:(s|sec|second|m|min|t|minute|h|hour|d|day)s?)?")
_SECONDS = {"s": 1, "m": 60, "t": 60, "h": 3600, "d": DAY}


def zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises:
        InputError: unknown name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        near = difflib.get_close_matches(str(name), sorted(available_timezones()), n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"unknown time zone '{str(name)[:60]}': {hint}Allowed: IANA names such as America/Los_Angeles, "
            "Asia/Hong_Kong, UTC"
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
    seconds = int(found[1][:12]) * _SECONDS[(found[2] or "s")[0]] if found else 0
    if not 1 <= seconds <= LONGEST:
        raise InputError(
            f"step '{str(text)[:80]}' is not understood: give a number and s, min, h or d up to a year, e.g. 5min"
        )
    return seconds


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
    """Convert (T,) datetime64 in UTC to the local time of an IANA zone, (T,) datetime64[s].

    Example:
        >>> utc = np.array(["2012-03-11T09:59", "2012-03-11T10:00"], "datetime64[s]")
        >>> [str(time) for time in to_local(utc, "America/Los_Angeles")]
        ['2012-03-11T01:59:00', '2012-03-11T03:00:00']
    """
    import pandas

    stamps = pandas.DatetimeIndex(times, tz="UTC").tz_convert(zone(timezone))
    return stamps.tz_localize(None).to_numpy().astype("datetime64[s]")


class UtcTimes(NamedTuple):
    """Local times in UTC, and the rows that the report mentions."""

    times: np.ndarray  # (R,) datetime64[s], UTC
    kept: np.ndarray  # (R,) bool, False for rows to leave out
    marks: dict[str, np.ndarray]  # kind of finding (see `findings.KINDS`) -> (R,) bool


def to_utc(local: np.ndarray, track: np.ndarray, empty: np.ndarray, timezone: str) -> UtcTimes:
    """Convert local times to UTC, in the order in which they were written.

    Ambiguous times (clock put back): a time that was seen before, or that follows a step backwards, belongs to the
    second pass; an hour that was written once is taken for the first.
    Nonexistent times (clock put forward) move forward, 02:30 to 03:30, if no other row is there. If the hour after
    was written too, the clock did not change: rows without measurements are padding and are left out. If these
    rows hold more than `STANDARD_TIME_SHARE` of the measurements of the hour after, all times are standard time.

    Args:
        local: (R,) datetime64[s], local times.
        track: (R,) int, the rows of a track (a sensor, or the whole table) follow each other in time.
        empty: (R,) bool, True for rows without any measurement.
        timezone: IANA name.

    Example:
        >>> shown = np.array(["2012-11-04T01:30", "2012-11-04T01:30"], "datetime64[s]")
        >>> utc = to_utc(shown, np.zeros(2, int), np.zeros(2, bool), "America/Los_Angeles").times
        >>> [str(time) for time in utc]
        ['2012-11-04T08:30:00', '2012-11-04T09:30:00']
    """
    seconds = local.astype("datetime64[s]").astype(np.int64)
    before, after = offsets(local, timezone)
    twice, never = before > after, before < after
    second, repeated = _passes(seconds, track, twice)
    utc = seconds - np.where(second, after, before)
    kept, marks = np.ones(len(utc), bool), {"twice": twice & repeated, "twice once": twice & ~repeated}
    if never.any():
        keys = utc * (int(track.max(initial=0)) + 1) + track
        filled = never & np.isin(keys, keys[~never])
        spot = int(np.argmax(never))
        jump = np.timedelta64(int(after[spot] - before[spot]), "s")
        hour_after = ~never & ~empty & np.less(*offsets(local - jump, timezone))
        if (filled & ~empty).sum() > STANDARD_TIME_SHARE * hour_after.sum() and not repeated.any():
            standard = int(before[spot])
            utc, marks = seconds - standard, {"no daylight saving": never | (before != standard)}
        else:
            dropped = filled & empty
            kept, marks["never, empty"], marks["never"] = ~dropped, dropped, never & ~dropped
    return UtcTimes(utc.astype("datetime64[s]"), kept, marks)


def offsets(local: np.ndarray, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the offset from UTC of (R,) local times, by the rules before and after a change of clocks.

    Returns:
        Two arrays (R,) int64 in seconds, equal except at a change: the first is greater for ambiguous times and less
        for nonexistent ones.
    """
    import pandas

    index, place = pandas.DatetimeIndex(local), zone(timezone)

    def offset(first: bool, shift: Literal["shift_backward", "shift_forward"]) -> np.ndarray:
        stamps = index.tz_localize(place, ambiguous=np.full(len(index), first), nonexistent=shift)
        ahead = (stamps.tz_localize(None) - stamps.tz_convert(None)).to_numpy()
        return ahead.astype("timedelta64[s]").astype(np.int64)

    return offset(True, "shift_backward"), offset(False, "shift_forward")


def _passes(seconds: np.ndarray, track: np.ndarray, twice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows belong to the second pass of an ambiguous hour, and which hours were written twice."""
    second, repeated = np.zeros(len(seconds), bool), np.zeros(len(seconds), bool)
    rows = np.flatnonzero(twice)
    rows = rows[np.argsort(track[rows], kind="stable")]
    before = None
    for row in rows:  # few: an hour a year
        new = before is None or track[row] != track[before] or abs(seconds[row] - seconds[before]) > DAY
        if new:
            hour, seen, back = [], set(), False
        back = back or (not new and seconds[row] < seconds[before])
        second[row] = back or seconds[row] in seen
        seen.add(seconds[row])
        hour.append(row)
        repeated[hour] |= second[row]
        before = row
    return second, repeated
