"""Rows of any times laid on an even grid: the step found, times snapped, copies merged, gaps filled with NaN."""

from __future__ import annotations

import numpy as np

from cityzoo.data.series import timezones
from cityzoo.data.series.findings import SeriesFindings, step_words
from cityzoo.data.series.raw import RawSeries
from cityzoo.errors import InputError

SHARE = 0.5  # of rows that must agree on a step, or on where the grid begins, for it to count as found
NEAR = 0.1  # how far the median step may be from a usual one
SAME = 1e-3  # relative difference up to which two measurements of one time are the same
SPARSE = 20  # rows of the grid for one that was written: beyond it a date is wrong
USUAL = (1, 2, 5, 10, 15, 20, 30)
STEPS = (
    *USUAL,
    *(60 * each for each in USUAL),
    *(3600 * each for each in (1, 2, 3, 4, 6, 8, 12, 24)),
)  # seconds


def require_forward(raw: RawSeries, times: np.ndarray, track: np.ndarray, free: np.ndarray) -> None:
    """Raise InputError where time goes backwards within a track.

    Args:
        raw: says where a row was written.
        times: (R,) datetime64[s] as they were written.
        track: (R,) int.
        free: (R,) bool, True for local times that occur twice: between two of them time may go back.
    """
    order = np.argsort(track, kind="stable")
    shown, of, free = times[order], track[order], free[order]
    back = (shown[1:] < shown[:-1]) & (of[1:] == of[:-1]) & ~(free[1:] & free[:-1])
    if back.any():
        spot = int(np.argmax(back))
        raise InputError(
            f"{raw.origin.place(int(order[spot + 1]))}: time goes backwards, {_told(shown[spot + 1])} after "
            f"{_told(shown[spot])} ({int(back.sum())} times in all): sort the rows by time"
        )


def find_step(times: np.ndarray, track: np.ndarray, asked: int | None, source: str) -> int:
    """Return the time from row to row, in seconds.

    That is what is asked for, else what at least half of the rows are apart, else the usual step nearest to the
    median.

    Args:
        times: (R,) datetime64[s], UTC.
        track: (R,) int.
        asked: seconds; must not contradict what at least half of the rows are apart.
        source: for messages.

    Raises:
        InputError: no step to be found, or another than the one asked for.

    Example:
        >>> find_step(np.array([0, 298, 600, 905], "datetime64[s]"), np.zeros(4, int), None, "roads.csv")
        300
    """
    order = np.lexsort((times, track))
    apart, same = np.diff(times[order]).astype(np.int64), np.diff(track[order]) == 0
    apart = apart[same & (apart > 0)]
    apart = apart if len(apart) else np.diff(np.unique(times)).astype(np.int64)
    if not len(apart):
        if asked is None:
            raise InputError(f"'{source}' holds one time alone: give more rows")
        return asked
    sizes, counts = np.unique(apart, return_counts=True)
    sure = int(sizes[counts.argmax()]) if counts.max() >= SHARE * len(apart) else None
    found = asked or sure or _usual(float(np.median(apart)))
    if found is None:
        raise InputError(
            f"rows of '{source}' come at no even step ({sizes[0]} to {sizes[-1]} seconds apart): give it, e.g. "
            "--step 5min"
        )
    if sure is not None and found != sure:
        raise InputError(
            f"rows of '{source}' come every {step_words(sure)}, step {step_words(asked)} was asked for: leave the "
            "step out, or resample the data"
        )
    return found


def _usual(median: float) -> int | None:
    near = min(STEPS, key=lambda step: abs(step - median))
    return near if abs(near - median) <= NEAR * near else None


def to_regular_grid(
    raw: RawSeries, times: np.ndarray, rows: np.ndarray, step: int, findings: SeriesFindings, timezone: str
) -> tuple[np.ndarray, np.ndarray]:
    """Lay rows on an even grid of times.

    Rows that come a little early or late go to the nearest time of the grid, at most half a step away. Where
    several rows of a track go to one time and agree (to 0.1 %, where both measured), their mean is kept;
    else the later. Times without a row are filled with NaN.

    Args:
        raw: rows as they were written.
        times: (R,) datetime64[s], UTC.
        rows: which of them to lay out, in order.
        step: seconds.
        findings: where snapped, doubled and missing rows are counted.
        timezone: that places of gaps are told in.

    Returns:
        values (T, N, C) float32 and times (T,) datetime64[s].

    Raises:
        InputError: times so far apart that nearly all of the grid is empty.
    """
    seconds = times[rows].astype(np.int64)
    origin = _origin(seconds, step, times[:1], timezone)
    slots = np.floor((seconds - origin) / step + 0.5).astype(np.int64)
    origin, slots = origin + int(slots.min()) * step, slots - slots.min()
    _require_dense(slots, origin, step, raw, rows)
    _note_snapped(seconds - origin - slots * step, raw, rows, findings)
    tracks = len(raw.sensors) * len(raw.channels) // raw.values.shape[1]
    grid = np.full((int(slots.max()) + 1, tracks, raw.values.shape[1]), np.nan, np.float32)
    key = slots * tracks + raw.tracks[rows]
    order = np.argsort(key, kind="stable")
    key, rows = key[order], rows[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    ends = np.append(starts[1:], len(key))
    grid.reshape(-1, grid.shape[2])[key[starts]] = raw.values[rows[starts]]
    for number in np.flatnonzero(ends - starts > 1):
        start, end = starts[number], ends[number]
        merged, agree = merge(raw.values[rows[start:end]])
        grid[key[start] // tracks, key[start] % tracks] = merged
        kind = "duplicate" if agree else "contradiction"
        findings.add(kind, raw.origin.place(int(rows[start + 1])), int(end - start - 1))
    even = (origin + step * np.arange(len(grid))).astype("datetime64[s]")
    _note_gaps(slots, timezones.local(even, timezone), step, findings)
    return grid.reshape(len(grid), len(raw.sensors), len(raw.channels)), even


def merge(rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return one row for several of the same time, and whether they agree.

    Args:
        rows: (K, width) in the order that they were written, NaN where nothing was measured.

    Returns:
        The mean of what was measured, where all measured the same to 0.1 %; else for each column what was
        measured last.

    Example:
        >>> merge(np.array([[60.0, np.nan], [60.02, 5.0]])), merge(np.array([[60.0, 1.0], [30.0, np.nan]]))
        ((array([60.01,  5.  ]), True), (array([30.,  1.]), False))
    """
    last, agree = rows[0], True
    for row in rows[1:]:
        agree = agree and bool(
            (np.isclose(row, last, rtol=SAME, atol=0.0) | np.isnan(row) | np.isnan(last)).all()
        )
        last = np.where(np.isnan(row), last, row)
    if not agree:
        return last, False
    counts = (~np.isnan(rows)).sum(0)
    return np.where(counts > 0, np.nansum(rows, 0) / np.maximum(counts, 1), np.nan), True


def _origin(seconds: np.ndarray, step: int, first: np.ndarray, timezone: str) -> int:
    """Where the grid begins within a step: where half of the rows lie, else at midnight of the local clock."""
    sizes, counts = np.unique(seconds % step, return_counts=True)
    if counts.max() >= SHARE * len(seconds):
        return int(sizes[counts.argmax()])
    return int((first - timezones.local(first, timezone)).astype(np.int64)[0]) % step


def _require_dense(slots: np.ndarray, origin: int, step: int, raw: RawSeries, rows: np.ndarray) -> None:
    order = np.argsort(slots, kind="stable")
    jumps = np.diff(slots[order])
    written = int((jumps > 0).sum()) + 1
    if slots.max() >= SPARSE * written + 1000:
        spot = int(jumps.argmax())
        ends = (origin + step * slots[order[[spot, spot + 1]]]).astype("datetime64[s]")
        raise InputError(
            f"{raw.origin.place(int(rows[order[spot + 1]]))}: {_told(ends[1])} UTC comes {jumps[spot]} steps of "
            f"{step_words(step)} after {_told(ends[0])} UTC, with {written} times in all: correct the date, or the step"
        )


def _note_snapped(late: np.ndarray, raw: RawSeries, rows: np.ndarray, findings: SeriesFindings) -> None:
    def place(spot: np.int64) -> str:
        return f"{raw.origin.place(int(rows[spot]))} by {abs(int(late[spot]))} s"

    findings.add_rows("snapped", np.flatnonzero(late), place)


def _note_gaps(slots: np.ndarray, shown: np.ndarray, step: int, findings: SeriesFindings) -> None:
    there = np.unique(slots)
    jumps = np.diff(there)
    for place, spot in enumerate(np.argsort(-jumps, kind="stable")):
        if jumps[spot] > 1:
            lost = int(jumps[spot]) - 1
            longest = "longest: " if place == 0 else ""
            findings.add("gap", f"{longest}{lost} from {_told(shown[there[spot] + 1])}", lost)


def _told(time: np.datetime64) -> str:
    return str(time).replace("T", " ")
