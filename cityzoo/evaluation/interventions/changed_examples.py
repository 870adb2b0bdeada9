"""Interventions that a modality makes itself: names in texts, measurements of sensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.evaluation.interventions.measure import DRAWS, describe_reliance
from cityzoo.metrics.weighted import bootstrap_weights

if TYPE_CHECKING:
    import keras

    from cityzoo.modalities import Modality
    from cityzoo.outputs import Output


def measure_changed(
    modality: Modality[Any], model: keras.Model, output: Output, truth: Any, seed: int, most: int
) -> dict[str, Any] | None:
    """Compare the scores of changed examples with those of their controls, as `measure` does for images.

    Args:
        modality: makes the changes.
        model: a loaded model.
        output: meaning of its outputs.
        truth: labeled examples.
        seed: of random values.
        most: maximum number of examples, evenly spread.

    Returns:
        As `cityzoo.evaluation.interventions.measure.measure`, without places; None for a modality without changes.

    Raises:
        InputError: an output without a score for each label.
    """
    rows = np.unique(np.linspace(0, len(truth) - 1, min(most, len(truth))).astype(int)).tolist()
    chosen = modality.select(truth, rows)
    changes = modality.interventions(chosen, seed)
    if changes is None:
        return None

    def score(examples: Any) -> np.ndarray:
        return modality.score_changed(examples, modality.predict(model, examples, output), output)

    before, weights = score(chosen), bootstrap_weights(len(chosen), DRAWS, seed, modality.groups(chosen))
    found = {}
    for each in changes:
        after, control = (_spread(score(e), each.rows, len(chosen)) for e in (each.examples, each.control))
        known = np.where(np.isfinite(after), before, np.nan)
        found[each.name] = describe_reliance(
            known, after, before - after, before - control, weights, each.matters
        )
    return {
        "n": len(chosen),
        "score": float(np.nanmean(before)),
        "changes": found,
        "places": [],
        "tested": 0,
        "flagged": [name for name, row in found.items() if row["flagged"]],
        "left_out": None if found else f"{modality.unit} have nothing that can be exchanged",
    }


def _spread(values: np.ndarray, rows: Sequence[int], count: int) -> np.ndarray:
    whole = np.full(count, np.nan)
    whole[list(rows)] = values
    return whole
