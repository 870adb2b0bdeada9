"""Interventions that a modality makes itself: names in texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
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
        results = modality.predict(model, examples, output)
        labels = [output.label_scores(e, r) for e, r in zip(examples.examples, results, strict=True)]
        if not all(map(len, labels)):
            raise InputError("--interventions supports classes and boxes, of which these examples have none")
        return np.array([each.mean() for each in labels])

    before, weights = score(chosen), bootstrap_weights(len(chosen), DRAWS, seed, modality.groups(chosen))
    found = {}
    for each in changes:
        after, control = (_spread(score(e), each.rows, len(chosen)) for e in (each.examples, each.control))
        known = np.where(np.isfinite(after), before, np.nan)
        found[each.name] = describe_reliance(known, after, before - after, before - control, weights, False)
    return {
        "n": len(chosen),
        "score": float(before.mean()),
        "changes": found,
        "places": [],
        "tested": 0,
        "flagged": [name for name, row in found.items() if row["flagged"]],
        "left_out": None if found else f"{modality.unit} have no names that can be exchanged",
    }


def _spread(values: np.ndarray, rows: Sequence[int], count: int) -> np.ndarray:
    whole = np.full(count, np.nan)
    whole[list(rows)] = values
    return whole
