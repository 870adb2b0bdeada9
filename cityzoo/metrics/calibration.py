"""Whether probabilities mean what they say, and the one number that mends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.classification import targets_and_shares
from cityzoo.metrics.weighted_classification import losses
from cityzoo.sample import ImageSet

BINS = 15
FOLDS = 5
TEMPERATURES = (0.05, 20.0)
LEAST, MOST = np.finfo(float).tiny, 1 - np.finfo(float).epsneg  # probabilities whose logits are finite


def calibration(
    truth: ImageSet, results: Sequence[np.ndarray], several: bool, seed: int = 0
) -> dict[str, Any]:
    """Return how far probabilities are from the shares that come true, as they are and with a temperature.

    The temperature is fitted on all images, for use elsewhere. What it gives is judged by images that it was not
    fitted on: in each of 5 parts by the temperature of the other 4, frames of a scene being in one part.

    Args:
        truth: images with targets (C,) of 0 and 1.
        results: (C,) probabilities of each.
        several: whether several classes, or none, may hold. Then each probability of each class counts; else the one
            of the class that is said.
        seed: of the parts.

    Returns:
        `ece` and `loss` as they are, `ece_scaled` and `loss_scaled` with the temperature, `temperature` (above 1:
        probabilities are too sure), `bins` as `reliability` has them, before scaling. Those of the temperature are
        None where all images are of one file, which leaves nothing to judge it by.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=[i % 4 > 0, i % 4 == 0]) for i in range(400))
        >>> found = calibration(ImageSet("val", ("bus", "car"), images), [np.array([0.9, 0.1])] * 400, False)
        >>> round(found["ece"], 3), round(found["ece_scaled"], 2), round(found["temperature"], 2)
        (0.15, 0.0, 2.0)
    """
    targets, shares = targets_and_shares(truth, results)
    found = reliability(*_pairs(targets, shares, several))
    report = {
        "ece": expected_error(found),
        "ece_scaled": None,
        "loss": float(losses(targets, shares, several).mean()),
        "loss_scaled": None,
        "temperature": None,
        "bins": found,
    }
    parts = _parts(truth, seed)
    if parts.max() > 0:
        mended = np.empty_like(shares)
        for part in range(parts.max() + 1):
            inside = parts == part
            fitted = fitted_temperature(targets[~inside], shares[~inside], several)
            mended[inside] = scaled(shares[inside], fitted, several)
        report["ece_scaled"] = expected_error(reliability(*_pairs(targets, mended, several)))
        report["loss_scaled"] = float(losses(targets, mended, several).mean())
        report["temperature"] = fitted_temperature(targets, shares, several)
    return report


def reliability(confidence: np.ndarray, right: np.ndarray) -> dict[str, list[float]]:
    """Return what came true in 15 equal bins of confidence (Guo et al. 2017, arXiv 1706.04599), without empty ones.

    Args:
        confidence: (P,) 0..1; a bin has its upper end and not its lower one.
        right: (P,) bool, whether it came true.

    Returns:
        `confidence` and `accuracy`, means of each bin, and `n`.

    Example:
        >>> reliability(np.array([0.75, 0.79, 0.1]), np.array([True, False, False]))
        {'confidence': [0.1, 0.77], 'accuracy': [0.0, 0.5], 'n': [1, 2]}
    """
    place = np.digitize(confidence, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    n = np.bincount(place, minlength=BINS)
    filled = n > 0
    sums = {
        name: np.bincount(place, each, BINS)
        for name, each in (("confidence", confidence), ("accuracy", right))
    }
    means = {name: (total[filled] / n[filled]).tolist() for name, total in sums.items()}
    return {**means, "n": n[filled].tolist()}


def expected_error(bins: dict[str, list[float]]) -> float:
    """Return the expected calibration error: the mean over bins of |accuracy - confidence|, by how full they are.

    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; 0 is perfect.

    Args:
        bins: of `reliability`.

    Example:
        >>> round(expected_error({"confidence": [0.3, 0.9], "accuracy": [0.5, 0.8], "n": [1, 3]}), 3)
        0.125
    """
    gap = np.abs(np.subtract(bins["accuracy"], bins["confidence"]))
    return float(np.average(gap, weights=bins["n"]))


def scaled(shares: np.ndarray, temperature: float, several: bool) -> np.ndarray:
    """Return probabilities whose logits are divided by a temperature (Guo et al. 2017): above 1 they are less sure.

    Args:
        shares: (N, C) probabilities, of softmax, or of sigmoids if `several`.
        temperature: above 0.

    Example:
        >>> scaled(np.array([[0.9, 0.1]]), 2.0, several=False).round(3).tolist()
        [[0.75, 0.25]]
    """
    from scipy.special import expit, softmax

    logits = _logits(shares, several) / temperature
    return expit(logits) if several else softmax(logits, axis=1)


def fitted_temperature(targets: np.ndarray, shares: np.ndarray, several: bool) -> float:
    """Return the temperature of the least log loss, .05 to 20.

    Args:
        targets: (N, C) of 0 and 1.
        shares: (N, C) probabilities.
        several: whether several classes, or none, may hold.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    logits, true = _logits(shares, several), targets > 0

    def loss(log_temperature: float) -> float:
        cooled = logits / np.exp(log_temperature)
        if several:
            return float(np.logaddexp(0, np.where(true, -cooled, cooled)).mean())
        return float((logsumexp(cooled, axis=1) - cooled[np.arange(len(true)), true.argmax(axis=1)]).mean())

    found = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def _logits(shares: np.ndarray, several: bool) -> np.ndarray:
    kept = np.clip(shares, LEAST, MOST)
    return np.log(kept) - np.log1p(-kept) if several else np.log(kept)


def _pairs(targets: np.ndarray, shares: np.ndarray, several: bool) -> tuple[np.ndarray, np.ndarray]:
    if several:
        return shares.ravel(), targets.ravel() > 0
    return shares.max(axis=1), shares.argmax(axis=1) == targets.argmax(axis=1)


def _parts(truth: ImageSet, seed: int) -> np.ndarray:
    """(N,) part of each image, 0 to 4: whole scenes, or whole files where all are of one scene."""
    groups = np.array([image.scene or image.path for image in truth.examples])
    if len(np.unique(groups)) == 1:
        groups = np.array([image.path for image in truth.examples])
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    filled, part = np.zeros(FOLDS), np.zeros(len(sizes), int)
    mixed = np.random.default_rng(seed).permutation(len(sizes))
    # Large ones first, each to the part that is emptiest so far.
    for each in mixed[np.argsort(-sizes[mixed], kind="stable")]:
        part[each] = filled.argmin()
        filled[part[each]] += sizes[each]
    return part[group]
