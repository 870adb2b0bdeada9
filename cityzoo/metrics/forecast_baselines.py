"""Forecast baselines that need no network; a model should beat them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cityzoo.data.series.series import carry_forward
from cityzoo.errors import InputError

ROWS = 12  # of history in the linear model


@dataclass(frozen=True, eq=False)
class HistoryView:
    """Data that a forecast may use: all rows up to its origin, and the training rows to fit.

    Raises:
        InputError: more training rows than rows, or a day shorter than a row.

    Example:
        >>> HistoryView(np.array([[1.0], [np.nan], [3.0]]), train_rows=3, day=2).filled[:, 0].tolist()
        [1.0, 1.0, 3.0]
    """

    values: np.ndarray  # (rows, nodes) float64, NaN where missing, in the target's unit
    train_rows: int  # number of training rows, the first ones
    day: int  # rows per day

    def __post_init__(self) -> None:
        if not 0 < self.train_rows <= len(self.values) or self.day < 1:
            raise InputError(
                f"{len(self.values)} rows cannot have {self.train_rows} for training and {self.day} per day: "
                "give at least 1 of each, and no more for training than there are"
            )

    @property
    def train(self) -> np.ndarray:
        """Training rows."""
        return self.values[: self.train_rows]

    @property
    def usual(self) -> np.ndarray:
        """Mean of each sensor over the training rows, (nodes,); the overall mean if a sensor has none."""
        return _mean(self.train, _mean(self.train.reshape(-1, 1), np.zeros(1)))

    @property
    def filled(self) -> np.ndarray:
        """All rows, each missing value replaced by the sensor's last one before, or by its mean."""
        carried = carry_forward(self.values)
        return np.where(np.isfinite(carried), carried, self.usual)


Baseline = Callable[[HistoryView, np.ndarray, int], np.ndarray]


def persistence(known: HistoryView, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast the last observed value.

    Args:
        known: data.
        origins: (windows,) int, the last known row of each forecast.
        horizon: rows ahead.

    Returns:
        (windows, horizon, nodes) float64, as all baselines.

    Example:
        >>> persistence(HistoryView(np.array([[1.0], [2.0], [3.0]]), 3, 1), np.array([1]), 2).ravel().tolist()
        [2.0, 2.0]
    """
    return np.repeat(known.filled[origins][:, None], horizon, axis=1)


def time_of_day_mean(known: HistoryView, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast the mean at the time of day of each sensor over the training days.

    Example:
        >>> rows = np.array([[1.0], [5.0], [3.0], [7.0], [0.0]])
        >>> time_of_day_mean(HistoryView(rows, 4, day=2), np.array([4]), 2).ravel().tolist()
        [6.0, 2.0]
    """
    slots = [_mean(known.train[slot :: known.day], known.usual) for slot in range(known.day)]
    return np.stack(slots)[_ahead(origins, horizon) % known.day]


def last_day(known: HistoryView, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast the value of a day before, or the last observed value if that is missing.

    Example:
        >>> last_day(HistoryView(np.array([[1.0], [2.0], [3.0], [4.0]]), 4, day=3), np.array([3]), 2).ravel().tolist()
        [2.0, 3.0]
    """
    return _ago(known, origins, horizon, known.day)


def last_week(known: HistoryView, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast the value of a week before, or of a day before if that is missing."""
    return _ago(known, origins, horizon, 7 * known.day, last_day)


def linear_ar(known: HistoryView, origins: np.ndarray, horizon: int) -> np.ndarray:
    """Forecast row by row with an autoregressive model of order 12, with the same weights for all sensors.

    The weights sum to 1 and there is no intercept: least squares of the next change on the 11 differences to the last
    row, over all windows of training rows without missing values. Without such a window it is persistence.

    Example:
        >>> line = HistoryView(np.arange(30.0)[:, None], 20, day=24)
        >>> linear_ar(line, np.array([25]), 3).ravel().round(6).tolist()
        [26.0, 27.0, 28.0]
    """
    weights = ar_weights(known.train)
    rows = [known.filled[np.maximum(origins - back, 0)] for back in range(ROWS)][::-1]
    ahead = []
    for _ in range(horizon):
        ahead.append(sum(weight * row for weight, row in zip(weights, rows, strict=True)))
        rows = [*rows[1:], ahead[-1]]
    return np.stack(ahead, axis=1)


def ar_weights(train: np.ndarray) -> np.ndarray:
    """Return the weights (12,) of the last 12 rows, oldest first, summing to 1, from (rows, nodes) with NaN."""
    count = max(len(train) - ROWS, 0)
    table = np.stack([train[row : row + count].ravel() for row in range(ROWS + 1)], axis=1)
    table = table[np.isfinite(table).all(axis=1)]
    differences = table - table[:, ROWS - 1 : ROWS]
    old, new = differences[:, : ROWS - 1], differences[:, ROWS]
    weights = np.linalg.lstsq(old.T @ old, old.T @ new, rcond=None)[0]
    return np.append(weights, 1 - weights.sum())


BASELINES: dict[str, Baseline] = {
    "persistence": persistence,
    "time_of_day_mean": time_of_day_mean,
    "last_day": last_day,
    "last_week": last_week,
    "linear_ar": linear_ar,
}


def forecasts(known: HistoryView, origins: np.ndarray, horizon: int) -> dict[str, np.ndarray]:
    """Return the forecasts of all baselines by name, (windows, horizon, nodes); last_week only with enough rows."""
    names = [name for name in BASELINES if name != "last_week" or len(known.values) > 7 * known.day]
    return {name: BASELINES[name](known, origins, horizon) for name in names}


def _ahead(origins: np.ndarray, horizon: int) -> np.ndarray:
    return np.asarray(origins)[:, None] + np.arange(1, horizon + 1)


def _ago(
    known: HistoryView, origins: np.ndarray, horizon: int, rows: int, otherwise: Baseline = persistence
) -> np.ndarray:
    # Never a row after the origin, for any horizon.
    late = np.maximum(_ahead(origins, horizon) - rows - np.asarray(origins)[:, None], 0)
    then = _ahead(origins, horizon) - rows * (1 + -(-late // rows))
    values = np.where((then >= 0)[..., None], known.values[np.maximum(then, 0)], np.nan)
    return np.where(np.isfinite(values), values, otherwise(known, origins, horizon))


def _mean(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    seen = np.isfinite(values)
    counts = seen.sum(axis=0)
    return np.where(counts, np.where(seen, values, 0).sum(axis=0) / np.maximum(counts, 1), otherwise)
