"""Metrics of counts: errors over all images, by number of objects and by their size.

Images have boxes; `counted` is the predicted count of each, `train_mean` the mean count of the training images, the
baseline (None if unknown).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide, map_in_blocks
from cityzoo.sample import ImageExample, ImageSet

CROWDS = ((0, 0, "none"), (1, 5, "1 to 5"), (6, 15, "6 to 15"), (16, 40, "16 to 40"), (41, 10**9, "over 40"))
POINTS = 500  # of a scatter plot
THIRDS = ("small", "medium", "large")
Errors = dict[str, "float | None"]


def count_metrics(
    truth: ImageSet, counted: Sequence[float], train_mean: float | None = None
) -> dict[str, Any]:
    """Return MAE, RMSE, bias and R2 of counts, over all images and by number of objects.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> streets = (ImageExample("a.jpg", (8, 8)), ImageExample("b.jpg", (8, 8), [[0, 0, 4, 4]] * 4, [0] * 4))
        >>> found = count_metrics(ImageSet("val", ("car",), streets), [1.0, 3.0], train_mean=5.0)
        >>> found["mae"], found["mae_of_mean"], found["mae_of_own_mean"], found["r2"]
        (1.0, 3.0, 2.0, 0.75)
    """
    true = true_counts(truth)
    error = np.asarray(counted, np.float64) - true
    spread = np.square(true - true.mean()).sum()
    of_mean = None if train_mean is None else float(np.abs(true - train_mean).mean())
    mae = float(np.abs(error).mean())
    crowds = {name: (true >= least) & (true <= most) for least, most, name in CROWDS}
    return {
        "mae": mae,
        "rmse": float(np.sqrt(np.square(error).mean())),
        "bias": float(error.mean()),
        "r2": float(1 - np.square(error).sum() / spread) if spread else None,
        "mae_of_mean": of_mean,
        "mae_share_of_mean": mae / of_mean if of_mean else None,
        "mae_of_own_mean": float(np.abs(true - true.mean()).mean()),
        "usual_count": train_mean,
        "mean_count": float(true.mean()),
        "by_crowding": {name: _errors(true[m], error[m]) for name, m in crowds.items() if m.any()},
        "n_images": len(truth),
        "n_boxes": int(true.sum()),
    }


def true_counts(truth: ImageSet) -> np.ndarray:
    """Return the number of boxes of each image, (N,) float64."""
    return np.array([len(image.labels) for image in truth.examples], np.float64)


def _errors(true: np.ndarray, error: np.ndarray) -> Errors:
    mean, mae = float(true.mean()), float(np.abs(error).mean())
    return {
        "n": len(true),
        "mean_count": mean,
        "mae": mae,
        "bias": float(error.mean()),
        "relative": mae / mean if mean else None,
    }


def scatter(truth: ImageSet, counted: Sequence[float]) -> dict[str, dict[str, list[float]]]:
    """Return true and predicted counts as points.

    Returns:
        `all`: `true` and `counted`, sorted by the true count; at most 500 points, spread evenly over that order and
        with both ends.
    """
    true, predicted = true_counts(truth), np.asarray(counted, np.float64)
    order = np.lexsort((predicted, true))
    kept = order[np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(int)]
    return {"all": {"true": true[kept].tolist(), "counted": predicted[kept].tolist()}}


def error_by_size(truth: ImageSet, counted: Sequence[float]) -> dict[str, dict[str, float | str | None]]:
    """Return the errors of images in three groups by the size of their objects.

    The size of an image's objects is the median of the square roots of their boxes' areas.

    Returns:
        for each third `side`, its range of sizes in pixels, and `n`, `mean_count`, `mae`, `bias` and `relative` as in
        `by_crowding`. Images without boxes are left out; images of equal size stay together, which can leave fewer
        groups.
    """
    true, predicted = true_counts(truth), np.asarray(counted, np.float64)
    sides = np.array([_median_side(image) for image in truth.examples])
    known = sides[~np.isnan(sides)]
    if not len(known):
        return {}
    third = np.searchsorted(np.quantile(known, [1 / 3, 2 / 3]), sides, side="left")  # NaN after all
    rows: dict[str, dict[str, float | str | None]] = {}
    for number, name in enumerate(THIRDS):
        chosen = (third == number) & ~np.isnan(sides)
        if chosen.any():
            side = f"{sides[chosen].min():.0f} to {sides[chosen].max():.0f}"
            rows[name] = {"side": side, **_errors(true[chosen], predicted[chosen] - true[chosen])}
    return rows


def _median_side(image: ImageExample) -> float:
    if not len(image.labels):
        return float("nan")
    width, height = (image.boxes_xyxy[:, 2:] - image.boxes_xyxy[:, :2]).T
    return float(np.median(np.sqrt(width * height)))


def weighted_count_metrics(
    truth: ImageSet, counted: Sequence[float], train_mean: float | None = None
) -> WeightedMetrics:
    """Return the metrics of `count_metrics` as a function of the images' weights."""
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
