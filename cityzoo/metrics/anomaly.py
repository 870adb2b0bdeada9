"""Figures of an anomaly detector, and what a page shows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.thresholds import threshold_at_false_alarm_rate
from cityzoo.report.layout import Card, Layout
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize.heatmap import resize_heatmap

NORMAL = 0
PIXEL_STEP = 2  # every second row and column counts: a quarter of the pixels tells the same
MEANINGS = {
    "image_auroc": "chance that a frame with an anomaly scores higher than a normal one, 1 is perfect",
    "pixel_auroc": "the same for pixels of an anomaly and all others: does the heat map point at it?",
    "image_ap": "average precision of frames: how pure the top of the list is",
}


def anomaly_metrics(truth: ImageSet, results: Sequence[Any]) -> dict[str, Any]:
    """Return AUROC and average precision of frames, AUROC of pixels, and mean scores.

    Args:
        truth: images whose target (C,) says whether they are normal (its first number), some with masks.
        results: with `score`, `heat` and `corners`.

    Returns:
        None for figures that the images cannot give: no anomaly, no normal frame, no mask.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    strange = anomalies(truth)
    scores = np.array([result.score for result in results])
    both = strange.any() and not strange.all()
    return {
        "image_auroc": float(roc_auc_score(strange, scores)) if both else None,
        "image_ap": float(average_precision_score(strange, scores)) if both else None,
        "pixel_auroc": _pixel_auroc(truth, results),
        "n_images": len(truth),
        "n_anomalies": int(strange.sum()),
        "mean_score_normal": float(scores[~strange].mean()) if not strange.all() else None,
        "mean_score_anomaly": float(scores[strange].mean()) if strange.any() else None,
    }


def anomalies(truth: ImageSet) -> np.ndarray:
    """Return which images are anomalies, (N,) bool; those without a target are not."""
    return np.array([_is_strange(image) for image in truth.examples])


def _is_strange(image: ImageExample) -> bool:
    return bool(image.target is not None and image.target[NORMAL] < 0.5)


def _pixel_auroc(truth: ImageSet, results: Sequence[Any]) -> float | None:
    from sklearn.metrics import roc_auc_score

    pixels = [(shown, heat) for _, shown, heat in judged_pixels(truth, results)]
    if not any(shown.any() for shown, _ in pixels) or all(shown.all() for shown, _ in pixels):
        return None
    labels, scores = zip(*pixels, strict=True)
    return float(roc_auc_score(np.concatenate(labels), np.concatenate(scores)))


def judged_pixels(truth: ImageSet, results: Sequence[Any]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the pixels that count of each image but of anomalies without a mask: where those are was not said.

    Args:
        truth: images with targets, some with masks.
        results: with `heat` and `corners`.

    Yields:
        position of the image, (P,) bool whether a pixel is of an anomaly, (P,) float32 heat.
    """
    for number, (image, result) in enumerate(zip(truth.examples, results, strict=True)):
        if not _is_strange(image) or image.mask:
            heat = resize_heatmap(result.heat, result.corners, image.size_hw)[::PIXEL_STEP, ::PIXEL_STEP]
            yield number, _mask(image)[::PIXEL_STEP, ::PIXEL_STEP].ravel(), heat.ravel()


def _mask(image: ImageExample) -> np.ndarray:
    from cityzoo.data.image.decode import read_image

    return read_image(image.mask)[..., 0] > 0 if image.mask else np.zeros(image.size_hw, bool)


def alarm_threshold(truth: ImageSet, results: Sequence[Any], per_1000: float) -> dict[str, float | None]:
    """Return the lowest score that keeps false alarms to a wanted rate, and what it finds.

    Args:
        truth: images with targets.
        results: with `score`.
        per_1000: alarms wanted at most in 1,000 normal frames.

    Returns:
        `threshold`, None without normal frames; `recall`; the rate of false alarms; the number of normal frames and
        the smallest rate that so many can show.
    """
    strange = anomalies(truth)
    scores = np.array([result.score for result in results])
    normal = scores[~strange]
    if not len(normal):
        return {"threshold": None, "recall": None, "false_alarms_per_1000": None, "frames_normal": 0}
    threshold = threshold_at_false_alarm_rate(normal, per_1000)
    return {
        "threshold": threshold,
        "recall": float((scores[strange] >= threshold).mean()) if strange.any() else None,
        "false_alarms_per_1000": float((normal >= threshold).mean() * 1000),
        "frames_normal": len(normal),
        "smallest_rate_shown": 1000 / len(normal),
    }


def anomaly_layout(report: dict[str, Any], per_1000: float) -> Layout:
    """Return what a page shows of an anomaly detector's report."""
    remark = (
        f"An alarm is a score of {{alarm/threshold}} or more. At most {per_1000:g} false alarms in 1,000 normal frames "
        "were wanted, and the held-out ones set it: expect more elsewhere."
    )
    known = (report.get("alarm") or {}).get("threshold") is not None
    return Layout(
        (
            Card("image_auroc", "AUROC of frames", "how well frames with an anomaly rank before normal ones"),
            Card("pixel_auroc", "AUROC of pixels", "how well the heat map points at it"),
            Card("alarm/recall", "found", "of the anomalies, at the threshold for alarms", "share"),
            Card("alarm/threshold", "threshold", "score from which an alarm is raised"),
        ),
        MEANINGS,
        remark=remark if known else "",
        images={
            "found": "Anomalies that raise the alarm",
            "missed": "Anomalies that do not",
            "false": "Normal frames that score highest",
        },
        legend=(("", "glowing: far from everything that was seen in normal frames"),),
    )
