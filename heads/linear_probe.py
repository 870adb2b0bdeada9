"""Linear classifiers in closed form: logistic regression, discriminant, nearest class mean, cosine prototypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from heads.penalty_choice import choose_strength, fit_logistic, most_likely_factor

LEAST_SPREAD = 0.1  # of a feature, in root mean square deviations of all features
NEVER = -30.0  # logit of a class without training images


class Linear(NamedTuple):
    """A linear layer: logits = rows @ kernel + bias.

    Attributes:
        kernel: (D, C) float32.
        bias: (C,) float32.
        facts: method and its parameters, for the report.
    """

    kernel: np.ndarray
    bias: np.ndarray
    facts: dict[str, Any]


def measure_spread(rows: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each feature, (D,), at least a tenth of the typical one.

    A feature that hardly varies would get an enormous weight, and fine-tuning, which moves all features a little, would
    turn that into noise: one of MiniLM's 384 varies by a thousandth of the others.

    Example:
        >>> measure_spread(np.array([[0.0, 0.0, 5.0], [2.0, 2.0, 5.0]])).round(3).tolist()
        [1.0, 1.0, 0.082]
    """
    found = rows.std(axis=0)
    return np.maximum(found, LEAST_SPREAD * np.sqrt(np.mean(np.square(found)))) + 1e-6


def logistic_regression(
    rows: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    several: bool = False,
    class_weights: Sequence[float] = (),
    seed: int = 0,
    strength: float | None = None,
    row_weights: np.ndarray | None = None,
) -> Linear:
    """Fit multinomial logistic regression (or one logistic regression per class) by L-BFGS (two classes: by Newton).

    Features are standardised for the fit; the returned layer takes raw ones. The penalty is the usual one, unless
    another ranks left-out groups clearly better (AUROC, mean over classes), and the logits are then multiplied by the
    factor that is most likely on these groups. The likelihood itself would choose a far too strong penalty: of scenes
    that it has not seen, a classifier is less sure than it thinks, and a penalty mends that at the cost of the ranking.

    Args:
        rows: (N, D) float, features.
        targets: (N, C) float, 0 or 1; without `several` exactly one 1 per row.
        groups: (N,) int, rows of a group are alike: views of an image, frames of a scene.
        several: whether a row can have several classes (multi-label).
        class_weights: (C,) weight of each class; empty: 1.
        seed: seed of the cross-validation folds.
        strength: C of the penalty; None: chosen by left-out groups.
        row_weights: (N,) weight of each row, times that of its class; None: 1.

    Returns:
        C columns, or 1 for two exclusive classes. A class without rows is never predicted.

    Example:
        >>> rows, targets = np.array([[0.0], [1.0], [4.0], [5.0]]), np.eye(2)[[0, 0, 1, 1]]
        >>> found = logistic_regression(rows, targets, np.arange(4))
        >>> found.kernel.shape, (rows @ found.kernel + found.bias > 0).ravel().tolist()
        ((1, 1), [False, False, True, True])
    """
    rows = np.asarray(rows, np.float32)
    mean, deviation = rows.mean(axis=0), measure_spread(rows)
    scaled = (rows - mean) / deviation
    answers = list(targets.T) if several else [targets.argmax(axis=1)]
    columns = targets.shape[1] if several or targets.shape[1] > 2 else 1
    kernel, bias, strengths = np.zeros((rows.shape[1], columns)), np.full(columns, NEVER), []
    scales = []
    for number, labels in enumerate(answers):
        known = np.unique(labels).astype(int)
        if len(known) == 1:  # one class only: always predict it
            bias[_places(known, number, several, columns)] = -NEVER if known[0] or not several else NEVER
            continue
        weights = _weigh_rows(labels, class_weights, number, several, row_weights)
        best, scale = (
            choose_strength(scaled, labels.astype(int), groups, weights, seed)
            if strength is None
            else (strength, 1.0)
        )
        fitted = fit_logistic(scaled, labels.astype(int), best, weights)
        coefficients, intercept = fitted.coef_ * scale, fitted.intercept_ * scale
        strengths.append(best)
        scales.append(scale)
        if len(known) == 2 and not several and columns > 1:  # one logit for two of several classes
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        places = _places(known, number, several, columns)
        kernel[:, places] = coefficients.T / deviation[:, None]
        bias[places] = intercept - mean @ kernel[:, places]
    facts = {"how": "logistic regression", "C": strengths, "scale": scales}
    return Linear(kernel.astype(np.float32), bias.astype(np.float32), facts)


def _places(known: np.ndarray, number: int, several: bool, columns: int) -> list[int]:
    """Columns of one regression: its own, or those of the known classes."""
    if several:
        return [number]
    return known.tolist() if columns > 1 else [0]


def _weigh_rows(
    labels: np.ndarray,
    class_weights: Sequence[float],
    number: int,
    several: bool,
    row_weights: np.ndarray | None,
) -> np.ndarray | None:
    if not class_weights:
        return row_weights
    by_label = np.array([1.0, class_weights[number]] if several else class_weights)
    own = by_label[labels.astype(int)]
    return own if row_weights is None else own * row_weights


def nearest_mean(rows: np.ndarray, targets: np.ndarray) -> Linear:
    """Return the layer that predicts the nearest class mean (Snell et al. 2017, arXiv 1703.05175).

    The squared distance to a mean m is |x|^2 - 2 x m + |m|^2; without |x|^2, equal for all classes, it is linear in
    x. Distances are measured in standard deviations of each feature.

    Args:
        rows: (N, D) float, features.
        targets: (N, C) float, exactly one 1 per row.
    """
    rows = np.asarray(rows, np.float32)
    deviation = rows.std(axis=0) + 1e-6
    means = _class_means(rows / deviation, targets)
    kernel, bias = 2 * means.T / deviation[:, None], -np.square(means).sum(axis=1)
    return _sharpened(kernel, bias, rows, targets, "nearest class mean")


def shrunk_discriminant(rows: np.ndarray, targets: np.ndarray) -> Linear:
    """Return the linear discriminant with a shrunk covariance (Ledoit and Wolf 2004), all classes equally likely.

    The covariance within classes is the same for all, so that a new class needs its mean alone: a strong baseline
    for data whose classes come one after another (Hayes and Kanan 2020, arXiv 1909.01520).

    Args:
        rows: (N, D) float, features.
        targets: (N, C) float, exactly one 1 per row.

    Example:
        >>> rows, targets = np.array([[0.0, 0.0], [0.1, 9.0], [1.0, 0.0], [1.1, 9.0]]), np.eye(2)[[0, 0, 1, 1]]
        >>> found = shrunk_discriminant(rows, targets)
        >>> (rows @ found.kernel + found.bias).argmax(axis=1).tolist()
        [0, 0, 1, 1]
    """
    from sklearn.covariance import ledoit_wolf

    rows = np.asarray(rows, np.float64)
    deviation = rows.std(axis=0) + 1e-6
    scaled = rows / deviation
    means = _class_means(scaled, targets)
    covariance, _ = ledoit_wolf(scaled - targets @ means, assume_centered=True)
    solved = np.linalg.solve(covariance, means.T)
    kernel, bias = solved / deviation[:, None], -np.einsum("cd,dc->c", means, solved) / 2
    return _sharpened(kernel, bias, rows, targets, "shrunk linear discriminant")


def cosine_prototypes(rows: np.ndarray, targets: np.ndarray) -> Linear:
    """Return the layer of cosines to the class means, for rows of length 1.

    Args:
        rows: (N, D) float, features of length 1.
        targets: (N, C) float, exactly one 1 per row.
    """
    means = _class_means(np.asarray(rows, np.float32), targets)
    kernel = (means / np.linalg.norm(means, axis=1, keepdims=True)).T
    return _sharpened(kernel, np.zeros(len(means)), rows, targets, "cosine prototypes")


def _class_means(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return (targets.T @ rows) / np.maximum(targets.sum(axis=0), 1)[:, None]


def _sharpened(
    kernel: np.ndarray, bias: np.ndarray, rows: np.ndarray, targets: np.ndarray, how: str
) -> Linear:
    # Distances only rank the classes: the most likely scale turns them into probabilities.
    best = most_likely_factor(np.asarray(rows, np.float32) @ kernel + bias, targets)
    kernel, bias = (best * kernel).astype(np.float32), (best * bias).astype(np.float32)
    return Linear(kernel, bias, {"how": how, "sharpness": best})
