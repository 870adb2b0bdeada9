"""Linear classifiers in closed form: logistic regression, nearest class mean, cosine prototypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

LEAST_SPREAD = 0.1  # of a feature, in root mean square deviations of all features
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1)  # C of the penalty |w|^2 / 2C, on standardised features
USUAL_STRENGTH = 0.01  # if there are too few images to choose it
FOLDS, STEPS = 4, 200
NEVER = -30.0  # logit of a class without training images
SHARPNESSES = np.geomspace(1e-3, 1e2, 61)


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
) -> Linear:
    """Fit multinomial logistic regression (or one logistic regression per class) by L-BFGS.

    Features are standardised for the fit; the returned layer takes raw ones. The penalty is the strongest within one
    standard error of the best likelihood on left-out groups (Breiman et al. 1984), since later images differ more from
    the training images than these from each other.

    Args:
        rows: (N, D) float, features.
        targets: (N, C) float, 0 or 1; without `several` exactly one 1 per row.
        groups: (N,) int, rows of a group are alike: views of an image, frames of a scene.
        several: whether a row can have several classes (multi-label).
        class_weights: (C,) weight of each class; empty: 1.
        seed: seed of the cross-validation folds.

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
    for number, labels in enumerate(answers):
        known = np.unique(labels).astype(int)
        if len(known) == 1:  # one class only: always predict it
            bias[_places(known, number, several, columns)] = -NEVER if known[0] or not several else NEVER
            continue
        weights = _by_answer(class_weights, number, several)
        strengths.append(_strength(scaled, labels.astype(int), groups, weights, seed))
        fitted = _fit(scaled, labels.astype(int), strengths[-1], weights)
        coefficients, intercept = fitted.coef_, fitted.intercept_
        if len(known) == 2 and not several and columns > 1:  # one logit for two of several classes
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        places = _places(known, number, several, columns)
        kernel[:, places] = coefficients.T / deviation[:, None]
        bias[places] = intercept - mean @ kernel[:, places]
    facts = {"how": "logistic regression", "C": strengths}
    return Linear(kernel.astype(np.float32), bias.astype(np.float32), facts)


def _places(known: np.ndarray, number: int, several: bool, columns: int) -> list[int]:
    """Columns of one regression: its own, or those of the known classes."""
    if several:
        return [number]
    return known.tolist() if columns > 1 else [0]


def _by_answer(class_weights: Sequence[float], number: int, several: bool) -> dict[int, float] | None:
    if not class_weights:
        return None
    return {0: 1.0, 1: class_weights[number]} if several else dict(enumerate(class_weights))


def _fit(rows: np.ndarray, labels: np.ndarray, strength: float, weights: dict[int, float] | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    known = np.unique(labels)
    weights = {label: weights[label] for label in known.tolist()} if weights else None
    return LogisticRegression(C=strength, max_iter=STEPS, tol=1e-3, class_weight=weights).fit(rows, labels)


def _strength(
    rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: dict[int, float] | None, seed: int
) -> float:
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedGroupKFold

    known = np.unique(labels)
    if len(known) < 2 or min(len(np.unique(groups[labels == label])) for label in known) < FOLDS:
        return USUAL_STRENGTH
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    losses: list[list[float]] = []
    for fitted, left_out in parts.split(rows, labels, groups):
        if len(np.unique(labels[fitted])) < len(known):
            continue
        guesses = (
            _fit(rows[fitted], labels[fitted], strength, weights).predict_proba(rows[left_out])
            for strength in STRENGTHS
        )
        losses.append([log_loss(labels[left_out], guess, labels=known) for guess in guesses])
    if len(losses) < 2:
        return USUAL_STRENGTH
    mean, error = np.mean(losses, axis=0), np.std(losses, axis=0, ddof=1) / np.sqrt(len(losses))
    best = int(mean.argmin())
    return next(each for each, loss in zip(STRENGTHS, mean, strict=True) if loss <= mean[best] + error[best])


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
    logits = np.asarray(rows, np.float32) @ kernel + bias
    losses = []
    for sharpness in SHARPNESSES:
        scaled = sharpness * logits
        top = scaled.max(axis=1)
        normal = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
        losses.append(float((normal - (targets * scaled).sum(axis=1)).mean()))
    best = SHARPNESSES[int(np.argmin(losses))]
    kernel, bias = (best * kernel).astype(np.float32), (best * bias).astype(np.float32)
    return Linear(kernel, bias, {"how": how, "sharpness": float(best)})
