"""How unsure probabilities are: margin and entropy (Settles 2009, "Active Learning Literature Survey", section 3.1)."""

from __future__ import annotations

import numpy as np


def margin_uncertainty(probabilities: np.ndarray, several: bool = False) -> np.ndarray:
    """Return 1 minus the margin between the two most probable answers, (N,) float64, 0..1.

    Args:
        probabilities: (N, C) float, 0..1.
        several: whether an example can have several classes: the answers are then yes and no, and the class with the
            smallest margin counts.

    Example:
        >>> margin_uncertainty(np.array([[0.5, 0.3, 0.2], [0.0, 0.0, 1.0]])).round(3).tolist()
        [0.8, 0.0]
        >>> margin_uncertainty(np.array([[0.9, 0.5], [1.0, 0.1]]), several=True).round(3).tolist()
        [1.0, 0.2]
    """
    rows = np.asarray(probabilities, np.float64)
    if several:
        return 1 - np.abs(2 * rows - 1).min(axis=1)
    second, first = np.sort(rows, axis=1)[:, -2:].T
    return 1 - (first - second)


def binary_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of answers yes or no in bits, of the same shape, float64, 0..1.

    Example:
        >>> binary_entropy(np.array([0.0, 0.5, 1.0])).tolist()
        [0.0, 1.0, 0.0]
    """
    rows = np.asarray(probabilities, np.float64)
    kept = np.clip(rows, 1e-12, 1 - 1e-12)
    entropy = -kept * np.log2(kept) - (1 - kept) * np.log2(1 - kept)
    return np.where((rows <= 0) | (rows >= 1), 0.0, entropy)
