"""Figures of a counter when some images count more often than others, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.metrics.counting import CROWDS
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import map_in_blocks, share
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    from cityzoo.outputs import WeightedMetrics


def weighed_counts(truth: ImageSet, numbers: Sequence[float], usual: float | None = None) -> WeightedMetrics:
    """Return what gives the figures of `count_metrics` for weights of the images.

    Args:
        truth: N images with boxes.
        numbers: what was counted in each.
        usual: mean count of the training images; None: not known.

    Returns:
        (R, N) float64 weights, 0 or more -> figure -> (R,) float64; NaN where nothing is to be measured.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> streets = (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8), [[0, 0, 4, 4]] * 4, [0] * 4))
        >>> weighed = weighed_counts(ImageSet("val", ("car",), streets), [1.0, 2.0])
        >>> found = weighed(np.array([[1, 1], [0, 3], [0, 0]]))
        >>> found["mae"].tolist(), found["r2"].tolist(), found["by_crowding/1 to 5/bias"].tolist()
        ([1.5, 2.0, nan], [0.375, nan, nan], [-2.0, -2.0, nan])
    """
    true = np.array([len(image.labels) for image in truth.examples], np.float64)
    error = np.asarray(numbers, np.float64) - true
    columns = np.stack([np.abs(error), np.square(error), error, true, np.ones_like(true)], axis=1)
    counts, place = np.unique(true, return_inverse=True)
    of_count = np.eye(len(counts))[place]  # sums over images become sums over the few counts that there are
    crowds = {
        name: (true >= least) & (true <= most)
        for least, most, name in CROWDS
        if ((true >= least) & (true <= most)).any()
    }

    def figures(weights: np.ndarray) -> dict[str, np.ndarray]:
        absolute, squared, bias, mean, total = (weights @ columns).T
        mass = weights @ of_count
        mae, mean = share(absolute, total), share(mean, total)
        away = counts - mean[:, None]
        spread = np.where((mass > 0).sum(axis=1) > 1, (mass * np.square(away)).sum(axis=1), 0.0)
        of_mean = share(mass @ np.abs(counts - (np.nan if usual is None else usual)), total)
        return {
            "mae": mae,
            "rmse": np.sqrt(share(squared, total)),
            "bias": share(bias, total),
            "r2": 1 - share(squared, spread),
            "mae_of_mean": of_mean,
            "mae_share_of_mean": share(mae, of_mean),
            "mae_of_own_mean": share((mass * np.abs(away)).sum(axis=1), total),
            "mean_count": mean,
            **_by_crowding(weights, columns, crowds),
        }

    return map_in_blocks(figures, len(truth))


def _by_crowding(
    weights: np.ndarray, columns: np.ndarray, crowds: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    found = {}
    for name, chosen in crowds.items():
        absolute, _, bias, count, total = (weights[:, chosen] @ columns[chosen]).T
        found |= {
            pointer("by_crowding", name, "mean_count"): share(count, total),
            pointer("by_crowding", name, "mae"): share(absolute, total),
            pointer("by_crowding", name, "bias"): share(bias, total),
            pointer("by_crowding", name, "relative"): share(absolute, count),
        }
    return found
