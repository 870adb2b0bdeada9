"""Rows at arbitrary times put on a regular grid: step detected, times snapped, copies merged, gaps filled with NaN."""

from __future__ import annotations

import numpy as np

from cityzoo.data.series import timezones
from cityzoo.data.series.findings import SeriesFindings, format_step
from cityzoo.data.series.raw import RawSeries
from cityzoo.errors import InputError

SHARE = 0.5  # of rows that must agree on a step, or on the start of the grid
NEAR = 0.1  # relative difference of the median step from a usual one
SAME = 1e-3  # relative difference up to which two measurements of one time are the same
FEW, SEVERAL = (
    3,
    0.25,
)  # rows, and share of all rows, at the times of others from which they must be other sensors
HOUR = np.timedelta64(3600, "s")
SPARSE = 20  # grid rows per row of data from which a date must be wrong
USUAL = (1, 2, 5, 10, 15, 20, 30)
HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
STEPS = (*USUAL, *(60 * each for each in USUAL), *(3600 * each for each in HOURS))  # seconds


def require_forward(raw: RawSeries, times: np.ndarray, track: np.ndarray, free: np.ndarray) -> None:
    """Raise InputError where time goes backwards within a track.

    Args:
        free: (R,) bool, True for ambiguous local times: between two of them time may go back.
    """
    order = np.argsort(track, kind="stable")
    shown, of, free = times[order], track[order], free[order]
    back = (shown[1:] < shown[:-1]) & (of[1:] == of[:-1]) & ~(free[1:] & free[:-1])
    if back.any():
        spot = int(np.argmax(back))
        clock = not raw.zoned and (shown[:-1] - shown[1:])[back].max() <= HOUR
        step = "sort the rows by time"
        if clock:
            step = "the clock may have been put back: give --timezone, e.g. Europe/Berlin"
        elif raw.track is not None:
            step += ", or name all columns that tell sensors apart with --sensor-column NAME,NAME"
        raise InputError(
            f"{raw.origin.place(int(order[spot + 1]))}: time goes backwards, {_show(shown[spot + 1])} after "
            f"{_show(shown[spot])} ({int(back.sum())} times in all): {step}"
        )


def require_sensors(raw: RawSeries, times: np.ndarray, rows: np.ndarray) -> None:
    """Raise InputError where so many rows of a track have the same time that the track must be several sensors."""
    track = raw.tracks
    order = rows[np.lexsort((times[rows], track[rows]))]
    same = (np.diff(times[order]).astype(np.int64) == 0) & (np.diff(track[order]) == 0)
    before, after = raw.values[order[:-1]], raw.values[order[1:]]
    differ = same & (np.abs(after - before) > SAME * np.abs(before)).any(1)
    if differ.sum() > max(FEW, SEVERAL * len(times)):
        row = int(order[1:][np.argmax(differ)])
        raise InputError(
            f"{raw.origin.place(row)}: the same time as another row, with other values ({int(differ.sum())} of "
            f"{len(times)} rows in all): name the columns that tell sensors apart with --sensor-column NAME,NAME"
        )


def find_step(times: np.ndarray, track: np.ndarray, given: int | None, source: str) -> int:
    """Return the time between rows in seconds: `given`, else that of half of the rows, else the usual one nearest.

    Args:
        given: seconds; must not contradict the step of at least half of the rows.

    Raises:
        InputError: irregular rows, or another step than `given`.

    Example:
        >>> find_step(np.array([0, 298, 600, 905], "datetime64[s]"), np.zeros(4, int), None, "roads.csv")
        300
    """
    order = np.lexsort((times, track))
    apart, same = np.diff(times[order]).astype(np.int64), np.diff(track[order]) == 0
    apart = apart[same & (apart > 0)]
    apart = apart if len(apart) else np.diff(np.unique(times)).astype(np.int64)
    if not len(apart):
        if given is None:
            raise InputError(f"'{source}' holds only one time: give more rows")
        return given
    sizes, counts = np.unique(apart, return_counts=True)
    sure = int(sizes[counts.argmax()]) if counts.max() >= SHARE * len(apart) else None
    if given and sure and given != sure:
        raise InputError(
            f"rows of '{source}' are {format_step(sure)} apart, the given step is {format_step(given)}: leave out the "
            "step, or resample the data"
        )
    median = float(np.median(apart))
    usual = min(STEPS, key=lambda step: abs(step - median))
    if not (given or sure) and abs(usual - median) > NEAR * usual:
        raise InputError(
            f"rows of '{source}' have no regular step ({sizes[0]} to {sizes[-1]} seconds apart): give it, e.g. "
            "--step 5min"
        )
    return given or sure or usual


def to_regular_grid(
    raw: RawSeries, times: np.ndarray, rows: np.ndarray, step: int, findings: SeriesFindings, timezone: str
) -> tuple[np.ndarray, np.ndarray]:
    """Put rows on a regular grid of times.

    A row goes to the nearest time of the grid, at most half a step away; `merge` makes one of several rows of a
    track at the same time; times without a row are NaN.

    Args:
        raw: rows as they were written.
        times: (R,) datetime64[s], UTC.
        rows: positions of the rows to use, in order.
        step: seconds.
        findings: counts snapped, duplicate and missing rows.
        timezone: of the local times of gaps in the findings.

    Returns:
        values (T, N, C) float32 and times (T,) datetime64[s].

    Raises:
        InputError: times so far apart that nearly all of the grid is empty.
    """
    seconds = times[rows].astype(np.int64)
    origin = _grid_origin(seconds, step, times[:1], timezone)
    slots = np.floor((seconds - origin) / step + 0.5).astype(np.int64)
    origin, slots = origin + int(slots.min()) * step, slots - slots.min()
    _require_dense(slots, origin, step, raw, rows)
    late = seconds - origin - slots * step
    findings.add_rows(
        "snapped",
        np.flatnonzero(late),
        lambda row: f"{raw.origin.place(int(rows[row]))} by {abs(int(late[row]))} s",
    )
    width = raw.values.shape[1]
    tracks = len(raw.sensors) * len(raw.channels) // width
    grid = np.full((int(slots.max()) + 1, tracks, width), np.nan, np.float32)
    cells = grid.reshape(-1, width)
    key = slots * tracks + raw.tracks[rows]
    order = np.argsort(key, kind="stable")
    key, rows = key[order], rows[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.diff(starts, append=len(key))
    cells[key[starts]] = raw.values[rows[starts]]
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        cells[key[start]], agree = merge(raw.values[rows[start : start + size]])
        kind = "duplicate" if agree else "contradiction"
        findings.add(kind, raw.origin.place(int(rows[start + 1])), int(size - 1))
    even = (origin + step * np.arange(len(grid))).astype("datetime64[s]")
    _note_gaps(np.unique(slots), timezones.to_local(even, timezone), findings)
    return grid.reshape(len(grid), len(raw.sensors), len(raw.channels)), even


def merge(rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return one row for several of the same time, and whether they agree.

    Args:
        rows: (K, width) in the order that they were written, NaN where nothing was measured.

    Returns:
        The mean, where all measurements are the same to 0.1 %; otherwise the last measurement of each column.

    Example:
        >>> merge(np.array([[60.0, np.nan], [60.02, 5.0]])), merge(np.array([[60.0, 1.0], [30.0, np.nan]]))
        ((array([60.01,  5.  ]), True), (array([30.,  1.]), False))
    """
    last, agree = rows[0], True
    for row in rows[1:]:
        same = np.isclose(row, last, rtol=SAME, atol=0.0) | np.isnan(row) | np.isnan(last)
        agree = agree and bool(same.all())
        last = np.where(np.isnan(row), last, row)
    if not agree:
        return last, False
    counts = (~np.isnan(rows)).sum(0)
    return np.where(counts > 0, np.nansum(rows, 0) / np.maximum(counts, 1), np.nan), True


def _grid_origin(seconds: np.ndarray, step: int, first: np.ndarray, timezone: str) -> int:
    """Return the start of the grid within a step: that of half of the rows, else local midnight."""
    sizes, counts = np.unique(seconds % step, return_counts=True)
    if counts.max() >= SHARE * len(seconds):
        return int(sizes[counts.argmax()])
    return int((first - timezones.to_local(first, timezone)).astype(np.int64)[0]) % step


def _require_dense(slots: np.ndarray, origin: int, step: int, raw: RawSeries, rows: np.ndarray) -> None:
    order = np.argsort(slots, kind="stable")
    jumps = np.diff(slots[order])
    written = int((jumps > 0).sum()) + 1
    if slots.max() >= SPARSE * written + 1000:
        spot = int(jumps.argmax())
        ends = (origin + step * slots[order[[spot, spot + 1]]]).astype("datetime64[s]")
        raise InputError(
            f"{raw.origin.place(int(rows[order[spot + 1]]))}: {_show(ends[1])} UTC comes {jumps[spot]} steps of "
            f"{format_step(step)} after {_show(ends[0])} UTC, with {written} times in all: correct the date or the step"
        )


def _note_gaps(slots: np.ndarray, shown: np.ndarray, findings: SeriesFindings) -> None:
    lost = np.diff(slots) - 1
    for place, spot in enumerate(np.argsort(-lost, kind="stable")[: int((lost > 0).sum())]):
        longest = "longest: " if place == 0 else ""
        findings.add("gap", f"{longest}{lost[spot]} from {_show(shown[slots[spot] + 1])}", int(lost[spot]))


def _show(time: np.datetime64) -> str:
    return str(time).replace("T", " ")
