"""Figures of an anomaly detector when some images count more often than others, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.metrics.anomaly import anomalies, judged_pixels
from cityzoo.metrics.weighted import map_in_blocks, ranking, share
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    from cityzoo.outputs import WeightedMetrics


def weighed_anomalies(truth: ImageSet, results: Sequence[Any]) -> WeightedMetrics:
    """Return what gives the figures of `anomaly_metrics` for weights of the images, all of them exactly.

    Args:
        truth: N images with targets, some with masks; masks are read once, here.
        results: with `score`, `heat` and `corners`.

    Returns:
        (R, N) float64 weights, 0 or more -> figure -> (R,) float64; NaN where nothing is to be measured.

    Example:
        >>> from cityzoo.outputs.anomaly import AnomalyResult
        >>> from cityzoo.sample import ImageExample
        >>> frames = tuple(ImageExample(f"{i}.jpg", (2, 2), target=np.eye(2, dtype="f4")[i % 2]) for i in range(4))
        >>> said = [AnomalyResult(score, np.zeros((1, 1), "f4"), (0, 0, 2, 2)) for score in (1, 2, 4, 3)]
        >>> weighed = weighed_anomalies(ImageSet("val", ("normal", "anomaly"), frames), said)
        >>> weighed(np.array([[1, 1, 1, 1], [3, 1, 1, 1], [1, 0, 1, 0]]))["image_auroc"].tolist()
        [0.5, 0.75, nan]
    """
    strange, scores = anomalies(truth), np.array([result.score for result in results], np.float64)
    by_frame, by_pixel = ranking(strange, scores), _by_pixel(truth, results)
    columns = np.stack([strange, ~strange, strange * scores, ~strange * scores], axis=1).astype(np.float64)

    def figures(weights: np.ndarray) -> dict[str, np.ndarray]:
        area, precision = by_frame(weights)
        odd, normal, score_odd, score_normal = (weights @ columns).T
        return {
            "image_auroc": area,
            "image_ap": np.where(
                np.isnan(area), np.nan, precision
            ),  # among anomalies alone all are found at once
            "pixel_auroc": by_pixel(weights),
            "mean_score_normal": share(score_normal, normal),
            "mean_score_anomaly": share(score_odd, odd),
        }

    return map_in_blocks(figures, len(truth))


def _by_pixel(truth: ImageSet, results: Sequence[Any]) -> Callable[[np.ndarray], np.ndarray]:
    # AUROC is the share of pairs, a pixel of an anomaly and another one, in which the first is hotter; a tie is half a
    # pair. Pairs won are counted once between every two images, and count as often as both images do.
    pixels = list(judged_pixels(truth, results))
    masked = {number: heat[shown] for number, shown, heat in pixels if shown.any()}
    rows, hot = np.array(list(masked), int), np.array([len(heat) for heat in masked.values()], int)
    heat_of_hot = np.concatenate([*masked.values(), np.zeros(0, np.float32)])
    order = np.argsort(heat_of_hot)
    asked, owner = heat_of_hot[order], np.repeat(np.arange(len(rows)), hot)[order]
    won, other = np.zeros((len(rows), len(truth))), np.zeros(len(truth))
    for number, shown, heat in pixels if len(rows) else ():
        rest = np.sort(heat[~shown])
        below = (np.searchsorted(rest, asked, "left") + np.searchsorted(rest, asked, "right")) / 2
        won[:, number], other[number] = np.bincount(owner, below, len(rows)), len(rest)

    def measured(weights: np.ndarray) -> np.ndarray:
        of_hot = weights[:, rows]
        return share(((of_hot @ won) * weights).sum(axis=1), (of_hot @ hot) * (weights @ other))

    return measured
