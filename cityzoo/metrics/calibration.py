"""Calibration of probabilities: expected calibration error, reliability diagram, temperature scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.classification import log_losses, targets_and_probabilities
from cityzoo.sample import ExampleSet

BINS = 15
FOLDS = 5
TEMPERATURES = (0.05, 20.0)
LEAST, MOST = np.finfo(float).tiny, 1 - np.finfo(float).epsneg  # probabilities whose logits are finite


def calibration(
    truth: ExampleSet, results: Sequence[np.ndarray], multilabel: bool, seed: int = 0
) -> dict[str, Any]:
    """Return the calibration error and log loss of probabilities, before and after temperature scaling.

    The reported temperature is fitted on all images. Its effect is measured by 5-fold cross-validation, with all frames
    of a scene in the same fold.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
        multilabel: whether classes are independent. Then each probability of each class counts; else that of the
            predicted class.
        seed: of the folds.

    Returns:
        `ece` and `loss`, unscaled; `ece_scaled`, `loss_scaled` and `temperature` (above 1: overconfident), None where
        all images come from one file; `bins` of `reliability`, unscaled.

    Example:
        >>> from cityzoo.sample import ImageExample, ImageSet
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=[i % 4 > 0, i % 4 == 0]) for i in range(400))
        >>> found = calibration(ImageSet("val", ("bus", "car"), images), [np.array([0.9, 0.1])] * 400, False)
        >>> round(found["ece"], 3), round(found["ece_scaled"], 2), round(found["temperature"], 2)
        (0.15, 0.0, 2.0)
    """
    targets, probs = targets_and_probabilities(truth, results)
    found = reliability(*_pairs(targets, probs, multilabel))
    report = {
        "ece": expected_calibration_error(found),
        "ece_scaled": None,
        "loss": float(log_losses(targets, probs, multilabel).mean()),
        "loss_scaled": None,
        "temperature": None,
        "bins": found,
    }
    folds = _folds(truth, seed)
    if folds.max() > 0:
        calibrated = np.empty_like(probs)
        for fold in range(folds.max() + 1):
            inside = folds == fold
            fitted = fit_temperature(targets[~inside], probs[~inside], multilabel)
            calibrated[inside] = apply_temperature(probs[inside], fitted, multilabel)
        scaled = reliability(*_pairs(targets, calibrated, multilabel))
        report["ece_scaled"] = expected_calibration_error(scaled)
        report["loss_scaled"] = float(log_losses(targets, calibrated, multilabel).mean())
        report["temperature"] = fit_temperature(targets, probs, multilabel)
    return report


def calibration_table(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of a table on what `calibration` found: before and after scaling."""
    return {
        "expected calibration error": {"as_it_is": found["ece"], "scaled": found["ece_scaled"]},
        "log loss": {"as_it_is": found["loss"], "scaled": found["loss_scaled"]},
    }


def reliability(confidence: np.ndarray, right: np.ndarray) -> dict[str, list[float]]:
    """Return a reliability diagram of 15 equal bins of confidence (Guo et al. 2017, arXiv 1706.04599).

    Args:
        confidence: (P,) 0..1; a bin includes its upper end.
        right: (P,) bool, whether the prediction was correct.

    Returns:
        `confidence` and `accuracy`, means of each bin that is not empty, and `n`.

    Example:
        >>> reliability(np.array([0.75, 0.79, 0.1]), np.array([True, False, False]))
        {'confidence': [0.1, 0.77], 'accuracy': [0.0, 0.5], 'n': [1, 2]}
    """
    place = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    n = np.bincount(place, minlength=BINS)
    filled = n > 0
    means = {
        name: (np.bincount(place, values, BINS)[filled] / n[filled]).tolist()
        for name, values in (("confidence", confidence), ("accuracy", right))
    }
    return {**means, "n": n[filled].tolist()}


def expected_calibration_error(bins: dict[str, list[float]]) -> float:
    """Return the expected calibration error: the mean of |accuracy - confidence|, weighted by the size of `bins`.

    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; 0 is perfect.

    Example:
        >>> round(expected_calibration_error({"confidence": [0.3, 0.9], "accuracy": [0.5, 0.8], "n": [1, 3]}), 3)
        0.125
    """
    gap = np.abs(np.subtract(bins["accuracy"], bins["confidence"]))
    return float(np.average(gap, weights=bins["n"]))


def apply_temperature(probs: np.ndarray, temperature: float, multilabel: bool) -> np.ndarray:
    """Return probabilities with their logits divided by a temperature (Guo et al. 2017).

    Args:
        probs: (N, C) probabilities, of a softmax, or of sigmoids if `multilabel`.
        temperature: above 0; above 1 probabilities move towards uniform.

    Example:
        >>> apply_temperature(np.array([[0.9, 0.1]]), 2.0, multilabel=False).round(3).tolist()
        [[0.75, 0.25]]
    """
    from scipy.special import expit, softmax

    logits = _logits(probs, multilabel) / temperature
    return expit(logits) if multilabel else softmax(logits, axis=1)


def fit_temperature(targets: np.ndarray, probs: np.ndarray, multilabel: bool) -> float:
    """Return the temperature of the smallest log loss, .05 to 20, from (N, C) targets and probabilities."""
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    logits, true = _logits(probs, multilabel), targets > 0

    def loss(log_temperature: float) -> float:
        cooled = logits / np.exp(log_temperature)
        if multilabel:
            return float(np.logaddexp(0, np.where(true, -cooled, cooled)).mean())
        return float((logsumexp(cooled, axis=1) - cooled[np.arange(len(true)), true.argmax(axis=1)]).mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def _logits(probs: np.ndarray, multilabel: bool) -> np.ndarray:
    kept = np.clip(probs, LEAST, MOST)
    return np.log(kept) - np.log1p(-kept) if multilabel else np.log(kept)


def _pairs(targets: np.ndarray, probs: np.ndarray, multilabel: bool) -> tuple[np.ndarray, np.ndarray]:
    if multilabel:
        return probs.ravel(), targets.ravel() > 0
    return probs.max(axis=1), probs.argmax(axis=1) == targets.argmax(axis=1)


def _folds(truth: ExampleSet, seed: int) -> np.ndarray:
    """(N,) fold of each image, 0 to 4: by scene, or by file where all are of one scene."""
    groups = np.array([getattr(e, "scene", "") or e.path for e in truth.examples])
    if len(np.unique(groups)) == 1:
        groups = np.array([image.path for image in truth.examples])
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    filled, fold = np.zeros(FOLDS), np.zeros(len(sizes), int)
    mixed = np.random.default_rng(seed).permutation(len(sizes))
    # Large groups first, each to the fold that is emptiest so far.
    for each in mixed[np.argsort(-sizes[mixed], kind="stable")]:
        fold[each] = filled.argmin()
        filled[fold[each]] += sizes[each]
    return fold[group]
