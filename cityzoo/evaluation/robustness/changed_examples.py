"""Robustness of a model to changes of its examples that the modality makes: typos, noise, another language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.evaluation.robustness.measure import relative_loss
from cityzoo.metrics.weighted import bootstrap_weights, intervals

if TYPE_CHECKING:
    import keras

    from cityzoo.modalities import Modality
    from cityzoo.modalities.model_checks import Corruption
    from cityzoo.outputs import Output

SAMPLES = 200  # of the bootstrap


def measure_changed(
    modality: Modality[Any],
    model: keras.Model,
    output: Output,
    truth: Any,
    seed: int,
    most: int,
) -> dict[str, Any] | None:
    """Evaluate a model on clean examples, and under each of the modality's corruptions.

    Args:
        modality: makes the corrupted examples.
        model: a loaded model.
        output: meaning of its outputs; its first primary metric is measured.
        truth: labeled examples.
        seed: of all random values.
        most: maximum number of examples, evenly spread over the set.

    Returns:
        `figure` and `lower`, the metric and whether it is better when lower; `n` examples; `clean`, its value;
        `conditions`: name and level -> `value`, `low` and `high` (95 % interval), `clean` (of the same examples),
        `relative_loss` and `n`; `mean_relative_loss`. None for a modality without such corruptions.
    """
    rows = np.unique(np.linspace(0, len(truth) - 1, min(most, len(truth))).astype(int)).tolist()
    chosen = modality.select(truth, rows)
    metric, lower = output.primary_metrics[0], output.primary_metrics[0] in output.lower_is_better
    clean, conditions = None, {}
    for each in modality.corruptions(chosen, seed):
        if clean is None:
            clean = modality.predict(model, chosen, output)
        found = _measure(output, each, modality.predict(model, each.examples, output), metric)
        same = list(range(len(rows))) if each.rows is None else list(each.rows)
        before = output.metrics(modality.select(chosen, same), [clean[row] for row in same]).get(metric)
        loss = relative_loss(before, found["value"], lower)
        conditions[", ".join(filter(None, (each.name, each.level)))] = {
            **found,
            "clean": before,
            "relative_loss": loss,
        }
    if clean is None:
        return None
    losses = [row["relative_loss"] for row in conditions.values() if row["relative_loss"] is not None]
    return {
        "figure": metric,
        "lower": lower,
        "n": len(rows),
        "clean": output.metrics(chosen, clean).get(metric),
        "conditions": conditions,
        "mean_relative_loss": float(np.mean(losses)) if losses else None,
    }


def _measure(output: Output, changed: Corruption, results: Sequence[Any], metric: str) -> dict[str, Any]:
    weights = bootstrap_weights(len(changed.examples), SAMPLES)
    bounds = intervals(output.weighted_metrics(changed.examples, results), weights, [metric]).get(metric)
    low, high = bounds or (None, None)
    value = output.metrics(changed.examples, results).get(metric)
    return {"value": value, "low": low, "high": high, "n": len(changed.examples)}
