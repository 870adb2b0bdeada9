"""Figures of a classifier, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.thresholds import threshold_at_false_alarm_rate
from cityzoo.sample import ImageSet

LEAST_P = 1e-7  # log loss of a sure mistake stays a number


def targets_and_shares(truth: ImageSet, results: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, C) targets and (N, C) float64 probabilities of N images."""
    targets = np.stack([image.target for image in truth.examples])
    return targets, np.stack([np.asarray(result, np.float64) for result in results])


def one_class_metrics(truth: ImageSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the figures of a classifier that names one class an image.

    Args:
        truth: images with targets (C,), one 1 each.
        results: (C,) probabilities of each.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i]) for i in (0, 0, 1))
        >>> answers = [np.array([0.9, 0.1]), np.array([0.2, 0.8]), np.array([0.3, 0.7])]
        >>> one_class_metrics(ImageSet("val", ("bus", "car"), images), answers)["balanced_accuracy"]
        0.75
    """
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    targets, shares = targets_and_shares(truth, results)
    labels, answers = targets.argmax(axis=1), shares.argmax(axis=1)
    each = by_class(truth, targets, shares, answers[:, None] == np.arange(targets.shape[1]))
    over = {"labels": np.unique(labels), "average": "macro", "zero_division": 0}  # classes that are there
    return {
        "balanced_accuracy": float(recall_score(labels, answers, **over)),
        "accuracy": float(accuracy_score(labels, answers)),
        "macro_f1": float(f1_score(labels, answers, **over)),
        "mean_auroc": _mean(row["auroc"] for row in each.values()),
        "loss": float(-np.log(np.maximum(shares[np.arange(len(labels)), labels], LEAST_P)).mean()),
        "per_class": each,
        "confusion": _confusion(truth.class_names, labels, answers),
        "n_images": len(truth),
    }


def several_classes_metrics(truth: ImageSet, results: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return the figures of a classifier that says of each class whether it holds.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
    """
    targets, shares = targets_and_shares(truth, results)
    each = by_class(truth, targets, shares, shares >= 0.5)
    kept = np.clip(shares, LEAST_P, 1 - LEAST_P)
    return {
        "mean_auroc": _mean(row["auroc"] for row in each.values()),
        "mean_ap": _mean(row["ap"] for row in each.values()),
        "macro_f1": _mean(row["f1"] for row in each.values()),
        "loss": float(-(targets * np.log(kept) + (1 - targets) * np.log(1 - kept)).mean()),
        "per_class": each,
        "n_images": len(truth),
    }


def by_class(
    truth: ImageSet, targets: np.ndarray, shares: np.ndarray, said: np.ndarray
) -> dict[str, dict[str, float | None]]:
    """Return for each class its images, precision, recall, F1, AUROC and average precision.

    Args:
        truth: names the classes.
        targets: (N, C) of 0 and 1.
        shares: (N, C) probabilities.
        said: (N, C) bool, what the classifier decides.

    Returns:
        None where images leave nothing to measure: a class without images, or with all of them.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

    rows = {}
    for number, name in enumerate(truth.class_names):
        true = targets[:, number] > 0
        both = true.any() and not true.all()
        precision, recall, f1, _ = precision_recall_fscore_support(
            true, said[:, number], average="binary", zero_division=0
        )
        rows[name] = {
            "n": int(true.sum()),
            "precision": float(precision) if said[:, number].any() else None,
            "recall": float(recall) if true.any() else None,
            "f1": float(f1) if true.any() else None,
            "auroc": float(roc_auc_score(true, shares[:, number])) if both else None,
            "ap": float(average_precision_score(true, shares[:, number])) if true.any() else None,
        }
    return rows


def alarm_thresholds(
    truth: ImageSet, results: Sequence[np.ndarray], per_1000: float
) -> dict[str, dict[str, float | None]]:
    """Return for each class the lowest threshold that keeps false alarms to a wanted rate, and what it finds.

    An alarm is a probability of the threshold or more. What so few frames can show is said with it: among n frames
    without the class a single false alarm is already 1,000 / n.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
        per_1000: alarms wanted at most in 1,000 frames without the class.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.array([i > 1], "f4")) for i in range(4))
        >>> answers = [np.array([p]) for p in (0.1, 0.6, 0.5, 0.9)]
        >>> point = alarm_thresholds(ImageSet("val", ("fire",), images), answers, 5)["fire"]
        >>> round(point["threshold"], 3), point["recall"], point["false_alarms_per_1000"]
        (0.6, 0.5, 0.0)
    """
    targets, shares = targets_and_shares(truth, results)
    points = {}
    for number, name in enumerate(truth.class_names):
        true, p = targets[:, number] > 0, shares[:, number]
        without = p[~true]
        threshold = threshold_at_false_alarm_rate(without, per_1000)
        false = float((without >= threshold).mean() * 1000) if len(without) else None
        points[name] = {
            "threshold": threshold,
            "recall": float((p[true] >= threshold).mean()) if true.any() else None,
            "false_alarms_per_1000": false,
            "frames_without": len(without),
            "smallest_rate_shown": 1000 / len(without) if len(without) else None,
        }
    return points


def _mean(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _confusion(names: Sequence[str], labels: np.ndarray, answers: np.ndarray) -> dict[str, dict[str, int]]:
    return {
        true: {said: int(((labels == i) & (answers == j)).sum()) for j, said in enumerate(names)}
        for i, true in enumerate(names)
    }
