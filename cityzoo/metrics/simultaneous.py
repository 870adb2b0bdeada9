"""Bounds of many means at once: how many are tested is accounted for."""

from __future__ import annotations

import numpy as np

from cityzoo.metrics.weighted import divide

SHARE = 95.0  # per cent of the families of bounds that hold all together


def weighted_means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean of each column of (N, K) that is known, for each row of weights (R, N): (R, K), NaN for none.

    Example:
        >>> weighted_means(np.array([[1.0, np.nan], [3.0, 5.0]]), np.array([[1.0, 1.0], [3.0, 1.0]])).tolist()
        [[2.0, 5.0], [1.5, 5.0]]
    """
    known = np.isfinite(values)
    return divide(weights @ np.where(known, values, 0.0), weights @ known.astype(np.float64))


def count_units(weights: np.ndarray, known: np.ndarray) -> int:
    """Return how many examples, or groups of them, that are resampled together are behind a metric.

    Args:
        weights: (R, N) as `cityzoo.metrics.weighted.bootstrap_weights` returns them.
        known: (N,) bool, examples that count.

    Example:
        >>> from cityzoo.metrics.weighted import bootstrap_weights
        >>> weights = bootstrap_weights(40, groups=[str(i // 4) for i in range(40)])
        >>> count_units(weights, np.arange(40) < 9), count_units(bootstrap_weights(40), np.arange(40) < 9)
        (3, 9)
    """
    return int(np.unique(weights[:, known], axis=1).shape[1])


def lower_bounds(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return lower bounds of the means of K columns that hold all together in 95 % of the cases, (K,) float64.

    The greatest of all studentized bootstrap deviations sets how far each bound lies below its mean (max-t: Romano and
    Wolf 2005, "Stepwise Multiple Testing as Formalized Data Snooping", Econometrica 73), so that correlated columns
    cost less than a correction by Bonferroni.

    Args:
        values: (N, K) float, NaN where not known.
        weights: (R, N) as `cityzoo.metrics.weighted.bootstrap_weights` returns them.

    Example:
        >>> from cityzoo.metrics.weighted import bootstrap_weights
        >>> values = np.random.default_rng(0).normal([0.0, 0.0, 2.0], 1.0, (50, 3))
        >>> (lower_bounds(values, bootstrap_weights(50)) > 0).tolist()
        [False, False, True]
    """
    mean = weighted_means(values, np.ones((1, len(values))))[0]
    deviations = weighted_means(values, weights) - mean
    spread = np.nanstd(deviations, axis=0)
    greatest = np.nanmax(divide(deviations, np.broadcast_to(spread, deviations.shape)), axis=1, initial=0.0)
    return mean - np.percentile(greatest, SHARE) * spread
