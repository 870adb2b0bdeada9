"""Logistic regression with the penalty that ranks left-out groups best, and logits as sure as these allow."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from heads.logistic_newton import MOST_ROWS, fit_two_classes

STRENGTHS = (
    0.0003,
    0.001,
    0.003,
    0.01,
    0.03,
    0.1,
    0.3,
    1.0,
)  # C of the penalty |w|^2 / 2C, on standardised features
USUAL_STRENGTH = 0.03  # unless left-out groups clearly rank better by another
FOLDS, STEPS = 4, 200
SHARPNESSES = np.geomspace(1e-3, 1e2, 61)


def fit_logistic(
    rows: np.ndarray,
    labels: np.ndarray,
    strength: float,
    weights: np.ndarray | None,
    start: np.ndarray | None = None,
) -> Any:
    """Return a fitted logistic regression: of two classes and some hundred rows by Newton, else scikit-learn's.

    Args:
        rows: (N, D) float.
        labels: (N,) int.
        strength: C of the penalty.
        weights: (N,) weight of each row; None: 1.
        start: (N,) logits to start from, where Newton's method is used.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    known = np.unique(labels)
    if len(known) == 2 and len(rows) <= MOST_ROWS:
        return fit_two_classes(rows, labels == known[1], strength, weights, start)
    regression = LogisticRegression(C=strength, max_iter=STEPS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # with weak penalties the last steps change little
        return regression.fit(rows, labels, sample_weight=weights)


def _fit_path(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, new: np.ndarray
) -> list[np.ndarray]:
    """Return the logits of new rows, (M, C), for each of `STRENGTHS`; each fit starts from the one before."""
    found, start = [], None
    for strength in STRENGTHS:
        fitted = fit_logistic(rows, labels, strength, weights, start)
        start = getattr(fitted, "logits", None)
        found.append(_logits(fitted, new))
    return found


def choose_strength(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray | None, seed: int
) -> tuple[float, float]:
    """Return the strength for new groups, and the most likely factor of its logits on left-out ones.

    That is the usual strength, unless another ranks left-out groups better (AUROC, mean over classes and folds) by more
    than a standard error of the difference: the best of a few folds alone is mostly luck.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    known = np.unique(labels)
    if len(known) < 2 or min(len(np.unique(groups[labels == label])) for label in known) < FOLDS:
        return USUAL_STRENGTH, 1.0
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    truth, scores, logits = [], [], []
    for fitted, left_out in parts.split(rows, labels, groups):
        targets = labels[left_out][:, None] == known
        if len(np.unique(labels[fitted])) < len(known) or targets.all(axis=0).any():
            continue
        each = None if weights is None else weights[fitted]
        found = _fit_path(rows[fitted], labels[fitted], each, rows[left_out])
        is_there = targets.any(axis=0)
        scores.append([roc_auc_score(targets[:, is_there], each[:, is_there]) for each in found])
        truth.append(targets)
        logits.append(found)
    if len(scores) < 2:
        return USUAL_STRENGTH, 1.0
    usual, best = STRENGTHS.index(USUAL_STRENGTH), int(np.mean(scores, axis=0).argmax())
    gains = np.array([row[best] - row[usual] for row in scores])
    is_sure = gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains))
    best = best if is_sure else usual
    left_out_logits = np.concatenate([found[best] for found in logits])
    return STRENGTHS[best], most_likely_factor(left_out_logits, np.concatenate(truth))


def _logits(fitted: Any, rows: np.ndarray) -> np.ndarray:
    """Return the logits of all classes, (N, C); of two classes the first one's are 0."""
    found = fitted.decision_function(rows)
    return np.stack([np.zeros_like(found), found], axis=1) if found.ndim == 1 else found


def most_likely_factor(logits: np.ndarray, targets: np.ndarray) -> float:
    """Return the factor of logits (N, C) under which targets (N, C), one 1 per row, are most likely."""
    losses = []
    for factor in SHARPNESSES:
        scaled = factor * logits
        top = scaled.max(axis=1)
        normal = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        losses.append(float((normal - (targets * scaled).sum(axis=1)).mean()))
    return float(SHARPNESSES[int(np.argmin(losses))])
