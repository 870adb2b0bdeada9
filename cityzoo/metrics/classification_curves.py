"""Curves of a classifier, how often the truth is among its first guesses, and the report that people know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.classification import targets_and_shares
from cityzoo.sample import ImageSet

POINTS = 101  # of a curve
FIRST = (2, 3, 5)  # guesses, for top-k accuracy


def curves(truth: ImageSet, results: Sequence[np.ndarray]) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return the ROC and the precision-recall curve of each class against all others.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.

    Returns:
        `roc`: class to `false_positive_rate` and `true_positive_rate`; `precision_recall`: class to `recall` and
        `precision`; at most 101 points each, from the highest threshold to the lowest. A class without images has
        neither, one that is on all images has no ROC.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=[t]) for i, t in enumerate((1, 0, 1)))
        >>> found = curves(ImageSet("val", ("fire",), images), [np.array([p]) for p in (0.9, 0.5, 0.2)])
        >>> found["roc"]["fire"]["true_positive_rate"], found["precision_recall"]["fire"]["recall"]
        ([0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0])
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    targets, shares = targets_and_shares(truth, results)
    roc, precision_recall = {}, {}
    for name, true, p in zip(truth.class_names, targets.T > 0, shares.T, strict=True):
        if true.any() and not true.all():
            x, y, _ = roc_curve(true, p)
            roc[name] = _lists(x, y, "false_positive_rate", "true_positive_rate")
        if true.any():
            precision, recall, _ = precision_recall_curve(true, p, drop_intermediate=True)
            precision_recall[name] = _lists(recall[::-1], precision[::-1], "recall", "precision")
    return {"roc": roc, "precision_recall": precision_recall}


def thinned(x: np.ndarray, y: np.ndarray, most: int = POINTS) -> np.ndarray:
    """Return which points of a curve to keep: spread along it, both ends, and its area kept as well as can be.

    Args:
        x, y: (P,) floats, a line through all points; x does not fall.
        most: points that may be kept, 2 or more.

    Returns:
        (K,) int, ascending, K <= `most`.

    Example:
        >>> line = np.linspace(0, 1, 201)
        >>> len(thinned(line, line)), thinned(line, line)[[0, -1]].tolist()
        (101, [0, 200])
    """
    if len(x) <= most:
        return np.arange(len(x))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    below = np.concatenate([[0.0], np.cumsum(np.diff(x) * (y[1:] + y[:-1]) / 2)])
    kept, area = [0], 0.0
    for place in np.searchsorted(along, np.linspace(0, along[-1], most)[1:-1]):
        # A staircase has corners above and below: the neighbour is taken that makes up for what was lost so far.
        near = np.arange(max(place - 1, kept[-1] + 1), min(place + 2, len(x) - 1))
        if len(near):
            areas = area + (x[near] - x[kept[-1]]) * (y[near] + y[kept[-1]]) / 2
            best = int(np.argmin(np.abs(areas - below[near])))
            kept, area = [*kept, int(near[best])], float(areas[best])
    return np.array([*kept, len(x) - 1])


def _lists(x: np.ndarray, y: np.ndarray, name_x: str, name_y: str) -> dict[str, list[float]]:
    kept = thinned(x, y)
    return {name_x: x[kept].tolist(), name_y: y[kept].tolist()}


def top_k(truth: ImageSet, results: Sequence[np.ndarray]) -> dict[str, float]:
    """Return how often the true class is among the 2, 3 and 5 most probable ones, for fewer than all classes.

    It is scikit-learn's `top_k_accuracy_score`, for which of equal probabilities the last class is the first guess.

    Args:
        truth: images with targets (C,), one 1 each.
        results: (C,) probabilities of each.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> truth = ImageSet("val", ("bus", "car", "van"), (ImageExample("a.jpg", (8, 8), target=[1, 0, 0]),) * 2)
        >>> top_k(truth, [np.array([0.4, 0.5, 0.1]), np.array([0.0, 0.4, 0.6])])
        {'2': 0.5}
    """
    from sklearn.metrics import top_k_accuracy_score

    targets, shares = targets_and_shares(truth, results)
    true, labels = targets.argmax(axis=1), np.arange(targets.shape[1])
    asked = [k for k in FIRST if k < len(labels)]
    return {str(k): float(top_k_accuracy_score(true, shares, k=k, labels=labels)) for k in asked}


def full_report(
    truth: ImageSet, results: Sequence[np.ndarray], several: bool = False
) -> dict[str, float | dict[str, float]]:
    """Return scikit-learn's `classification_report` over all classes, those without images too, in plain floats.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
        several: whether several classes, or none, may hold: those of .5 or more do, else the most probable one.
    """
    return _plain(_reported(truth, results, several, output_dict=True))


def report_text(truth: ImageSet, results: Sequence[np.ndarray], several: bool = False) -> str:
    """Return the same as `full_report`, as the text that people know.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i]) for i in (0, 0, 1))
        >>> answers = [np.array([0.9, 0.1]), np.array([0.2, 0.8]), np.array([0.3, 0.7])]
        >>> print(report_text(ImageSet("val", ("bus", "car"), images), answers).splitlines()[2])
                 bus       1.00      0.50      0.67         2
    """
    return _reported(truth, results, several, output_dict=False)


def _reported(truth: ImageSet, results: Sequence[np.ndarray], several: bool, output_dict: bool) -> Any:
    from sklearn.metrics import classification_report

    targets, shares = targets_and_shares(truth, results)
    labels = range(targets.shape[1])
    true, said = (targets > 0, shares >= 0.5) if several else (targets.argmax(axis=1), shares.argmax(axis=1))
    if several and len(labels) == 1:  # one column is two classes to scikit-learn: the second one is ours
        true, said, labels = true[:, 0], said[:, 0], [1]
    return classification_report(
        true, said, labels=labels, target_names=truth.class_names, output_dict=output_dict, zero_division=0
    )


def _plain(value: Any) -> Any:
    return {name: _plain(each) for name, each in value.items()} if isinstance(value, dict) else float(value)
