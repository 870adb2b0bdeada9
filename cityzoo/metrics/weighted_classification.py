"""Metrics of a classifier with a weight for each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cityzoo.metrics.classification import log_losses, targets_and_probabilities
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide, map_in_blocks, nanmean_rows, weighted_ranking
from cityzoo.sample import ExampleSet


def weighted_multiclass_metrics(truth: ExampleSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
    """Return the metrics of `multiclass_metrics` as a function of the images' weights.

    Classes whose images all weigh 0 are left out of means, like classes without images.

    Args:
        truth: N images with targets (C,), one-hot.
        results: (C,) probabilities of each.

    Example:
        >>> from cityzoo.sample import ImageExample, ImageSet
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i]) for i in (0, 0, 1))
        >>> results = [np.array([0.9, 0.1]), np.array([0.2, 0.8]), np.array([0.3, 0.7])]
        >>> weighted = weighted_multiclass_metrics(ImageSet("val", ("bus", "car"), images), results)
        >>> weighted(np.array([[1, 1, 1], [3, 1, 0]]))["balanced_accuracy"].tolist()
        [0.75, 0.75]
    """
    targets, probs = targets_and_probabilities(truth, results)
    labels, predicted = targets.argmax(axis=1), probs.argmax(axis=1)
    per_class = _per_class(targets > 0, probs, predicted[:, None] == np.arange(targets.shape[1]))
    columns = np.stack([labels == predicted, log_losses(targets, probs, multilabel=False)], axis=1)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        rows = per_class(weights)
        accuracy, loss = divide(weights @ columns, weights.sum(axis=1, keepdims=True)).T
        return {
            "balanced_accuracy": nanmean_rows(rows["recall"]),
            "accuracy": accuracy,
            "macro_f1": nanmean_rows(rows["f1"]),
            "mean_auroc": nanmean_rows(rows["auroc"]),
            "loss": loss,
            **_with_class_names(truth.class_names, rows),
        }

    return map_in_blocks(metrics, len(truth))


def weighted_multilabel_metrics(truth: ExampleSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
    """Return the metrics of `multilabel_metrics` as a function of the images' weights.

    Args:
        truth: N images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
    """
    targets, probs = targets_and_probabilities(truth, results)
    per_class = _per_class(targets > 0, probs, probs >= 0.5)
    losses = log_losses(targets, probs, multilabel=True)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        rows = per_class(weights)
        return {
            "mean_auroc": nanmean_rows(rows["auroc"]),
            "mean_ap": nanmean_rows(rows["ap"]),
            "macro_f1": nanmean_rows(rows["f1"]),
            "loss": divide(weights @ losses, weights.sum(axis=1)),
            **_with_class_names(truth.class_names, rows),
        }

    return map_in_blocks(metrics, len(truth))


def _per_class(
    true: np.ndarray, probs: np.ndarray, predicted: np.ndarray
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Weights -> metric -> (R, C), from (N, C) truths, probabilities and decisions."""
    rankings = [weighted_ranking(*columns) for columns in zip(true.T, probs.T, strict=True)]
    counted = np.concatenate([true, predicted, true & predicted], axis=1).astype(np.float64)

    def rows(weights: np.ndarray) -> dict[str, np.ndarray]:
        n_true, n_predicted, n_right = np.split(weights @ counted, 3, axis=1)
        auroc, ap = np.transpose([ranking(weights) for ranking in rankings], (1, 2, 0))
        return {
            "recall": divide(n_right, n_true),
            "precision": divide(n_right, n_predicted),
            "f1": np.where(n_true > 0, divide(2 * n_right, n_true + n_predicted), np.nan),
            "auroc": auroc,
            "ap": ap,
        }

    return rows


def _with_class_names(class_names: Sequence[str], rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        pointer("per_class", name, metric): values[:, number]
        for number, name in enumerate(class_names)
        for metric, values in rows.items()
    }
