"""Curves of a classifier, its top-k accuracy, and scikit-learn's classification report.

Images have targets (C,) of 0 and 1, one-hot where an image is of one class; results are the (C,) probabilities of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.calibration import calibration, calibration_table
from cityzoo.metrics.classification import targets_and_probabilities
from cityzoo.sample import ExampleSet

POINTS = 101  # of a curve
TOP_K = (2, 3, 5)


def classification_details(
    truth: ExampleSet, results: Sequence[np.ndarray], multilabel: bool
) -> dict[str, Any]:
    """Return `curves`, `classification_report`, `calibration` and, of one class per image, `top_k`."""
    found = calibration(truth, results, multilabel)
    return {
        "curves": curves(truth, results),
        "classification_report": classification_report(truth, results, multilabel),
        "calibration": {**found, "table": calibration_table(found)},
        **({} if multilabel else {"top_k": top_k(truth, results)}),
    }


def curves(truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the ROC and the precision-recall curve of each class against all others.

    Returns:
        `roc`: class to `false_positive_rate` and `true_positive_rate`; `precision_recall`: class to `recall` and
        `precision`; at most 101 points each, from the highest threshold to the lowest. A class without images has
        neither, a class on all images has no ROC.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    targets, probs = targets_and_probabilities(truth, results)
    roc: dict[str, dict[str, list[float]]] = {}
    precision_recall: dict[str, dict[str, list[float]]] = {}
    for name, true, p in zip(truth.class_names, targets.T > 0, probs.T, strict=True):
        if true.any() and not true.all():
            x, y, _ = roc_curve(true, p)
            roc[name] = _lists(x, y, "false_positive_rate", "true_positive_rate")
        if true.any():
            precision, recall, _ = precision_recall_curve(true, p, drop_intermediate=True)
            precision_recall[name] = _lists(recall[::-1], precision[::-1], "recall", "precision")
    return {"roc": roc, "precision_recall": precision_recall}


def thin_curve(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> np.ndarray:
    """Return which points of a curve to keep: evenly spread, with both ends, and preserving its area.

    Args:
        x: (P,) floats that do not decrease.
        y: (P,) floats.
        most: maximum number of points, 2 or more.

    Returns:
        (K,) int, ascending, K <= `most`.

    Example:
        >>> line = np.linspace(0, 1, 201)
        >>> len(thin_curve(line, line)), thin_curve(line, line)[[0, -1]].tolist()
        (101, [0, 200])
    """
    if len(x) <= most:
        return np.arange(len(x))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    below = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])
    kept, area = [0], 0.0
    for place in np.searchsorted(along, np.linspace(0, along[-1], most)[1:-1]):
        # A staircase has corners above and below: take the neighbor that makes up for the area lost so far.
        near = np.arange(max(place - 1, kept[-1] + 1), min(place + 2, len(x) - 1))
        if len(near):
            areas = area + (x[near] - x[kept[-1]]) * (y[near] + y[kept[-1]]) / 2
            best = int(np.argmin(np.abs(areas - below[near])))
            kept, area = [*kept, int(near[best])], float(areas[best])
    return np.array([*kept, len(x) - 1])


def _lists(x: np.ndarray, y: np.ndarray, name_x: str, name_y: str) -> dict[str, list[float]]:
    kept = thin_curve(x, y)
    return {name_x: x[kept].tolist(), name_y: y[kept].tolist()}


def top_k(truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, float]:
    """Return how often the true class is among the 2, 3 and 5 most probable ones, where there are more classes.

    By scikit-learn's `top_k_accuracy_score`, which ranks the last of equally probable classes first.
    """
    from sklearn.metrics import top_k_accuracy_score

    targets, probs = targets_and_probabilities(truth, results)
    true, labels = targets.argmax(axis=1), np.arange(targets.shape[1])
    return {
        str(k): float(top_k_accuracy_score(true, probs, k=k, labels=labels)) for k in TOP_K if k < len(labels)
    }


def classification_report(
    truth: ExampleSet, results: Sequence[np.ndarray], multilabel: bool = False
) -> dict[str, float | dict[str, float]]:
    """Return scikit-learn's `classification_report` over all classes, also those without images, as plain floats.

    If `multilabel`, classes with a probability of .5 or more are present; else the most probable one is.
    """
    from sklearn import metrics

    targets, probs = targets_and_probabilities(truth, results)
    labels: Sequence[int] = range(targets.shape[1])
    if multilabel:
        true, predicted = targets > 0, probs >= 0.5
    else:
        true, predicted = targets.argmax(axis=1), probs.argmax(axis=1)
    if multilabel and len(labels) == 1:  # to scikit-learn one column is two classes: ours is the second one
        true, predicted, labels = true[:, 0], predicted[:, 0], [1]
    options: dict[str, Any] = {"labels": labels, "target_names": truth.class_names, "zero_division": 0}
    return _plain(metrics.classification_report(true, predicted, output_dict=True, **options))


def _plain(value: Any) -> Any:
    return {name: _plain(each) for name, each in value.items()} if isinstance(value, dict) else float(value)
