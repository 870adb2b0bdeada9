"""Curves of a classifier, its top-k accuracy, and scikit-learn's classification report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.calibration import calibration
from cityzoo.metrics.classification import targets_and_probabilities
from cityzoo.sample import ExampleSet

POINTS = 101  # of a curve
TOP_K = (2, 3, 5)


def classification_details(
    truth: ExampleSet, results: Sequence[np.ndarray], multilabel: bool
) -> dict[str, Any]:
    """Return `curves`, `classification_report`, `calibration` and, of one class per image, `top_k`.

    Args:
        truth: images with targets (C,).
        results: (C,) probabilities of each.
        multilabel: whether classes are independent.
    """
    found = calibration(truth, results, multilabel)
    table = {
        "expected calibration error": {"as_it_is": found["ece"], "scaled": found["ece_scaled"]},
        "log loss": {"as_it_is": found["loss"], "scaled": found["loss_scaled"]},
    }
    return {
        "curves": curves(truth, results),
        "classification_report": classification_report(truth, results, multilabel),
        "calibration": {**found, "table": table},
        **({} if multilabel else {"top_k": top_k(truth, results)}),
    }


def curves(truth: ExampleSet, results: Sequence[np.ndarray]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the ROC and the precision-recall curve of each class against all others.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.

    Returns:
        `roc`: class to `false_positive_rate` and `true_positive_rate`; `precision_recall`: class to `recall` and
        `precision`; at most 101 points each, from the highest threshold to the lowest. A class without images has
        neither, a class on all images has no ROC.

    Example:
        >>> from cityzoo.sample import ImageExample, ImageSet
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=[t]) for i, t in enumerate((1, 0, 1)))
        >>> found = curves(ImageSet("val", ("fire",), images), [np.array([p]) for p in (0.9, 0.5, 0.2)])
        >>> found["roc"]["fire"]["true_positive_rate"], found["precision_recall"]["fire"]["recall"]
        ([0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0])
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
        x, y: (P,) floats; x does not decrease.
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

    Args:
        truth: images with targets (C,), one-hot.
        results: (C,) probabilities of each.

    Example:
        >>> from cityzoo.sample import ImageExample, ImageSet
        >>> truth = ImageSet("val", ("bus", "car", "van"), (ImageExample("a.jpg", (8, 8), target=[1, 0, 0]),) * 2)
        >>> top_k(truth, [np.array([0.4, 0.5, 0.1]), np.array([0.0, 0.4, 0.6])])
        {'2': 0.5}
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

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
        multilabel: whether classes are independent: those of .5 or more are present, else the most probable one.
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
