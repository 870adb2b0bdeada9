"""Metrics of slices of a set of examples, and the slice that is worst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cityzoo.metrics.weighted import WeightedMetrics, bootstrap_weights, interval

LEAST_IMAGES = 5  # of a slice, for an interval
LEAST_OF_WORST, FEW = 10, 50  # images of the worst slice; 5 in sets of fewer than 50


def slice_metrics(
    weighted: WeightedMetrics,
    masks: Mapping[str, Mapping[str, np.ndarray]],
    figure: str,
    seed: int,
    draws: int = 400,
    lower: bool = False,
) -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, Any] | None]:
    """Return a metric of each slice with its interval, and the worst slice.

    Args:
        weighted: metrics as a function of the images' weights.
        masks: as `Modality.slices` returns them.
        figure: place of the metric.
        seed: of the bootstrap, which resamples within each slice.
        draws: bootstrap samples per slice.
        lower: whether the metric is better when lower.

    Returns:
        attribute -> slice -> `n` images, the metric, `low` and `high` of its 95 % interval; None where nothing can be
        measured, and for the interval of fewer than 5 images. And the slice furthest behind all images, among those
        with at least 10 images (5 in sets of fewer than 50) whose interval excludes the metric of all images, or None.
        Without correction for multiple tests: about one slice in twenty is called worse by chance.

    Example:
        >>> right = np.repeat([1.0, 0.0], [75, 25])
        >>> accuracy = lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}
        >>> night = np.arange(100) >= 60
        >>> slices, worst = slice_metrics(accuracy, {"brightness": {"night": night, "day": ~night}}, "accuracy", 0)
        >>> slices["brightness"]["day"]
        {'n': 60, 'accuracy': 1.0, 'low': 1.0, 'high': 1.0}
        >>> worst["name"], worst["value"], worst["overall"], worst["high"] < 0.75
        ('night', 0.375, 0.75, True)
    """
    named = [
        (by, name, np.asarray(mask, bool)) for by, slices in masks.items() for name, mask in slices.items()
    ]
    if not named:
        return {}, None
    count = len(named[0][2])
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    behind = []
    values = weighted(np.array([np.ones(count), *(mask for _, _, mask in named)], np.float64))[figure]
    overall, sign = values[0], 1 if lower else -1
    for (by, name, mask), value in zip(named, values[1:], strict=True):
        n, known = int(mask.sum()), bool(np.isfinite(value))
        low, high = (_interval_of(weighted, mask, figure, seed, draws) if known else None) or (None, None)
        shown = float(value) if known else None
        rows.setdefault(by, {})[name] = {"n": n, figure: shown, "low": low, "high": high}
        enough = n >= (LEAST_OF_WORST if count >= FEW else LEAST_IMAGES)
        if enough and low is not None and (low > overall if lower else high < overall):
            row = {"by": by, "name": name, "n": n, "figure": figure, "value": shown, "low": low, "high": high}
            behind.append((sign * (value - overall), {**row, "overall": float(overall)}))
    return rows, max(behind, key=lambda pair: pair[0])[1] if behind else None


def _interval_of(
    weighted: WeightedMetrics, mask: np.ndarray, figure: str, seed: int, draws: int
) -> list[float] | None:
    if mask.sum() < LEAST_IMAGES:
        return None
    weights = np.zeros((draws, len(mask)))
    weights[:, mask] = bootstrap_weights(int(mask.sum()), draws, seed)
    return interval(weighted(weights)[figure])
