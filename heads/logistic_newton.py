"""Logistic regression of two classes by Newton's method in the span of the rows: exact in a few steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MOST_ROWS = 1500  # a step takes a third of the cube of their number
STEPS, TOLERANCE = 50, 1e-7
LEAST_CURVATURE = 1e-8


class Fitted(NamedTuple):
    """A fitted regression, with the names of scikit-learn's.

    Attributes:
        coef_: (1, D).
        intercept_: (1,).
        logits: (N,), of the rows that it was fitted on.
    """

    coef_: np.ndarray
    intercept_: np.ndarray
    logits: np.ndarray

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """Return the logit of the second class of each row, (M,)."""
        return rows @ self.coef_[0] + self.intercept_[0]


def fit_two_classes(
    rows: np.ndarray,
    labels: np.ndarray,
    strength: float,
    weights: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> Fitted:
    """Minimize sum w_i log(1 + exp(-y_i f_i)) + |v|^2 / 2C for logits f = rows v + b; b is not penalized.

    v is a sum of the rows, v = rows^T a (the representer theorem), so that each Newton step (iteratively reweighted
    least squares) solves as many equations as there are rows, however many features they have.

    Args:
        rows: (N, D) float, N at most some thousands.
        labels: (N,) bool or 0 and 1, both there.
        strength: C.
        weights: (N,) w_i; None: 1.
        start: (N,) logits to start from, such as those of a similar strength.

    Example:
        >>> found = fit_two_classes(np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1]), 1.0)
        >>> (found.logits > 0).tolist(), bool(abs(found.decision_function(np.array([[2.5]]))[0]) < 1e-6)
        ([False, False, True, True], True)
    """
    from scipy.linalg import cho_factor, cho_solve

    targets = np.asarray(labels, np.float64)
    weights = np.ones(len(rows)) if weights is None else weights
    gram = np.asarray(rows @ rows.T, np.float64)
    prior = np.log((weights * targets).sum() / (weights * (1 - targets)).sum())
    logits, last = np.full(len(rows), prior) if start is None else start, np.inf
    for _ in range(STEPS):
        shares = 1 / (1 + np.exp(-logits))
        curvature = np.maximum(weights * shares * (1 - shares), LEAST_CURVATURE)
        wanted = logits + weights * (targets - shares) / curvature
        factor = cho_factor(gram + np.diag(1 / (strength * curvature)), lower=True, check_finite=False)
        solved = cho_solve(factor, np.stack([wanted, np.ones(len(rows))], axis=1), check_finite=False)
        bias = solved[:, 0].sum() / solved[:, 1].sum()
        dual = solved[:, 0] - bias * solved[:, 1]
        logits = gram @ dual + bias
        loss = (weights * (np.logaddexp(0, logits) - targets * logits)).sum() + dual @ gram @ dual / (
            2 * strength
        )
        if abs(last - loss) <= TOLERANCE * abs(loss):
            break
        last = loss
    return Fitted((rows.T @ dual)[None], np.array([bias]), logits)
