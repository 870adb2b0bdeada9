"""Probability that a value crosses a limit, from a few quantiles of its forecast."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


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
