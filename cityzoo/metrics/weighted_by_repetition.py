"""Figures of weighted images for any kind of output: each image is repeated as often as it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cityzoo.outputs import Output, WeightedMetrics
    from cityzoo.sample import ImageSet


def weighed_by_repeating(output: Output, truth: ImageSet, results: Sequence[Any]) -> WeightedMetrics:
    """Return what gives a kind's headline figures for whole-numbered weights, by its own `metrics`.

    Args:
        output: whose `metrics` judges.
        truth: N labelled images.
        results: one per image.

    Returns:
        (R, N) weights -> figure -> (R,) float64; NaN where nothing is to be measured.
    """

    def weighed(weights: np.ndarray) -> dict[str, np.ndarray]:
        figures = {name: np.full(len(weights), np.nan) for name in output.primary_metrics}
        for row, counts in enumerate(weights):
            chosen = np.repeat(np.arange(len(truth)), np.round(counts).astype(int))
            if not len(chosen):
                continue
            images = replace(truth, examples=tuple(truth.examples[i] for i in chosen))
            found = output.metrics(images, [results[i] for i in chosen])
            for name, values in figures.items():
                values[row] = np.nan if found.get(name) is None else found[name]
        return figures

    return weighed
