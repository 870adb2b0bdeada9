"""Metrics of a classifier, by scikit-learn.

Images have targets (C,) of 0 and 1, one-hot where an image is of one class; results are the (C,) probabilities of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import (
    WeightedMetrics,
    divide,
    map_in_blocks,
    nanmean_rows,
    threshold_at_false_alarm_rate,
    weighted_ranking,
)
from cityzoo.sample import ExampleSet

LEAST_P = 1e-7  # keeps the log loss of a confident mistake finite


def targets_and_probabilities(
    truth: ExampleSet, results: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, C) targets and (N, C) float64 probabilities of N images."""
    targets = np.stack([np.asarray(image.target) for image in truth.examples])
    return targets, np.stack([np.asarray(result, np.float64) for result in results])


def log_losses(targets: np.ndarray, probs: np.ndarray, multilabel: bool) -> np.ndarray:
    """Return the log loss of each image, (N,) float64, from (N, C) targets and probabilities.

    Args:
        multilabel: whether classes are independent: then the mean over classes of the binary log loss.

    Example:
        >>> targets, probs = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
        >>> [log_losses(targets, probs, multilabel).round(3).tolist() for multilabel in (False, True)]
        [[0.693], [0.693]]
    """
    if multilabel:
        kept = np.clip(probs, LEAST_P, 1 - LEAST_P)
        return -(targets * np.log(kept) + (1 - targets) * np.log(1 - kept)).mean(axis=1)
    return -np.log(np.maximum(probs[np.arange(len(probs)), targets.argmax(axis=1)], LEAST_P))


def multiclass_metrics(truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the metrics of a classifier that names one class per image."""
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    targets, probs = targets_and_probabilities(truth, results)
    labels, predicted = targets.argmax(axis=1), probs.argmax(axis=1)
    rows = per_class_metrics(truth, targets, probs, predicted[:, None] == np.arange(targets.shape[1]))
    macro: dict[str, Any] = {"labels": np.unique(labels), "average": "macro", "zero_division": 0}
    return {
        "balanced_accuracy": float(recall_score(labels, predicted, **macro)),
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, **macro)),
        "mean_auroc": _mean(row["auroc"] for row in rows.values()),
        "loss": float(log_losses(targets, probs, multilabel=False).mean()),
        "per_class": rows,
        "confusion": _confusion(truth.class_names, labels, predicted),
    }


def multilabel_metrics(truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the metrics of a classifier that decides for each class whether it is present."""
    targets, probs = targets_and_probabilities(truth, results)
    rows = per_class_metrics(truth, targets, probs, probs >= 0.5)
    kept = np.clip(probs, LEAST_P, 1 - LEAST_P)
    return {
        "mean_auroc": _mean(row["auroc"] for row in rows.values()),
        "mean_ap": _mean(row["ap"] for row in rows.values()),
        "macro_f1": _mean(row["f1"] for row in rows.values()),
        "loss": float(-(targets * np.log(kept) + (1 - targets) * np.log(1 - kept)).mean()),
        "per_class": rows,
    }


def per_class_metrics(
    truth: ExampleSet, targets: np.ndarray, probs: np.ndarray, predicted: np.ndarray
) -> dict[str, dict[str, float | None]]:
    """Return the number of images, precision, recall, F1, AUROC and AP of each class, from (N, C) arrays.

    Returns:
        None where nothing can be measured: a class without images, or with all of them.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

    rows: dict[str, dict[str, float | None]] = {}
    for number, name in enumerate(truth.class_names):
        true = targets[:, number] > 0
        both = true.any() and not true.all()
        precision, recall, f1, _ = precision_recall_fscore_support(
            true, predicted[:, number], average="binary", zero_division=0
        )
        rows[name] = {
            "n": int(true.sum()),
            "precision": float(precision) if predicted[:, number].any() else None,
            "recall": float(recall) if true.any() else None,
            "f1": float(f1) if true.any() else None,
            "auroc": float(roc_auc_score(true, probs[:, number])) if both else None,
            # scikit-learn rounds up: 1.0000000000000002
            "ap": min(float(average_precision_score(true, probs[:, number])), 1.0) if true.any() else None,
        }
    return rows


def alarm_thresholds(
    truth: ExampleSet, results: Sequence[np.ndarray], per_1000: float
) -> dict[str, dict[str, float | None]]:
    """Return for each class the lowest threshold that keeps false alarms to a target rate, and its recall.

    An alarm is a probability of the threshold or more. `smallest_rate_shown` is the resolution of the measurement:
    among n frames without the class a single false alarm is a rate of 1,000 / n.

    Args:
        per_1000: maximum false alarms per 1,000 frames without the class.
    """
    targets, probs = targets_and_probabilities(truth, results)
    points: dict[str, dict[str, float | None]] = {}
    for number, name in enumerate(truth.class_names):
        true, p = targets[:, number] > 0, probs[:, number]
        without = p[~true]
        threshold = threshold_at_false_alarm_rate(without, per_1000)
        points[name] = {
            "threshold": threshold,
            "recall": float((p[true] >= threshold).mean()) if true.any() else None,
            "false_alarms_per_1000": float((without >= threshold).mean() * 1000) if len(without) else None,
            "max_false_alarms_per_1000": per_1000,
            "frames_without": len(without),
            "smallest_rate_shown": 1000 / len(without) if len(without) else None,
        }
    return points


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _confusion(names: Sequence[str], labels: np.ndarray, predicted: np.ndarray) -> dict[str, dict[str, int]]:
    return {
        true: {name: int(((labels == i) & (predicted == j)).sum()) for j, name in enumerate(names)}
        for i, true in enumerate(names)
    }


def weighted_multiclass_metrics(truth: ExampleSet, results: Sequence[np.ndarray]) -> WeightedMetrics:
    """Return the metrics of `multiclass_metrics` as a function of the images' weights.

    Classes whose images all weigh 0 are left out of means, like classes without images.
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
    """Return the metrics of `multilabel_metrics` as a function of the images' weights."""
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
