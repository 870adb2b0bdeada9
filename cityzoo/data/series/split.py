"""Split of a series in time: train, then val, then test; and the windows of each part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from cityzoo.data.series.series import DAY, Series
from cityzoo.errors import InputError

SHARES = (0.7, 0.1, 0.2)  # of train, val and test


class Split(NamedTuple):
    """Rows of train, val and test, one after the other."""

    train: range
    val: range
    test: range


def split(rows: int | Series, shares: Sequence[float] = SHARES) -> Split:
    """Split rows in time: the first are train, the last are test.

    Shares are rounded down to whole rows: 70 % of 2016 rows are 1411.

    Args:
        rows: their number, or the series.
        shares: of train, val and test, summing to 1; val may be 0.

    Raises:
        InputError: shares that do not sum to 1, or that leave a part without rows.
    """
    count = len(rows) if isinstance(rows, Series) else rows
    if len(shares) != 3 or min(shares) < 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise InputError(
            f"shares {tuple(shares)} of train, val and test do not sum to 1: give e.g. 0.7,0.1,0.2"
        )
    borders = [math.floor(round(count * each, 6)) for each in (shares[0], shares[0] + shares[1])]
    parts = Split(range(borders[0]), range(*borders), range(borders[1], count))
    if not parts.train or not parts.test or (shares[1] and not parts.val):
        raise InputError(f"{count} rows cannot be split as {tuple(shares)}: give more rows, or other shares")
    return parts


def days(series: Series, count: float, last: bool = False, rows: range | None = None) -> range:
    """Return the rows of the first or last days of 24 hours, e.g. to adapt to a new sensor.

    Args:
        count: days, may be a fraction.
        rows: to take them from, such as `Split.train`; None: all.

    Raises:
        InputError: too few rows.
    """
    within = range(len(series)) if rows is None else rows
    wanted = round(count * DAY / series.step_seconds)
    if not 0 < wanted <= len(within):
        raise InputError(
            f"{count:g} days are {wanted} rows of {series.step_seconds} seconds, {len(within)} are available: give "
            "fewer days"
        )
    return within[-wanted:] if last else within[:wanted]
