"""Bootstrap confidence intervals of metrics, over images or scenes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cityzoo.metrics.weighted import WeightedMetrics

PERCENTILES = (2.5, 97.5)
LEAST_GROUPS = 10  # with fewer scenes, images are resampled: so few clusters underestimate the spread
MOST_EMPTY = 0.05  # share of resamples that may leave nothing to measure


def bootstrap_weights(
    n: int, draws: int = 1000, seed: int = 0, groups: Sequence[str] | None = None
) -> np.ndarray:
    """Return how often each image is in each of many bootstrap samples (Efron 1979).

    Frames of one scene are alike. With at least 10 groups, whole groups are resampled (cluster bootstrap: Cameron,
    Gelbach & Miller, "Bootstrap-based improvements for inference with clustered errors", Review of Economics and
    Statistics 2008); the size of a sample then varies around n.

    Args:
        groups: (n,) the scene of each image; "" is a group of its own.

    Returns:
        (draws, n) float64, whole numbers.

    Example:
        >>> bootstrap_weights(4, draws=2).sum(axis=1)
        array([4., 4.])
        >>> scenes = [f"camera {i // 2}" for i in range(20)]
        >>> weights = bootstrap_weights(20, draws=5, groups=scenes)
        >>> bool((weights[:, 0::2] == weights[:, 1::2]).all())
        True
    """
    rng, place = np.random.default_rng(seed), np.arange(n)
    if groups is not None:
        keys = [group or (i,) for i, group in enumerate(groups)]
        number = {key: k for k, key in enumerate(dict.fromkeys(keys))}
        if len(number) >= LEAST_GROUPS:
            place = np.array([number[key] for key in keys])
    units = place.max() + 1
    return rng.multinomial(units, np.full(units, 1 / units), size=draws)[:, place].astype(np.float64)


def interval(values: np.ndarray) -> list[float] | None:
    """Return the 95 % percentile interval of a metric.

    Args:
        values: (draws,) of the metric, NaN where nothing could be measured.

    Returns:
        low and high; None where more than 5 % of the values are NaN.

    Example:
        >>> interval(np.arange(1001.0)), interval(np.array([1.0, np.nan]))
        ([25.0, 975.0], None)
    """
    known = values[np.isfinite(values)]
    if len(known) < (1 - MOST_EMPTY) * len(values) or not len(known):
        return None
    low, high = np.percentile(known, PERCENTILES)
    return [float(low), float(high)]


def intervals(
    weighted: WeightedMetrics, weights: np.ndarray, keys: Iterable[str] | None = None
) -> dict[str, list[float] | None]:
    """Return the 95 % percentile interval of each metric.

    Args:
        weighted: metrics as a function of the images' weights.
        weights: (draws, N) as `bootstrap_weights` returns them.
        keys: metrics to return, where they are known; None: all.

    Returns:
        metric -> low and high, or None, see `interval`.

    Example:
        >>> right = np.array([1.0] * 80 + [0.0] * 20)
        >>> accuracy = lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}
        >>> low, high = intervals(accuracy, bootstrap_weights(100))["accuracy"]
        >>> 0.7 < low < 0.74, 0.86 < high < 0.9
        (True, True)
    """
    values = weighted(weights)
    return {key: interval(values[key]) for key in (values if keys is None else keys) if key in values}
