"""A series divided in time: train, then val, then test; and the windows that a forecast learns from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cityzoo.data.series.series import DAY, Series
from cityzoo.errors import InputError

SHARES = (0.7, 0.1, 0.2)  # of train, val and test


class Split(NamedTuple):
    """Hold the rows of train, val and test: each after the one before, none in two."""

    train: range
    val: range
    test: range


class Windows(NamedTuple):
    """Hold the rows of windows, by number in the series.

    Attributes:
        inputs: (W, history) int64.
        targets: (W, horizon) int64, the rows right after.
    """

    inputs: np.ndarray
    targets: np.ndarray


def split(rows: int | Series, shares: Sequence[float] = SHARES) -> Split:
    """Divide rows in time: the first are train, the last are test.

    A border lies at the whole row before it: of 2016 rows, 70 % are 1411.

    Args:
        rows: how many, or the series.
        shares: of train, val and test, together 1; val may be 0.

    Raises:
        InputError: shares that do not add up, or that leave train or test without a row.

    Example:
        >>> split(2016)
        Split(train=range(0, 1411), val=range(1411, 1612), test=range(1612, 2016))
    """
    count = len(rows) if isinstance(rows, Series) else rows
    if len(shares) != 3 or min(shares) < 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise InputError(
            f"shares {tuple(shares)} are no split: give train, val and test that add up to 1, e.g. 0.7,0.1,0.2"
        )
    borders = [math.floor(round(count * each, 6)) for each in (shares[0], shares[0] + shares[1])]
    parts = Split(range(borders[0]), range(*borders), range(borders[1], count))
    if not parts.train or not parts.test or (shares[1] and not parts.val):
        raise InputError(f"{count} rows cannot be split as {tuple(shares)}: give more rows, or other shares")
    return parts


def windows(
    series: int | Series, rows: range, history: int = 12, horizon: int = 12, reach_back: bool = True
) -> Windows:
    """Return all windows whose targets lie within some rows.

    Every target is a row of `rows`: no window of train has a target in val or test, none of val one in test or
    train. The history may reach back over the border into the rows before, as it does when a forecast is made on
    the first day of test: what was measured then is known then. The rows that train does not have before it are
    never made up: its first target comes after a whole history.

    Args:
        series: the whole of it, or its number of rows.
        rows: rows that targets may be of, one of `Split`, or of `days`.
        history: rows in.
        horizon: rows out.
        reach_back: False keeps histories within `rows` too, as T-GCN's own evaluation does.

    Returns:
        Rows by number in the series, each window one row later than the one before.

    Raises:
        InputError: fewer rows than one window takes.

    Example:
        >>> windows(8, range(4, 8), history=3, horizon=2).inputs
        array([[1, 2, 3],
               [2, 3, 4],
               [3, 4, 5]])
        >>> windows(8, range(4, 8), history=2, horizon=2, reach_back=False).targets
        array([[6, 7]])
    """
    count = len(series) if isinstance(series, Series) else series
    if history < 1 or horizon < 1:
        raise InputError(f"a window of {history} rows in and {horizon} out is none: give 1 or more of each")
    if not 0 <= rows.start <= rows.stop <= count or rows.step != 1:
        raise InputError(f"{rows} are no rows of a series of {count}: give rows that follow each other")
    first = max(rows.start, history) if reach_back else rows.start + history
    starts = np.arange(first, rows.stop - horizon + 1)
    if not len(starts):
        raise InputError(
            f"{len(rows)} rows from row {rows.start} on hold no window of {history} in and {horizon} out: give more "
            "rows, or a shorter window"
        )
    return Windows(starts[:, None] + np.arange(-history, 0), starts[:, None] + np.arange(horizon))


def days(series: Series, count: float, last: bool = False, rows: range | None = None) -> range:
    """Return the first, or last, rows of some days of 24 hours, as a new sensor has them to adapt with.

    Args:
        series: what they are rows of.
        count: days, 1 or more or a part of one.
        last: whether they are the last.
        rows: rows to take them from, such as `Split.train`; None: all.

    Raises:
        InputError: fewer rows than that.

    Example:
        >>> times = np.arange("2012-03-01", "2012-03-08", 300, dtype="datetime64[s]")
        >>> series = Series(np.zeros((2016, 1, 1)), times, ("a",), ("speed",), ("mph",))
        >>> days(series, 1), days(series, 2, last=True, rows=split(series).train)
        (range(0, 288), range(835, 1411))
    """
    within = range(len(series)) if rows is None else rows
    wanted = round(count * DAY / series.step_seconds)
    if not 0 < wanted <= len(within):
        raise InputError(
            f"{count:g} days are {wanted} rows of {series.step_seconds} seconds, {len(within)} are there: ask "
            "for fewer days"
        )
    return within[-wanted:] if last else within[:wanted]
