"""Late fusion: the mean of the calibrated probabilities of one classifier per modality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from heads.fusion import principal_components
from heads.linear_probe import logistic_regression

LOGITS = "head_logits"
SMALLEST = 1e-7  # probability
COMPONENTS = 64  # principal components of a modality that has more features: much faster, and no worse


class LateFusion(NamedTuple):
    """Layer of the logits of all modalities, and how each was fitted."""

    kernel: np.ndarray  # (D + M, M * C) float32; zero outside of each modality's own block
    bias: np.ndarray  # (M * C,) float32
    facts: dict[str, Any]


def build_head(rows: keras.KerasTensor, modalities: int, classes: int) -> keras.KerasTensor:
    """Return (batch, classes) logarithms of the mean probabilities of the modalities that are there.

    The mean is one of the rules of Kittler et al. 1998 ("On combining classifiers", IEEE TPAMI).

    Args:
        rows: (batch, D + M) float32, as `heads.fusion.Fusion` takes them.
        modalities: M.
        classes: C.

    Example:
        >>> build_head(keras.Input((10,)), modalities=2, classes=3).shape
        (None, 3)
    """
    logits = layers.Dense(modalities * classes, name=LOGITS)(rows)
    shares = ops.softmax(layers.Reshape((modalities, classes), name="head_each")(logits), axis=-1)
    present = ops.expand_dims(rows[:, -modalities:], -1)
    mean = ops.sum(shares * present, axis=1) / ops.maximum(ops.sum(present, axis=1), 1.0)
    return ops.log(mean + SMALLEST)


def fit(
    rows: np.ndarray, sizes: Sequence[int], targets: np.ndarray, groups: np.ndarray, seed: int = 0
) -> LateFusion:
    """Fit a logistic regression on each modality's features, where it is there; left-out groups calibrate it.

    Of many features the principal components are used.

    Args:
        rows: (N, D + M) float32, as `heads.fusion.Fusion` takes them.
        sizes: features of each of the M modalities.
        targets: (N, C) float32, one 1 per row.
        groups: (N,) int; rows of one group are alike.
        seed: of the folds.

    Example:
        >>> rows = np.array([[0, 9, 1, 1], [1, 0, 1, 0], [4, 9, 1, 1], [5, 0, 1, 0]], np.float32)
        >>> found = fit(rows, [1, 1], np.eye(2)[[0, 0, 1, 1]], np.arange(4))
        >>> found.kernel.shape, bool(found.kernel[0, 1] > 0), found.kernel[1].tolist()
        ((4, 4), True, [0.0, 0.0, 0.0, 0.0])
    """
    rows, targets = np.asarray(rows, np.float32), np.asarray(targets)
    classes, count = targets.shape[1], len(sizes)
    kernel = np.zeros((rows.shape[1], count * classes), np.float32)
    bias, strengths, start = np.zeros(count * classes, np.float32), [], 0
    for number, size in enumerate(sizes):
        known, block = rows[:, number - count] > 0, slice(number * classes, (number + 1) * classes)
        features = rows[known, start : start + size]
        if size > COMPONENTS:
            axes, shift = principal_components(features, COMPONENTS)
            features = features @ axes + shift
        found = logistic_regression(features, targets[known], groups[known], seed=seed)
        own, added = found.kernel, found.bias
        if size > COMPONENTS:
            own, added = axes @ own, shift @ own + added
        # Of two classes there is one column: the second one's logit.
        pads = (0, 0), (classes - own.shape[1], 0)
        kernel[start : start + size, block] = np.pad(own, pads)
        bias[block] = np.pad(added, pads[1])
        strengths.append(found.facts["C"])
        start += size
    return LateFusion(kernel, bias, {"how": "logistic regression of each modality", "C": strengths})


def predict(found: LateFusion, rows: np.ndarray, modalities: int) -> np.ndarray:
    """Return the probabilities that each modality's classifier gives, (N, M, C) float64."""
    logits = (rows @ found.kernel + found.bias).reshape(len(rows), modalities, -1).astype(np.float64)
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)
