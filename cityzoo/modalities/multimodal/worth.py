"""What each modality is worth: the model on the same rows with some of their cells hidden, and the gates' weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from cityzoo.backend import compiled
from cityzoo.data.multimodal import MultimodalSet
from cityzoo.metrics.weighted import WeightedMetrics, bootstrap_weights, interval
from heads.fusion import GATES

HIDDEN_SHARE = 0.3  # of all cells, in the test of missing cells
Predict = Any  # features (N, D + M) -> results


def measure_worth(
    model: keras.Model, output: Any, examples: MultimodalSet, predict: Predict, seed: int
) -> dict[str, Any]:
    """Return the metric for every pattern of missing modalities, and the weights of the gates.

    Args:
        model: a whole model.
        output: what its outputs mean.
        examples: N labeled rows with features.
        predict: (model, set, output) -> results.
        seed: of the bootstrap and of the hidden cells.

    Returns:
        `metric`, its name; `patterns`, for each set of modalities its value, 95 % interval, and the paired difference
        from all modalities; `missing`, the same where a part of all cells is hidden; `gates`, the mean weight of each
        modality where it is there, None for other fusions.
    """
    names = list(examples.sizes)
    every = output.weighted_metrics(examples, predict(model, examples, output))
    metric = output.primary_metrics[0]
    weights = bootstrap_weights(
        len(examples), output.bootstrap_samples, seed, [e.group for e in examples.examples]
    )
    weights = np.concatenate([np.ones((1, len(examples))), weights])
    whole = every(weights)[metric]
    patterns = {}
    for kept in _subsets(names):
        hidden = hide(examples, np.isin(names, kept)[None])
        weighted = output.weighted_metrics(hidden, predict(model, hidden, output))
        patterns[_describe(kept, names)] = _compare(weighted, metric, weights, whole)
    rng = np.random.default_rng(seed)
    some = hide(examples, rng.random((len(examples), len(names))) >= HIDDEN_SHARE)
    missing = _compare(output.weighted_metrics(some, predict(model, some, output)), metric, weights, whole)
    return {
        "metric": metric,
        "n": len(examples),
        "patterns": patterns,
        "missing": {f"{HIDDEN_SHARE:.0%} of the cells": missing},
        "gates": weigh_gates(model, examples),
    }


def _subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all modalities, then all but one, ..., then each alone."""
    sizes = range(len(names), 0, -1)
    return [kept for size in sizes for kept in itertools.combinations(names, size)]


def _describe(kept: Sequence[str], names: Sequence[str]) -> str:
    if len(kept) == len(names):
        return "all"
    lost = [name for name in names if name not in kept]
    return f"{kept[0]} alone" if len(kept) == 1 else f"without {' and '.join(lost)}"


def hide(examples: MultimodalSet, kept: np.ndarray) -> MultimodalSet:
    """Return the rows without some cells: kept, (N, M) or (1, M) bool, says which stay."""
    rows, count = examples.features().copy(), len(examples.sizes)
    rows[:, -count:] *= kept
    features = iter(rows)
    return replace(examples, examples=tuple(replace(e, features=next(features)) for e in examples.examples))


def _compare(
    weighted: WeightedMetrics, metric: str, weights: np.ndarray, whole: np.ndarray
) -> dict[str, Any]:
    values = weighted(weights)[metric]
    low, high = interval(values[1:]) or (None, None)
    change = values - whole
    return {
        "value": float(values[0]),
        "low": low,
        "high": high,
        "change": float(change[0]),
        "change_interval": interval(change[1:]),
    }


def weigh_gates(model: keras.Model, examples: MultimodalSet) -> dict[str, float] | None:
    """Return the mean weight of the gate of each modality, over the rows that have it; None without gates."""
    if not any(layer.name == GATES for layer in model.layers):
        return None
    gates = np.asarray(
        compiled(keras.Model(model.inputs[0], model.get_layer(GATES).output))(examples.features())
    )
    present = examples.present()
    return {
        name: float(gates[present[:, number], number].mean()) if present[:, number].any() else 0.0
        for number, name in enumerate(examples.sizes)
    }
