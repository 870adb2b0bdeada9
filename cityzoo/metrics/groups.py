"""Accuracy by group, the worst group and its gap, as functions of the examples' weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.metrics.weighted import WeightedMetrics, divide

LEAST = 5  # examples of a group that can be the worst one
WORST = "worst_group_accuracy"


def find_right(targets: np.ndarray, shares: np.ndarray, several: bool) -> np.ndarray:
    """Return which answers are right, (N,) bool; with several classes, all of them at a probability of .5.

    Args:
        targets: (N, C), 0 or 1.
        shares: (N, C), probabilities.
        several: whether an example can have several classes.
    """
    if several:
        return ((targets > 0) == (shares >= 0.5)).all(axis=1)
    return targets.argmax(axis=1) == shares.argmax(axis=1)


def weighted_group_accuracy(right: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> WeightedMetrics:
    """Return accuracy by group, of all, of the worst group, and the gap between these two.

    Args:
        right: (N,) bool, whether an answer is right.
        groups: (N,) int, place in `names`; -1: in no group.
        names: of the groups. Those with fewer than 5 examples cannot be the worst, unless there are no others.

    Example:
        >>> right, groups = np.array([True, True, False, True, False, False]), np.array([0, 0, 0, 0, 1, 1])
        >>> found = weighted_group_accuracy(right, groups, ("day", "night"))(np.ones((1, 6)))
        >>> {name: values.round(2).tolist() for name, values in found.items()}
        {'day': [0.75], 'night': [0.0], 'accuracy': [0.5], 'worst_group_accuracy': [0.0], 'gap': [0.5]}
    """
    member = (groups[:, None] == np.arange(len(names))).astype(np.float64)
    sizes = member.sum(axis=0)
    can_be_worst = sizes >= LEAST if (sizes >= LEAST).any() else sizes > 0

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        each = divide((weights * right) @ member, weights @ member)
        candidates = np.where(np.isnan(each) | ~can_be_worst, np.inf, each).min(axis=1)
        worst = np.where(np.isinf(candidates), np.nan, candidates)
        accuracy = divide(weights @ right.astype(np.float64), weights.sum(axis=1))
        by_name = dict(zip(names, each.T, strict=True))
        return {**by_name, "accuracy": accuracy, WORST: worst, "gap": accuracy - worst}

    return metrics
