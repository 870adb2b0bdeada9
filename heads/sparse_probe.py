"""Linear classifiers of wide rows that are mostly zero, such as TF-IDF: support vector machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from heads.linear_probe import NEVER, Linear
from heads.penalty_choice import SHARPNESSES

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WIDE, MOST_FILLED = 256, 0.25  # columns; share of values that are not zero
SAMPLE, BLOCK = 256, 1024  # rows
PENALTY = 1.0  # C of support vector machines, usual for rows of length 1
FOLDS = 3


def is_sparse(rows: np.ndarray) -> bool:
    """Return whether rows are wide and mostly zero.

    Example:
        >>> is_sparse(np.zeros((2, 300))), is_sparse(np.ones((2, 300)))
        (True, False)
    """
    sample = rows[:: max(1, len(rows) // SAMPLE)]
    return bool(rows.shape[1] >= WIDE and np.count_nonzero(sample) <= MOST_FILLED * sample.size)


def linear_svm(
    rows: np.ndarray,
    targets: np.ndarray,
    several: bool = False,
    class_weights: Sequence[float] = (),
    seed: int = 0,
) -> Linear:
    """Fit one linear support vector machine per class (Fan et al. 2008, LIBLINEAR) to rows of length 1.

    Margins only rank the classes: the scale that is the most likely on rows left out turns them into logits.

    Args:
        rows: (N, D) float, mostly zero; may lie on the disk.
        targets: (N, C) float, 0 or 1; without `several` exactly one 1 per row.
        several: whether a row can have several classes (multi-label).
        class_weights: (C,) weight of each class; empty: 1.
        seed: seed of the cross-validation folds.

    Returns:
        C columns, or 1 for two exclusive classes. A class without rows is never predicted.

    Example:
        >>> rows = np.zeros((6, 300))
        >>> rows[[0, 1, 2], 0] = rows[[3, 4, 5], 1] = 1
        >>> found = linear_svm(rows, np.eye(2)[[0, 0, 0, 1, 1, 1]])
        >>> (rows @ found.kernel + found.bias > 0).ravel().tolist()
        [False, False, False, True, True, True]
    """
    from scipy.sparse import csr_matrix, vstack

    starts = range(0, len(rows), BLOCK)
    sparse = vstack([csr_matrix(np.asarray(rows[start : start + BLOCK], np.float32)) for start in starts])
    sparse = sparse.tocsr()
    weights = np.asarray(class_weights or np.ones(targets.shape[1]))
    margins = np.zeros(targets.shape)
    folds = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
    for fold in range(FOLDS):
        kernel, bias = _fit(sparse[folds != fold], targets[folds != fold], weights)
        margins[folds == fold] = sparse[folds == fold] @ kernel + bias
    sharpness = _most_likely_scale(margins, targets, several)
    kernel, bias = _fit(sparse, targets, weights)
    kernel, bias = kernel * sharpness, np.where(bias == NEVER, NEVER, bias * sharpness)
    if targets.shape[1] == 2 and not several:
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    facts = {"how": "support vector machines", "C": [PENALTY], "sharpness": sharpness}
    return Linear(kernel.astype(np.float32), bias.astype(np.float32), facts)


def _fit(rows: csr_matrix, targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.svm import LinearSVC

    kernel, bias = np.zeros((rows.shape[1], targets.shape[1])), np.full(targets.shape[1], NEVER)
    for number, (labels, weight) in enumerate(zip(targets.T > 0, weights, strict=True)):
        if labels.all():
            bias[number] = -NEVER
        elif labels.any():
            machine = LinearSVC(C=PENALTY, class_weight={True: weight}, random_state=0).fit(rows, labels)
            kernel[:, number], bias[number] = machine.coef_[0], machine.intercept_[0]
    return kernel, bias


def _most_likely_scale(margins: np.ndarray, targets: np.ndarray, several: bool) -> float:
    losses = []
    for scale in SHARPNESSES:
        logits = scale * margins
        if several:
            losses.append(np.logaddexp(0, np.where(targets > 0, -logits, logits)).mean())
        else:
            top = logits.max(axis=1, keepdims=True)
            normal = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
            losses.append((normal - (targets * logits).sum(axis=1)).mean())
    return float(SHARPNESSES[int(np.argmin(losses))])
