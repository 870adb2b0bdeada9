"""Probabilities of classes from the logits of an exported classifier."""

from __future__ import annotations

import numpy as np

CLASSIFIERS = ("classification", "intent", "multilabel")  # "output" in preprocessing.json


def class_shares(output: str, logits: np.ndarray) -> np.ndarray:
    """Return the probability of each class, (N, classes) float64.

    Args:
        output: one of CLASSIFIERS: with "multilabel" an example has any number of classes, else one.
        logits: (N, classes); of two classes that exclude each other, (N, 1) of the second one.

    Example:
        >>> logits = np.array([[0.0, 0.0], [100.0, -100.0]])
        >>> class_shares("multilabel", logits).round(3).tolist()
        [[0.5, 0.5], [1.0, 0.0]]
        >>> class_shares("classification", logits[:1, :1]).tolist()
        [[0.5, 0.5]]
    """
    logits = logits.astype(np.float64)
    if output == "multilabel":
        return 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
