"""Local times converted to UTC across changes of daylight saving, for each track of rows on its own."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from cityzoo.data.series.timezones import DAY, zone

# Nonexistent times with more than this share of the measurements of the hour after: the clock never changed.
STANDARD_TIME_SHARE = 0.5


class UtcTimes(NamedTuple):
    """Local times in UTC, and the rows that the report mentions.

    Attributes:
        times: (R,) datetime64[s], UTC.
        kept: (R,) bool, False for rows to leave out.
        marks: kind of finding (see `findings.KINDS`) -> (R,) bool.
    """

    times: np.ndarray
    kept: np.ndarray
    marks: dict[str, np.ndarray]


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
    """Return the offset from UTC of local times, by the rules before and after a change of clocks.

    Args:
        local: (R,) datetime64[s].
        timezone: IANA name.

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
