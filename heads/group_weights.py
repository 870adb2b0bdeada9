"""Weights of groups that make a classifier good on its worst group: group DRO, for heads in closed form.

Sagawa et al. 2020, "Distributionally Robust Neural Networks for Group Shifts" (arXiv 1911.08731): groups with a large
loss gain weight, by exponentiated gradient ascent.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from heads.linear_probe import Linear, logistic_regression
from heads.penalty_choice import USUAL_STRENGTH

RATE, STEPS, FOLDS = 0.5, 8, 3


class RobustLinear(NamedTuple):
    """A linear layer, and how groups were weighted for it.

    Attributes:
        layer: the layer.
        weights: (G,) weight of each group, their sum is 1; the shares of the groups: no other weights were better.
        losses: (G,) mean loss of each group's left-out rows with these weights.
        plain_losses: (G,) the same where all rows weigh the same.
    """

    layer: Linear
    weights: np.ndarray
    losses: np.ndarray
    plain_losses: np.ndarray


def exponentiate(weights: np.ndarray, losses: np.ndarray, rate: float) -> np.ndarray:
    """Return the groups' next weights: each multiplied by exp(rate * loss), then divided by their sum.

    Example:
        >>> exponentiate(np.array([0.5, 0.5]), np.array([0.0, np.log(3)]), 1.0).round(3).tolist()
        [0.25, 0.75]
    """
    raised = weights * np.exp(rate * (losses - losses.max()))
    return raised / raised.sum()


def weigh_rows(groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return a weight for each row, so that each group has its weight in all; their mean is 1.

    Args:
        groups: (N,) int, from 0, the group of each row; no group is empty.
        weights: (G,) weight of each group, their sum is 1.

    Example:
        >>> weigh_rows(np.array([0, 0, 0, 1]), np.array([0.5, 0.5])).round(3).tolist()
        [0.667, 0.667, 0.667, 2.0]
    """
    shares = np.bincount(groups, minlength=len(weights)) / len(groups)
    return (weights / shares)[groups]


def robust_logistic_regression(
    rows: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    scenes: np.ndarray,
    several: bool = False,
    class_weights: Sequence[float] = (),
    seed: int = 0,
) -> RobustLinear:
    """Fit logistic regression with the weights of groups whose worst group has the lowest loss on left-out scenes.

    A linear layer of hundreds of features fits every training row, so that losses on these say nothing. Weights start
    equal, and grow with the losses of rows left out.

    Args:
        rows: (N, D) float, features.
        targets: (N, C) float, 0 or 1; without `several` exactly one 1 per row.
        groups: (N,) int, from 0, group of each row; no group is empty.
        scenes: (N,) int, rows of a scene are left out together.
        several: whether a row can have several classes (multi-label).
        class_weights: (C,) weight of each class; empty: 1.
        seed: seed of the folds.
    """
    rows = np.asarray(rows, np.float32)
    folds = _make_folds(groups, scenes, seed)
    fit = partial(
        logistic_regression, several=several, class_weights=class_weights, seed=seed, strength=USUAL_STRENGTH
    )

    def measure(weights: np.ndarray) -> np.ndarray:
        each = weigh_rows(groups, weights)
        losses = np.zeros(len(rows))
        for fitted, left_out in folds:
            found = fit(rows[fitted], targets[fitted], scenes[fitted], row_weights=each[fitted])
            losses[left_out] = _losses(rows[left_out] @ found.kernel + found.bias, targets[left_out], several)
        return np.bincount(groups, losses) / np.bincount(groups)

    shares = np.bincount(groups) / len(groups)
    plain = measure(shares)
    best, best_losses = shares, plain
    weights = np.full(len(shares), 1 / len(shares))
    for _ in range(STEPS):
        losses = measure(weights)
        if losses.max() < best_losses.max():
            best, best_losses = weights, losses
        weights = exponentiate(weights, losses, RATE)
    layer = fit(rows, targets, scenes, row_weights=weigh_rows(groups, best))
    return RobustLinear(layer, best, best_losses, plain)


def _make_folds(groups: np.ndarray, scenes: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to fit and rows left out; with too few scenes all rows are both."""
    from sklearn.model_selection import StratifiedGroupKFold

    if len(np.unique(scenes)) < FOLDS or np.bincount(groups).max() < FOLDS:
        everything = np.arange(len(groups))
        return [(everything, everything)]
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a group with fewer rows than there are folds
        return list(parts.split(groups[:, None], groups, scenes))


def _losses(logits: np.ndarray, targets: np.ndarray, several: bool) -> np.ndarray:
    """Log loss of each row, (N,)."""
    if several:
        return np.logaddexp(0, np.where(targets > 0, -logits, logits)).mean(axis=1)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    top = logits.max(axis=1, keepdims=True)
    normal = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return normal - (targets * logits).sum(axis=1)
