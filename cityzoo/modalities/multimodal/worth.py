"""What each modality is worth: the model with some cells hidden, rows whose modalities disagree, the gates' weights."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from cityzoo.backend import compiled
from cityzoo.data.multimodal import MultimodalSet
from cityzoo.metrics.weighted import bootstrap_weights, divide, interval
from cityzoo.outputs.classification import Classification
from heads.fusion import GATES

HIDDEN_SHARE = 0.3  # of all cells, in the test of missing cells
DRAWS = 10  # of hidden cells
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
        modality where it is there, None for other fusions; `conflicts`, see `measure_conflicts`.
    """
    names, metric = list(examples.sizes), output.primary_metrics[0]
    weights = bootstrap_weights(
        len(examples), output.bootstrap_samples, seed, [e.group for e in examples.examples]
    )
    weights = np.concatenate([np.ones((1, len(examples))), weights])

    def weigh(found: Sequence[Any]) -> np.ndarray:
        return output.weighted_metrics(examples, found)(weights)[metric]

    def predict_kept(kept: np.ndarray) -> Sequence[Any]:
        return predict(model, hide(examples, kept), output)

    subsets = _subsets(names)
    results = {kept: predict_kept(np.isin(names, kept)[None]) for kept in subsets}
    whole = weigh(results[subsets[0]])
    patterns = {_describe(kept, names): _compare(weigh(found), whole) for kept, found in results.items()}
    rng, shape = np.random.default_rng(seed), (len(examples), len(names))
    some = [weigh(predict_kept(rng.random(shape) >= HIDDEN_SHARE)) for _ in range(DRAWS)]
    return {
        "metric": metric,
        "n": len(examples),
        "patterns": patterns,
        "missing": {f"{HIDDEN_SHARE:.0%} of the cells": _compare(np.mean(some, axis=0), whole)},
        "gates": weigh_gates(model, examples),
        "conflicts": measure_conflicts(output, examples, results, weights),
    }


def measure_conflicts(
    output: Any,
    examples: MultimodalSet,
    results: Mapping[tuple[str, ...], Sequence[Any]],
    weights: np.ndarray,
) -> dict[str, Any] | None:
    """Return how often the modalities of a row, each alone, name different classes, and which one the model follows.

    Args:
        output: of one class per row; None is returned for others.
        examples: N labeled rows with features.
        results: probabilities by the modalities that are kept, all of them first.
        weights: (R, N), of a bootstrap; the first row is the rows themselves.

    Returns:
        `share` of the rows that disagree, `n`; `accuracy` there and `agreeing` on the other rows, with `difference`;
        `modalities`: of each the share of the disagreeing rows that have it in which the model answers as it does
        alone, `followed`, and in which it is right, `right`.
    """
    names = list(examples.sizes)
    if not isinstance(output, Classification) or output.several or any((n,) not in results for n in names):
        return None
    fused, *alone = (
        np.argmax(results[kept], axis=1) for kept in (next(iter(results)), *((n,) for n in names))
    )
    true = np.argmax([each.target for each in examples.examples], axis=1)
    present, answers = examples.present(), np.stack(alone, axis=1)
    firsts = answers[np.arange(len(true)), present.argmax(axis=1)]
    conflict = ((answers != firsts[:, None]) & present).any(axis=1)

    def share(rows: np.ndarray, of: np.ndarray) -> np.ndarray:
        return divide(weights @ (rows & of), weights @ of)

    there, elsewhere = share(fused == true, conflict), share(fused == true, ~conflict)
    parts = {
        name: {
            "n": int((conflict & present[:, k]).sum()),
            "followed": _bound(share(fused == answers[:, k], conflict & present[:, k])),
            "right": _bound(share(true == answers[:, k], conflict & present[:, k])),
        }
        for k, name in enumerate(names)
    }
    return {
        "n": int(conflict.sum()),
        "share": _bound(share(conflict, np.ones_like(conflict))),
        "accuracy": _bound(there),
        "agreeing": _bound(elsewhere),
        "difference": _bound(there - elsewhere),
        "modalities": {name: row for name, row in parts.items() if row["n"]},
    }


def _bound(values: np.ndarray) -> dict[str, Any]:
    """Return the first of (R,) values and the interval of the others."""
    value = float(values[0])
    return {"value": value if np.isfinite(value) else None, "interval": interval(values[1:])}


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


def _compare(values: np.ndarray, whole: np.ndarray) -> dict[str, Any]:
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
