"""Metrics of an anomaly detector.

Images have targets (C,), 1 at `NORMAL` for normal ones, and some have masks; results have `score`, `heat`, `corners`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from cityzoo.data.image.decode import read_image
from cityzoo.metrics.weighted import (
    WeightedMetrics,
    divide,
    map_in_blocks,
    threshold_at_false_alarm_rate,
    weighted_ranking,
)
from cityzoo.sample import ImageExample, ImageSet

NORMAL = 0  # position in the class names
PIXEL_STEP = 2  # every second row and column: a quarter of the pixels gives the same AUROC
Corners = tuple[float, float, float, float]


def anomaly_metrics(truth: ImageSet, results: Sequence[Any]) -> dict[str, Any]:
    """Return AUROC and average precision of frames, AUROC of pixels, and mean scores.

    Returns:
        None for metrics that the images cannot give, without anomalies, normal frames or masks.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    anomalous = anomaly_mask(truth)
    scores = np.array([result.score for result in results])
    both = anomalous.any() and not anomalous.all()
    return {
        "image_auroc": float(roc_auc_score(anomalous, scores)) if both else None,
        "image_ap": float(average_precision_score(anomalous, scores)) if both else None,
        "pixel_auroc": _pixel_auroc(truth, results),
        "n_images": len(truth),
        "n_anomalies": int(anomalous.sum()),
        "mean_score_normal": float(scores[~anomalous].mean()) if not anomalous.all() else None,
        "mean_score_anomaly": float(scores[anomalous].mean()) if anomalous.any() else None,
    }


def anomaly_mask(truth: ImageSet) -> np.ndarray:
    """Return which images are anomalies, (N,) bool; False for those without a target."""
    return np.array([_is_anomaly(image) for image in truth.examples])


def _is_anomaly(image: ImageExample) -> bool:
    return bool(image.target is not None and image.target[NORMAL] < 0.5)


def _pixel_auroc(truth: ImageSet, results: Sequence[Any]) -> float | None:
    from sklearn.metrics import roc_auc_score

    pixels = [(inside, heat) for _, inside, heat in labeled_pixels(truth, results)]
    if not any(inside.any() for inside, _ in pixels) or all(inside.all() for inside, _ in pixels):
        return None
    labels, scores = zip(*pixels, strict=True)
    return float(roc_auc_score(np.concatenate(labels), np.concatenate(scores)))


def labeled_pixels(truth: ImageSet, results: Sequence[Any]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the labels and scores of pixels; anomalies without a mask are left out.

    Yields:
        position of the image, (P,) bool whether a pixel belongs to an anomaly, (P,) float32 heat.
    """
    for number, (image, result) in enumerate(zip(truth.examples, results, strict=True)):
        if not _is_anomaly(image) or image.mask:
            heat = resize_heatmap(result.heat, result.corners, image.size_hw)[::PIXEL_STEP, ::PIXEL_STEP]
            yield number, _pixel_mask(image)[::PIXEL_STEP, ::PIXEL_STEP].ravel(), heat.ravel()


def _pixel_mask(image: ImageExample) -> np.ndarray:
    return read_image(image.mask)[..., 0] > 0 if image.mask else np.zeros(image.size_hw, bool)


def resize_heatmap(values: np.ndarray, corners: Corners, size_hw: tuple[int, int]) -> np.ndarray:
    """Return a coarse map at the size of its image, bilinearly interpolated.

    Args:
        values: (h, w) float.
        corners: of the map in the image: x1, y1, x2, y2 pixels, possibly outside of it.
        size_hw: height and width of the image, pixels.

    Returns:
        (H, W) float32.

    Example:
        >>> resize_heatmap(np.array([[0.0, 8.0]]), (0, 0, 4, 2), (2, 4)).tolist()[0]
        [0.0, 2.0, 6.0, 8.0]
    """
    (x1, y1, x2, y2), (height, width) = corners, values.shape
    scale_x, scale_y = (x2 - x1) / width, (y2 - y1) / height
    # Pixel centers lie at halves, in the image and in the map.
    matrix = np.array([[scale_x, 0, x1 + scale_x / 2 - 0.5], [0, scale_y, y1 + scale_y / 2 - 0.5]])
    linear = {"flags": cv2.INTER_LINEAR, "borderMode": cv2.BORDER_REPLICATE}
    return cv2.warpAffine(np.asarray(values, np.float32), matrix, size_hw[::-1], **linear)


def alarm_threshold(truth: ImageSet, results: Sequence[Any], per_1000: float) -> dict[str, float | None]:
    """Return the lowest score threshold that keeps false alarms to a target rate, and its recall.

    Args:
        per_1000: maximum false alarms per 1,000 normal frames.

    Returns:
        `threshold`, None without normal frames; `recall`; rate of false alarms and its allowed maximum; number of
        normal frames, and the smallest rate above 0 that so many can show.
    """
    anomalous = anomaly_mask(truth)
    scores = np.array([result.score for result in results])
    normal = scores[~anomalous]
    if not len(normal):
        return {"threshold": None, "recall": None, "false_alarms_per_1000": None, "frames_normal": 0}
    threshold = threshold_at_false_alarm_rate(normal, per_1000)
    return {
        "threshold": threshold,
        "recall": float((scores[anomalous] >= threshold).mean()) if anomalous.any() else None,
        "false_alarms_per_1000": float((normal >= threshold).mean() * 1000),
        "max_false_alarms_per_1000": per_1000,
        "frames_normal": len(normal),
        "smallest_rate_shown": 1000 / len(normal),
    }


def weighted_anomaly_metrics(truth: ImageSet, results: Sequence[Any]) -> WeightedMetrics:
    """Return the metrics of `anomaly_metrics` as a function of the images' weights, exact; masks are read once."""
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
