"""Metrics of an anomaly detector with a weight for each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.anomaly import anomaly_mask, labeled_pixels
from cityzoo.metrics.weighted import WeightedMetrics, divide, map_in_blocks, weighted_ranking
from cityzoo.sample import ImageSet


def weighted_anomaly_metrics(truth: ImageSet, results: Sequence[Any]) -> WeightedMetrics:
    """Return the metrics of `anomaly_metrics` as a function of the images' weights, all of them exact.

    Args:
        truth: N images with targets, some with masks; masks are read once, here.
        results: with `score`, `heat` and `corners`.

    Example:
        >>> from types import SimpleNamespace
        >>> from cityzoo.sample import ImageExample
        >>> frames = tuple(ImageExample(f"{i}.jpg", (2, 2), target=np.eye(2, dtype="f4")[i % 2]) for i in range(4))
        >>> flat = {"heat": np.zeros((1, 1), "f4"), "corners": (0, 0, 2, 2)}
        >>> results = [SimpleNamespace(score=score, **flat) for score in (1, 2, 4, 3)]
        >>> weighted = weighted_anomaly_metrics(ImageSet("val", ("normal", "anomaly"), frames), results)
        >>> weighted(np.array([[1, 1, 1, 1], [3, 1, 1, 1], [1, 0, 1, 0]]))["image_auroc"].tolist()
        [0.5, 0.75, nan]
    """
    anomalous, scores = anomaly_mask(truth), np.array([result.score for result in results], np.float64)
    by_frame, by_pixel = weighted_ranking(anomalous, scores), _weighted_pixel_auroc(truth, results)
    columns = np.stack([anomalous, ~anomalous, anomalous * scores, ~anomalous * scores], axis=1)
    columns = columns.astype(np.float64)

    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        auroc, precision = by_frame(weights)
        odd, normal, score_odd, score_normal = (weights @ columns).T
        return {
            "image_auroc": auroc,
            "image_ap": np.where(np.isnan(auroc), np.nan, precision),  # needs both kinds of frames, too
            "pixel_auroc": by_pixel(weights),
            "mean_score_normal": divide(score_normal, normal),
            "mean_score_anomaly": divide(score_odd, odd),
        }

    return map_in_blocks(metrics, len(truth))


def _weighted_pixel_auroc(truth: ImageSet, results: Sequence[Any]) -> Callable[[np.ndarray], np.ndarray]:
    # AUROC is the share of pairs (pixel of an anomaly, other pixel) in which the first is hotter; a tie counts half.
    # Pairs won are counted once for every two images and then weighted by both images.
    pixels = list(labeled_pixels(truth, results))
    masked = {number: heat[inside] for number, inside, heat in pixels if inside.any()}
    rows, n_inside = np.array(list(masked), int), np.array([len(heat) for heat in masked.values()], int)
    heats = np.concatenate([*masked.values(), np.zeros(0, np.float32)])
    order = np.argsort(heats)
    ordered, owner = heats[order], np.repeat(np.arange(len(rows)), n_inside)[order]
    won, n_outside = np.zeros((len(rows), len(truth))), np.zeros(len(truth))
    for number, inside, heat in pixels if len(rows) else ():
        rest = np.sort(heat[~inside])
        below = (np.searchsorted(rest, ordered, "left") + np.searchsorted(rest, ordered, "right")) / 2
        won[:, number], n_outside[number] = np.bincount(owner, below, len(rows)), len(rest)

    def auroc(weights: np.ndarray) -> np.ndarray:
        masked_weights = weights[:, rows]
        pairs = (masked_weights @ n_inside) * (weights @ n_outside)
        return divide(((masked_weights @ won) * weights).sum(axis=1), pairs)

    return auroc
