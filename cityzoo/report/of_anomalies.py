"""Figures of an anomaly detector, and what a page shows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cityzoo.report.false_alarms import threshold_for
from cityzoo.report.heat import stretched
from cityzoo.report.layout import Card, Layout
from cityzoo.sample import Picture, PictureSet

NORMAL = 0
PIXEL_STEP = 2  # every second row and column counts: a quarter of the pixels tells the same
MEANINGS = {
    "image_auroc": "chance that a frame with an anomaly scores higher than a normal one, 1 is perfect",
    "pixel_auroc": "the same for pixels of an anomaly and all others: does the heat map point at it?",
    "image_ap": "average precision of frames: how pure the top of the list is",
}


def anomaly_metrics(truth: PictureSet, results: Sequence[Any]) -> dict[str, Any]:
    """Return AUROC and average precision of frames, AUROC of pixels, and mean scores.

    Args:
        truth: pictures whose target (C,) says whether they are normal (its first number), some with masks.
        results: with `score`, `heat` and `corners`.

    Returns:
        None for figures that the pictures cannot give: no anomaly, no normal frame, no mask.
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


def anomalies(truth: PictureSet) -> np.ndarray:
    """Return which pictures are anomalies, (N,) bool; those without a target are not."""
    return np.array([_is_strange(picture) for picture in truth.pictures])


def _is_strange(picture: Picture) -> bool:
    return bool(picture.target is not None and picture.target[NORMAL] < 0.5)


def _pixel_auroc(truth: PictureSet, results: Sequence[Any]) -> float | None:
    from sklearn.metrics import roc_auc_score

    pixels = [(shown, heat) for _, shown, heat in judged_pixels(truth, results)]
    if not any(shown.any() for shown, _ in pixels) or all(shown.all() for shown, _ in pixels):
        return None
    labels, scores = zip(*pixels, strict=True)
    return float(roc_auc_score(np.concatenate(labels), np.concatenate(scores)))


def judged_pixels(truth: PictureSet, results: Sequence[Any]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the pixels that count of each picture but of anomalies without a mask: where those are was not said.

    Args:
        truth: pictures with targets, some with masks.
        results: with `heat` and `corners`.

    Yields:
        position of the picture, (P,) bool whether a pixel is of an anomaly, (P,) float32 heat.
    """
    for number, (picture, result) in enumerate(zip(truth.pictures, results, strict=True)):
        if not _is_strange(picture) or picture.mask:
            heat = stretched(result.heat, result.corners, picture.size_hw)[::PIXEL_STEP, ::PIXEL_STEP]
            yield number, _mask(picture)[::PIXEL_STEP, ::PIXEL_STEP].ravel(), heat.ravel()


def _mask(picture: Picture) -> np.ndarray:
    from cityzoo.data.pictures import read_picture

    return read_picture(picture.mask)[..., 0] > 0 if picture.mask else np.zeros(picture.size_hw, bool)


def alarm_threshold(truth: PictureSet, results: Sequence[Any], per_1000: float) -> dict[str, float | None]:
    """Return the lowest score that keeps false alarms to a wanted rate, and what it finds.

    Args:
        truth: pictures with targets.
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
    threshold = threshold_for(normal, per_1000)
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
        pictures={
            "found": "Anomalies that raise the alarm",
            "missed": "Anomalies that do not",
            "false": "Normal frames that score highest",
        },
        legend=(("", "glowing: far from everything that was seen in normal frames"),),
    )
