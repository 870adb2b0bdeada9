"""Times of a local clock read as UTC where daylight saving begins and ends."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import numpy as np

from cityzoo.data.series.timezones import DAY, EPOCH, QUARTER, by_quarter, zone

LIKE = (
    0.5  # share of the measurements of the hour after from which an hour that never occurs was lived through
)


class Reading(NamedTuple):
    """Hold local times as UTC, and of which rows something has to be said.

    Attributes:
        times: (R,) datetime64[s], UTC.
        kept: (R,) bool, False for rows to leave out.
        marks: kind of finding (see `findings.KINDS`) -> (R,) bool.
    """

    times: np.ndarray
    kept: np.ndarray
    marks: dict[str, np.ndarray]


def to_utc(local: np.ndarray, track: np.ndarray, empty: np.ndarray, timezone: str) -> Reading:
    """Read the times of a local clock as UTC, in the order that they were written.

    Where the clock is put back, an hour occurs twice: a time that was seen already, or that comes after the
    clock went back, is of the second pass; where only one pass was written, it is taken for the first.
    Where it is put forward, an hour never occurs. Rows of that hour are moved on with the clock, 02:30 to
    03:30, if nothing else was written there. Where the hour after it was written too, the clock did not jump:
    rows without any measurement are then filling and left out; if more than half as many rows measured
    something as in the hour after, the whole clock is read as standard time, which never changes.

    Args:
        local: (R,) datetime64[s], what the clock showed.
        track: (R,) int, rows of one track (a sensor's, or the whole table's) follow each other in time.
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
        filled = never & np.isin(_keys(utc, track), _keys(utc, track)[~never])
        spot = int(np.argmax(never))
        later = _hour_after(local, never, after[spot] - before[spot], timezone) & ~empty
        if (filled & ~empty).sum() > LIKE * later.sum() and not repeated.any():
            standard = int(before[spot])
            utc, marks = seconds - standard, {"no daylight saving": never | (before != standard)}
        else:
            dropped = filled & empty
            kept, marks["never, empty"], marks["never"] = ~dropped, dropped, never & ~dropped
    return Reading(utc.astype("datetime64[s]"), kept, marks)


def offsets(local: np.ndarray, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Return how far a clock is ahead of UTC, by the rules before and after a change of clocks.

    Args:
        local: (R,) datetime64[s], what the clock shows.
        timezone: IANA name.

    Returns:
        Two arrays (R,) int64 in seconds. They differ for times near a change alone: the first is greater for
        times that occur twice, less for those that never occur.
    """
    seconds, place = local.astype("datetime64[s]").astype(np.int64), zone(timezone)

    def offset(quarter: int, fold: int) -> float:
        shown = EPOCH.replace(tzinfo=None) + timedelta(seconds=quarter * QUARTER)
        return shown.replace(tzinfo=place, fold=fold).utcoffset().total_seconds()

    return tuple(by_quarter(seconds, lambda quarter, fold=fold: offset(quarter, fold)) for fold in (0, 1))


def _keys(seconds: np.ndarray, track: np.ndarray) -> np.ndarray:
    return seconds * (int(track.max(initial=0)) + 1) + track


def _passes(seconds: np.ndarray, track: np.ndarray, twice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are of the second pass of an hour that occurs twice, and which hours were written twice."""
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


def _hour_after(local: np.ndarray, never: np.ndarray, jump: int, timezone: str) -> np.ndarray:
    """Rows of the hour that a clock shows right after it was put forward."""
    before, after = offsets(local - np.timedelta64(int(jump), "s"), timezone)
    return ~never & (before < after)
