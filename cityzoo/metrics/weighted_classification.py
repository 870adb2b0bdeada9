"""Figures of a classifier when some images count more often than others, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.metrics.classification import LEAST_P, targets_and_shares
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import map_in_blocks, nanmean_weighted, ranking, share
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    from cityzoo.outputs import WeightedMetrics


def weighed_one_class(truth: ImageSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
    """Return what gives the figures of `one_class_metrics` for weights of the images.

    Args:
        truth: N images with targets (C,), one 1 each.
        results: (C,) probabilities of each.

    Returns:
        (R, N) float64 weights, 0 or more -> figure -> (R,) float64; NaN where nothing is to be measured. A class
        whose images all weigh 0 is left out of means, as one without images is.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i]) for i in (0, 0, 1))
        >>> answers = [np.array([0.9, 0.1]), np.array([0.2, 0.8]), np.array([0.3, 0.7])]
        >>> weighed = weighed_one_class(ImageSet("val", ("bus", "car"), images), answers)
        >>> weighed(np.array([[1, 1, 1], [3, 1, 0]]))["balanced_accuracy"].tolist()
        [0.75, 0.75]
    """
    targets, shares = targets_and_shares(truth, results)
    labels, answers = targets.argmax(axis=1), shares.argmax(axis=1)
    by_class = _by_class(targets > 0, shares, answers[:, None] == np.arange(targets.shape[1]))
    each = np.stack([labels == answers, losses(targets, shares, several=False)], axis=1)

    def figures(weights: np.ndarray) -> dict[str, np.ndarray]:
        rows = by_class(weights)
        accuracy, loss = share(weights @ each, weights.sum(axis=1, keepdims=True)).T
        return {
            "balanced_accuracy": nanmean_weighted(rows["recall"]),
            "accuracy": accuracy,
            "macro_f1": nanmean_weighted(rows["f1"]),
            "mean_auroc": nanmean_weighted(rows["auroc"]),
            "loss": loss,
            **_named(truth.class_names, rows),
        }

    return map_in_blocks(figures, len(truth))


def weighed_several_classes(truth: ImageSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
    """Return what gives the figures of `several_classes_metrics` for weights of the images.

    Args:
        truth: N images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.

    Returns:
        (R, N) float64 weights, 0 or more -> figure -> (R,) float64; NaN where nothing is to be measured.
    """
    targets, shares = targets_and_shares(truth, results)
    by_class = _by_class(targets > 0, shares, shares >= 0.5)
    each = losses(targets, shares, several=True)

    def figures(weights: np.ndarray) -> dict[str, np.ndarray]:
        rows = by_class(weights)
        return {
            "mean_auroc": nanmean_weighted(rows["auroc"]),
            "mean_ap": nanmean_weighted(rows["ap"]),
            "macro_f1": nanmean_weighted(rows["f1"]),
            "loss": share(weights @ each, weights.sum(axis=1)),
            **_named(truth.class_names, rows),
        }

    return map_in_blocks(figures, len(truth))


def losses(targets: np.ndarray, shares: np.ndarray, several: bool) -> np.ndarray:
    """Return the log loss of each image, (N,) float64, of which the mean is the report's `loss`.

    Args:
        targets: (N, C) of 0 and 1.
        shares: (N, C) probabilities.
        several: whether each class holds or not by itself: the mean over classes of the binary log loss.

    Example:
        >>> targets, shares = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
        >>> losses(targets, shares, several=False).round(3).tolist(), losses(targets, shares, True).round(3).tolist()
        ([0.693], [0.693])
    """
    if several:
        kept = np.clip(shares, LEAST_P, 1 - LEAST_P)
        return -(targets * np.log(kept) + (1 - targets) * np.log(1 - kept)).mean(axis=1)
    return -np.log(np.maximum(shares[np.arange(len(shares)), targets.argmax(axis=1)], LEAST_P))


def _by_class(
    true: np.ndarray, shares: np.ndarray, said: np.ndarray
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Weights -> figure -> (R, C), from (N, C) truths, probabilities and decisions."""
    rankings = [ranking(*columns) for columns in zip(true.T, shares.T, strict=True)]
    counted = np.concatenate([true, said, true & said], axis=1).astype(np.float64)

    def rows(weights: np.ndarray) -> dict[str, np.ndarray]:
        there, named, right = np.split(weights @ counted, 3, axis=1)
        auroc, ap = np.transpose([measured(weights) for measured in rankings], (1, 2, 0))
        return {
            "recall": share(right, there),
            "precision": share(right, named),
            "f1": np.where(there > 0, share(2 * right, there + named), np.nan),
            "auroc": auroc,
            "ap": ap,
        }

    return rows


def _named(class_names: Sequence[str], rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        pointer("per_class", name, figure): values[:, number]
        for number, name in enumerate(class_names)
        for figure, values in rows.items()
    }
