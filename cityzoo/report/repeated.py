"""Figures of weighted pictures for any kind of output: each picture is repeated as often as it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cityzoo.kinds import Kind, Weighed
    from cityzoo.sample import PictureSet


def weighed_by_repeating(kind: Kind, truth: PictureSet, results: Sequence[Any]) -> Weighed:
    """Return what gives a kind's headline figures for whole-numbered weights, by its own `metrics`.

    Args:
        kind: whose `metrics` judges.
        truth: N labelled pictures.
        results: one a picture.

    Returns:
        (R, N) weights -> figure -> (R,) float64; NaN where nothing is to be measured.
    """

    def weighed(weights: np.ndarray) -> dict[str, np.ndarray]:
        figures = {name: np.full(len(weights), np.nan) for name in kind.headline}
        for row, counts in enumerate(weights):
            chosen = np.repeat(np.arange(len(truth)), np.round(counts).astype(int))
            if not len(chosen):
                continue
            pictures = replace(truth, pictures=tuple(truth.pictures[i] for i in chosen))
            found = kind.metrics(pictures, [results[i] for i in chosen])
            for name, values in figures.items():
                values[row] = np.nan if found.get(name) is None else found[name]
        return figures

    return weighed
