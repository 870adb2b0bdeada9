"""Metrics of counts with a weight for each image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.metrics.counting import CROWDS, true_counts
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide, map_in_blocks
from cityzoo.sample import ImageSet


def weighted_count_metrics(
    truth: ImageSet, counted: Sequence[float], train_mean: float | None = None
) -> WeightedMetrics:
    """Return the metrics of `count_metrics` as a function of the images' weights.

    Args:
        truth: N images with boxes.
        counted: predicted count of each.
        train_mean: mean count of the training images; None if unknown.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> streets = (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8), [[0, 0, 4, 4]] * 4, [0] * 4))
        >>> weighted = weighted_count_metrics(ImageSet("val", ("car",), streets), [1.0, 2.0])
        >>> found = weighted(np.array([[1, 1], [0, 3], [0, 0]]))
        >>> found["mae"].tolist(), found["r2"].tolist(), found["by_crowding/1 to 5/bias"].tolist()
        ([1.5, 2.0, nan], [0.375, nan, nan], [-2.0, -2.0, nan])
    """
    true = true_counts(truth)
    error = np.asarray(counted, np.float64) - true
    columns = np.stack([np.abs(error), np.square(error), error, true, np.ones_like(true)], axis=1)
    counts, place = np.unique(true, return_inverse=True)
    of_count = np.eye(len(counts))[place]  # sums over images become sums over the few distinct counts
    crowds = {name: (true >= least) & (true <= most) for least, most, name in CROWDS}
    crowds = {name: mask for name, mask in crowds.items() if mask.any()}

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        absolute, squared, bias, mean, total = (weights @ columns).T
        mass = weights @ of_count
        mae, mean = divide(absolute, total), divide(mean, total)
        deviation = counts - mean[:, None]
        spread = np.where((mass > 0).sum(axis=1) > 1, (mass * np.square(deviation)).sum(axis=1), 0.0)
        of_mean = divide(mass @ np.abs(counts - (np.nan if train_mean is None else train_mean)), total)
        return {
            "mae": mae,
            "rmse": np.sqrt(divide(squared, total)),
            "bias": divide(bias, total),
            "r2": 1 - divide(squared, spread),
            "mae_of_mean": of_mean,
            "mae_share_of_mean": divide(mae, of_mean),
            "mae_of_own_mean": divide((mass * np.abs(deviation)).sum(axis=1), total),
            "mean_count": mean,
            **_by_crowding(weights, columns, crowds),
        }

    return map_in_blocks(metrics, len(truth))


def _by_crowding(
    weights: np.ndarray, columns: np.ndarray, crowds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name, chosen in crowds.items():
        absolute, _, bias, count, total = (weights[:, chosen] @ columns[chosen]).T
        found |= {
            pointer("by_crowding", name, "mean_count"): divide(count, total),
            pointer("by_crowding", name, "mae"): divide(absolute, total),
            pointer("by_crowding", name, "bias"): divide(bias, total),
            pointer("by_crowding", name, "relative"): divide(absolute, count),
        }
    return found
