"""Labels that are probably wrong, by confident learning on out-of-fold probabilities.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", arXiv 1911.00068.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelIssues:
    """What confident learning finds among N labels of C classes.

    Attributes:
        rows: (K,) int, examples whose label is suspicious, the most suspicious first.
        suggested: (N,) int, the class that each example confidently is; its label where it is none.
        thresholds: (C,) float64, mean probability of each class over the examples that are labeled as it.
        joint: (C, C) float64, estimated share of the examples with a label (row) and a true class (column).
    """

    rows: np.ndarray
    suggested: np.ndarray
    thresholds: np.ndarray
    joint: np.ndarray

    @property
    def error_share(self) -> float:
        """Estimated share of wrong labels, 0..1."""
        return float(1 - np.trace(self.joint))


def find_label_issues(labels: np.ndarray, probabilities: np.ndarray) -> LabelIssues:
    """Find labels that contradict what a model that has not seen them is sure of.

    An example confidently is the most probable of those classes whose probability reaches the mean of the examples
    labeled as that class. Where this is not its label, the label is an issue. Issues are ordered by the normalized
    margin: the probability of the label minus that of the most probable other class.

    Args:
        labels: (N,) int.
        probabilities: (N, C) float, of models that were fitted without the example.

    Example:
        >>> shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]])
        >>> found = find_label_issues(np.array([0, 0, 0, 1, 1]), shares)
        >>> found.rows.tolist(), found.suggested[2], found.thresholds.round(2).tolist()
        ([2], np.int64(1), [0.6, 0.75])
        >>> found.joint.tolist(), round(found.error_share, 2)
        ([[0.4, 0.2], [0.0, 0.4]], 0.2)
    """
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = probabilities[np.arange(len(labels)), labels]
    thresholds = np.bincount(labels, own, classes) / np.maximum(counts, 1)
    thresholds[counts == 0] = np.inf
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    is_sure = confident.max(axis=1) >= 0
    suggested = np.where(is_sure, confident.argmax(axis=1), labels)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[is_sure], suggested[is_sure]), 1.0)
    lacking = (joint.sum(axis=1) == 0) & (counts > 0)  # classes of which nothing is sure keep their labels
    joint[lacking, lacking] = 1.0
    joint *= (counts / np.maximum(joint.sum(axis=1), 1.0) / len(labels))[:, None]
    others = probabilities.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    issues = np.flatnonzero(suggested != labels)
    order = np.argsort((own - others.max(axis=1))[issues], kind="stable")
    return LabelIssues(issues[order], suggested, thresholds, joint)
