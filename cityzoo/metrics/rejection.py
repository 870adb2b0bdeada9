"""Metrics of a classifier that may refuse: examples within its classes, and examples outside of all of them.

Targets (C,) of examples outside are zeros. Accuracy and its kin count examples within the classes alone, whatever is
refused; the other metrics say what refusing costs and saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cityzoo.metrics.classification import log_losses
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import (
    WeightedMetrics,
    divide,
    map_in_blocks,
    nanmean_rows,
    weighted_ranking,
)

KEPT = 0.9  # share of the examples within that are answered where methods are compared
POINTS = 101  # of a curve


def find_inside(targets: np.ndarray) -> np.ndarray:
    """Return which examples belong to a class, (N,) bool, from (N, C) targets."""
    return targets.sum(axis=1) > 0


def weighted_rejection_metrics(
    class_names: Sequence[str],
    targets: np.ndarray,
    shares: np.ndarray,
    scores: np.ndarray,
    threshold: float,
) -> WeightedMetrics:
    """Return the metrics of a classifier that refuses as a function of the examples' weights.

    Args:
        class_names: of the columns.
        targets: (N, C), zeros for examples outside.
        shares: (N, C) probabilities.
        scores: (N,), higher for what fits the classes better.
        threshold: lowest score that is answered.
    """
    inside, answered = find_inside(targets), scores >= threshold
    right = inside & (targets.argmax(axis=1) == shares.argmax(axis=1))
    losses = np.where(inside, log_losses(targets, shares, multilabel=False), 0.0)
    parts = [inside, right, ~inside, inside & answered, right & answered, ~inside & ~answered, answered]
    columns = np.stack([*parts, losses], axis=1).astype(np.float64)
    ranking, rejected_at = weighted_ranking(inside, scores), rejected_when_kept(inside, scores)
    by_class = _weighted_by_class(targets, shares)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        n, n_right, n_outside, kept, kept_right, refused, n_answered, loss = (weights @ columns).T
        rows = by_class(weights)
        return {
            "accuracy": divide(n_right, n),
            "balanced_accuracy": nanmean_rows(rows["recall"]),
            "macro_f1": nanmean_rows(rows["f1"]),
            "outside_auroc": ranking(weights)[0],
            "outside_rejected_at_90": rejected_at(weights),
            "outside_rejected": divide(refused, n_outside),
            "kept": divide(kept, n),
            "answered_accuracy": divide(kept_right, kept),
            "wrong_answers": divide(n_answered - kept_right, n_answered),
            "loss": divide(loss, n),
            **{
                pointer("per_class", name, metric): values[:, number]
                for number, name in enumerate(class_names)
                for metric, values in rows.items()
            },
        }

    return map_in_blocks(metrics, len(targets))


def _weighted_by_class(
    targets: np.ndarray, shares: np.ndarray
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """Return (R, N) weights -> recall, precision and F1 of each class, (R, C), on the examples within the classes."""
    true = targets > 0
    predicted = (shares.argmax(axis=1)[:, None] == np.arange(targets.shape[1])) & find_inside(targets)[
        :, None
    ]
    counted = np.concatenate([true, predicted, true & predicted], axis=1).astype(np.float64)

    def rows(weights: np.ndarray) -> dict[str, np.ndarray]:
        n_true, n_predicted, n_hit = np.split(weights @ counted, 3, axis=1)
        f1 = np.where(n_true > 0, divide(2 * n_hit, n_true + n_predicted), np.nan)
        return {"recall": divide(n_hit, n_true), "precision": divide(n_hit, n_predicted), "f1": f1}

    return rows


def rejected_when_kept(inside: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return weights -> share of the examples outside that are refused where KEPT of those inside are answered."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # equal scores are answered together
    is_inside = inside[order]

    def rejected(weights: np.ndarray) -> np.ndarray:
        ordered = weights[:, order]
        within = np.cumsum(ordered * is_inside, axis=1)[:, ends]
        outside = np.cumsum(ordered * ~is_inside, axis=1)[:, ends]
        enough = (within >= KEPT * within[:, -1:] - 1e-9).argmax(axis=1)
        answered = np.take_along_axis(outside, enough[:, None], axis=1)[:, 0]
        found = 1 - divide(answered, outside[:, -1])
        return np.where(within[:, -1] > 0, found, np.nan)

    return rejected


def choose_threshold(
    inside: np.ndarray, right: np.ndarray, scores: np.ndarray, keep: float, wrong_at_most: float | None = None
) -> float:
    """Return the lowest score to answer.

    Args:
        inside: (N,) bool, whether an example belongs to a class.
        right: (N,) bool, whether its answer would be right.
        scores: (N,).
        keep: share of the examples inside that is answered at least.
        wrong_at_most: share of all answers, those to examples outside included, that may be wrong; counts instead of
            `keep`.

    Returns:
        Just above the highest score where no threshold keeps the answers that good.

    Example:
        >>> inside = np.array([True, True, True, True, False])
        >>> right, scores = np.array([True, True, False, True, False]), np.array([5.0, 4, 3, 2, 1])
        >>> choose_threshold(inside, right, scores, 0.75), choose_threshold(inside, right, scores, 0.9, 0.25)
        (3.0, 2.0)
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    if wrong_at_most is None:
        kept = np.cumsum(inside[order])[ends]
        good = kept >= keep * kept[-1] - 1e-9
        return float(scores[order][ends[good.argmax()]])
    wrong = np.cumsum(~right[order])[ends] / (ends + 1)
    good = np.flatnonzero(wrong <= wrong_at_most + 1e-9)
    return float(scores[order][ends[good[-1]]] if len(good) else np.nextafter(scores.max(), np.inf))


def risk_coverage(right: np.ndarray, scores: np.ndarray) -> dict[str, list[float]]:
    """Return the share of wrong answers by the share of examples that are answered, at most 101 points each.

    El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 2010.

    Args:
        right: (N,) bool, whether an answer is right; never for examples outside of all classes.
        scores: (N,), the highest are answered first.

    Example:
        >>> risk_coverage(np.array([True, False]), np.array([2.0, 1.0]))
        {'coverage': [0.5, 1.0], 'risk': [0.0, 0.5]}
    """
    wrong = np.cumsum(~right[np.argsort(-scores, kind="stable")])
    counts = np.arange(1, len(right) + 1)
    shown = np.unique(np.linspace(0, len(right) - 1, min(POINTS, len(right))).astype(int))
    return {
        "coverage": (counts / len(right))[shown].tolist(),
        "risk": (wrong / counts)[shown].tolist(),
    }


def kept_rejected_curve(inside: np.ndarray, scores: np.ndarray) -> dict[str, list[float]]:
    """Return the share of examples outside that is refused by the share of the others that is answered.

    Returns:
        `kept` and `rejected`, at most 101 points, from answering nothing to answering everything; empty lists without
        examples of both kinds.
    """
    if inside.all() or not inside.any():
        return {"kept": [], "rejected": []}
    order = np.argsort(-scores, kind="stable")
    kept = np.cumsum(inside[order]) / inside.sum()
    rejected = 1 - np.cumsum(~inside[order]) / (~inside).sum()
    shown = np.unique(np.linspace(0, len(scores) - 1, min(POINTS, len(scores))).astype(int))
    return {"kept": kept[shown].tolist(), "rejected": rejected[shown].tolist()}
