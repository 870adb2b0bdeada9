"""Arithmetic of metrics with a weight for each image, for slices and comparisons, and their bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cityzoo.sample import ImageSet

# (R, N) float64 weights of N images, 0 or more -> metric, as a pointer into the report -> (R,) float64; NaN where
# nothing can be measured.
WeightedMetrics = Callable[[np.ndarray], dict[str, np.ndarray]]

BLOCK = 2_000_000  # numbers per array: 16 MB, with about six such arrays at a time
PERCENTILES = (2.5, 97.5)
LEAST_GROUPS = 10  # with fewer scenes, images are resampled: so few clusters underestimate the spread
MOST_EMPTY = 0.05  # share of resamples that may leave nothing to measure


def map_in_blocks(metrics: WeightedMetrics, images: int) -> WeightedMetrics:
    """Return a function that evaluates rows of weights block by block, to bound its memory.

    Example:
        >>> totals = map_in_blocks(lambda weights: {"total": weights.sum(axis=1)}, images=2)
        >>> totals(np.ones((3, 2)))["total"].tolist()
        [2.0, 2.0, 2.0]
    """
    step = max(1, BLOCK // max(images, 1))

    def mapped(weights: np.ndarray) -> dict[str, np.ndarray]:
        weights = np.asarray(weights, np.float64)
        parts = [metrics(weights[row : row + step]) for row in range(0, max(len(weights), 1), step)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return mapped


def divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, NaN where the whole is 0.

    Example:
        >>> divide(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
        [0.25, nan]
    """
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def nanmean_rows(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row of (R, C) without NaN; NaN for a row of NaN.

    Example:
        >>> nanmean_rows(np.array([[1.0, np.nan, 0.5], [np.nan] * 3])).tolist()
        [0.75, nan]
    """
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1))


def weighted_ranking(
    true: np.ndarray, scores: np.ndarray
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return AUROC and average precision of a ranking as a function of weights.

    Equal scores are one step of the curve, as in scikit-learn's `roc_auc_score` and `average_precision_score` with
    `sample_weight`.

    Args:
        true: (N,) bool.
        scores: (N,) float, higher for what is more likely true.

    Returns:
        (R, N) weights -> (R,) AUROC, NaN unless both classes have weight, and (R,) average precision, NaN without
        weight on the true class.

    Example:
        >>> ranking = weighted_ranking(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
        >>> [values.tolist() for values in ranking(np.array([[1.0, 1, 1], [1, 1, 0]]))]
        [[0.75, 1.0], [0.8333333333333333, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    true, scores = true[order], scores[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))  # of each run of equal scores

    def ranking(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ordered = weights[:, order]
        found = np.cumsum(ordered * true, axis=1)[:, ends]
        false = np.cumsum(ordered * ~true, axis=1)[:, ends]
        more_found, more_false = np.diff(found, prepend=0.0), np.diff(false, prepend=0.0)
        area = (more_false * (found - more_found / 2)).sum(axis=1)
        # 0 / 0 only where nothing more is found
        precision = found / np.maximum(found + false, np.finfo(float).tiny)
        all_found, all_false = found[:, -1], false[:, -1]
        return divide(area, all_found * all_false), divide((more_found * precision).sum(axis=1), all_found)

    return ranking


def weighted_metrics_by_repetition(
    metrics: Callable[[ImageSet, Sequence[Any]], dict[str, Any]],
    names: Sequence[str],
    truth: ImageSet,
    results: Sequence[Any],
) -> WeightedMetrics:
    """Return metrics of repeated images as a function of weights, which are rounded to whole numbers.

    Args:
        metrics: metrics of unweighted images, such as `Output.metrics`.
        names: those to return.
    """

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        values = {name: np.full(len(weights), np.nan) for name in names}
        for row, counts in enumerate(weights):
            chosen = np.repeat(np.arange(len(truth)), np.round(counts).astype(int)).tolist()
            if not len(chosen):
                continue
            images = replace(truth, examples=tuple(truth.examples[i] for i in chosen))
            found = metrics(images, [results[i] for i in chosen])
            for name, column in values.items():
                column[row] = np.nan if found.get(name) is None else found[name]
        return values

    return weighted


def threshold_at_false_alarm_rate(scores: np.ndarray, per_1000: float) -> float:
    """Return the lowest threshold that at most a given share of scores reaches.

    Args:
        scores: (N,) float, of negative frames.
        per_1000: maximum alarms per 1,000 of them.

    Returns:
        just above the first score that would exceed the rate; 0 where all scores may raise an alarm.

    Example:
        >>> scores = np.array([0.1, 0.7, 0.4])
        >>> [round(threshold_at_false_alarm_rate(scores, rate), 3) for rate in (0, 400, 1000)]
        [0.7, 0.4, 0.0]
    """
    highest = np.sort(scores)[::-1]
    allowed = math.floor(per_1000 / 1000 * len(highest) + 1e-9)
    return float(np.nextafter(highest[allowed], np.inf)) if allowed < len(highest) else 0.0


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
