"""Weighted metrics of any output: each image is repeated as often as its weight says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cityzoo.metrics.weighted import WeightedMetrics
from cityzoo.sample import ImageSet


def weighted_metrics_by_repetition(
    metrics: Callable[[ImageSet, Sequence[Any]], dict[str, Any]],
    names: Sequence[str],
    truth: ImageSet,
    results: Sequence[Any],
) -> WeightedMetrics:
    """Return some metrics as a function of the images' weights, which are rounded to whole numbers.

    Args:
        metrics: metrics of unweighted images, such as `Output.metrics`.
        names: those to return.
        truth: N labeled images.
        results: one per image.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = ImageSet("val", (), tuple(ImageExample(f"{i}.jpg", (8, 8)) for i in range(3)))
        >>> mean = lambda truth, results: {"mean": np.mean(results)}
        >>> weighted_metrics_by_repetition(mean, ["mean"], images, [1, 2, 6])(np.array([[1, 1, 1], [0, 3, 1]]))["mean"].tolist()
        [3.0, 3.0]
    """

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        values = {name: np.full(len(weights), np.nan) for name in names}
        for row, counts in enumerate(weights):
            chosen = np.repeat(np.arange(len(truth)), np.round(counts).astype(int)).tolist()
            if not len(chosen):
                continue
            images = replace(truth, examples=tuple(truth.examples[i] for i in chosen))
            found = metrics(images, [results[i] for i in chosen])
            for name, column in values.items():
                column[row] = np.nan if found.get(name) is None else found[name]
        return values

    return weighted
