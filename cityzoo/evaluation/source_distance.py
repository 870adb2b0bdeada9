"""How near the held-out examples are to the training examples, compared with what a new source would be."""

from __future__ import annotations

from typing import Any

import numpy as np

from cityzoo.data.groups import standardize

CLOSE = 0.8  # of the distance between groups: a val set nearer than this flatters
BLOCK = 1024  # rows at a time


def nearest_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return each row's cosine distance to the nearest of other rows, (N,) float32, 0..2.

    Args:
        rows: (N, D).
        others: (M, D).

    Example:
        >>> nearest_distances(np.array([[1.0, 0], [0, 2]]), np.array([[3.0, 0]])).round(3).tolist()
        [0.0, 1.0]
    """
    return find_nearest(rows, others)[0]


def find_nearest(rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's distance to the nearest of other rows, as `nearest_distances`, and which row that is.

    Args:
        rows: (N, D).
        others: (M, D).
    """
    rows, others = (each / (np.linalg.norm(each, axis=1, keepdims=True) + 1e-9) for each in (rows, others))
    starts = range(0, len(rows), BLOCK)
    found = [rows[start : start + BLOCK] @ others.T for start in starts]
    distances = np.concatenate([1 - each.max(axis=1) for each in found]).astype(np.float32)
    return distances, np.concatenate([each.argmax(axis=1) for each in found])


def compare_distances(train: np.ndarray, val: np.ndarray, fold_of: np.ndarray) -> dict[str, Any]:
    """Return how near val lies to train, in the distance of folds from each other.

    Args:
        train: (N, D) features of the training examples.
        val: (M, D) features of the validation examples.
        fold_of: (N,) int, fold of each training example.

    Returns:
        Medians of the distance to the nearest training example: `val`, of the validation examples; `folds`, of the
        examples of each fold to all others; their ratio, and `is_close` where val is much nearer.

    Example:
        >>> train = np.repeat(np.eye(4), 5, axis=0) + np.random.default_rng(0).normal(0, 0.1, (20, 4))
        >>> compare_distances(train, train + 0.01, np.repeat(range(4), 5))["is_close"]
        True
    """
    rows = standardize(np.concatenate([train, val]))
    train, val = rows[: len(train)], rows[len(train) :]
    apart = np.zeros(len(train), np.float32)
    for fold in np.unique(fold_of):
        apart[fold_of == fold] = nearest_distances(train[fold_of == fold], train[fold_of != fold])
    near, far = float(np.median(nearest_distances(val, train))), float(np.median(apart))
    ratio = near / max(far, 1e-6)
    return {"val": near, "folds": far, "ratio": ratio, "is_close": ratio < CLOSE}
