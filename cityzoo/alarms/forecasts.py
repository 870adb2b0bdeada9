"""Quantile forecasts, and the probability that a value crosses the limit of an alarm rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from cityzoo.alarms.rules import Rule, check_rules
from cityzoo.data.series.series import Series


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Consecutive quantile forecasts of one channel.

    Raises:
        ValueError: inconsistent shapes, or times that do not increase.
    """

    # (R, H, N, Q) float, R forecasts of H steps for N sensors, in the channel's unit; NaN: none
    values: np.ndarray
    # Q levels of the quantiles, increasing, between 0 and 1; (0.5,) for a point forecast
    levels: tuple[float, ...]
    times: np.ndarray  # (R,) datetime64[s] UTC, increasing: of the last measurement before each forecast

    def __post_init__(self) -> None:
        fits = self.values.ndim == 4 and self.values.shape[::3] == (len(self.times), len(self.levels))
        if not fits or not len(self.times) or (np.diff(self.times).astype(np.int64) <= 0).any():
            raise ValueError(
                f"forecasts of the shape {self.values.shape} at {len(self.times)} times with {len(self.levels)} "
                "levels: expected (times, horizon, sensors, levels) and increasing times"
            )

    @property
    def horizon(self) -> int:
        """Number of steps."""
        return self.values.shape[1]

    def find_rows(self, truth: Series) -> np.ndarray:
        """Return (R,) int64, the rows of the measurements at which the forecasts were made.

        Raises:
            ValueError: times or sensors that the measurements do not have.
        """
        seconds = (self.times - truth.times[0]).astype("timedelta64[s]").astype(np.int64)
        rows = seconds // truth.step_seconds
        outside = (seconds % truth.step_seconds != 0) | (rows < 0) | (rows >= len(truth.times))
        if outside.any() or self.values.shape[2] != len(truth.sensors):
            raise ValueError(
                f"forecasts from {self.times[0]} to {self.times[-1]} for {self.values.shape[2]} sensors: "
                f"expected times and the {len(truth.sensors)} sensors of the truth"
            )
        return rows


def select_forecasts(rule: Rule, forecasts: Mapping[str, Forecasts], step_seconds: int) -> Forecasts:
    """Return the forecasts of a rule's channel.

    Raises:
        InputError: a channel or time that is not forecast.
    """
    horizon = forecasts[rule.channel].horizon if rule.channel in forecasts else 1
    check_rules([rule], tuple(forecasts), step_seconds, horizon)
    return forecasts[rule.channel]


def crossing_probabilities(
    values: np.ndarray, levels: Sequence[float], rule: Rule, ahead: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities that the next steps cross a rule's limit, and its release limit, (R, N) 0..1.

    `values` are quantiles (R, H, N, Q) of Q `levels`; `ahead` is the number of steps.
    """
    steps = values[:, :ahead]
    raising, keeping = (
        probability_within(probability_beyond(steps, levels, limit, rule.way))
        for limit in (rule.limit, rule.release)
    )
    return raising, keeping


def probability_beyond(quantiles: np.ndarray, levels: Sequence[float], limit: float, way: str) -> np.ndarray:
    """Return the probability that a value is beyond a limit.

    The quantile function is interpolated, and extrapolated, linearly in the normal score of its level: exact for
    normal distributions, in the tails too. Crossing quantiles are sorted first (Chernozhukov, Fernandez-Val,
    Galichon 2010). A single quantile, a point forecast, gives a probability of 0 or 1.

    Args:
        quantiles: (..., Q) float, in the unit of the limit; NaN where nothing was forecast.
        levels: Q, increasing, between 0 and 1.
        limit: to cross.
        way: ">" for above the limit, "<" for below it.

    Returns:
        (...,) float64 0..1, NaN where a quantile is.

    Raises:
        ValueError: levels that do not increase, are not within (0, 1) or do not match the quantiles.

    Example:
        >>> probability_beyond(np.array([60.0, 70.0, 80.0]), (0.1, 0.5, 0.9), 80.0, ">").round(6)
        np.float64(0.1)
    """
    scores = _scores(quantiles, levels)
    values = np.sort(np.asarray(quantiles, np.float64), -1)  # NaN go to the end
    if way == "<":
        values, scores, limit = -values[..., ::-1], -scores[::-1], -limit
    if len(scores) == 1:
        return np.where(np.isnan(values[..., 0]), np.nan, (values[..., 0] > limit).astype(np.float64))
    from scipy.special import ndtr

    below = np.clip((values <= limit).sum(-1) - 1, 0, len(scores) - 2)[..., None]
    low, high = (np.take_along_axis(values, below + k, -1)[..., 0] for k in (0, 1))
    width, rise = high - low, scores[below[..., 0] + 1] - scores[below[..., 0]]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = scores[below[..., 0]] + (limit - low) / width * rise
    score = np.where(width > 0, score, np.where(limit >= high, np.inf, -np.inf))
    return np.where(np.isnan(values).any(-1), np.nan, ndtr(-score))


def _scores(quantiles: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    inside = all(0 < level < 1 for level in levels)
    if np.shape(quantiles)[-1] != len(levels) or not inside or np.any(np.diff(levels) <= 0):
        raise ValueError(
            f"{np.shape(quantiles)[-1]} quantiles of levels {list(levels)}: expected one increasing level "
            "between 0 and 1 for each"
        )
    return np.array([NormalDist().inv_cdf(level) for level in levels])


def probability_within(steps: np.ndarray) -> np.ndarray:
    """Return a lower bound of the probability that a value is beyond a limit at any step: the maximum over steps.

    Errors of the steps of a forecast are correlated: 1 - (1 - p1)(1 - p2)..., as for independent steps, would be far
    too high. The maximum is a lower bound under any dependence (Frechet 1935).

    Args:
        steps: (R, H, ...) float 0..1, probabilities at each of H steps, NaN where nothing was forecast.

    Returns:
        (R, ...) float64, NaN where no step was forecast.

    Example:
        >>> probability_within(np.array([[0.2, 0.7, np.nan]]))
        array([0.7])
    """
    highest = np.where(np.isnan(steps), -np.inf, steps).max(1)
    return np.where(np.isinf(highest), np.nan, highest)
