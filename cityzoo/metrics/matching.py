"""Matching of detections and objects at IoU .5, as in the COCO evaluation, and the best score threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import Detections, ImageExample, ImageSet

IOU_THRESHOLD = 0.5
UNDECIDED = 0.5  # threshold where no score is better than another
UNMATCHED = -1  # position of a false alarm's box


def match(image: ImageExample, found: Detections, threshold: float = 0.0) -> np.ndarray:
    """Return for each detection the position of the annotated box that it matches.

    Best score first, each detection takes the free box of its class that it overlaps most, if their IoU is at least .5.

    Args:
        image: with its annotated boxes.
        found: detections in pixels of the same image.
        threshold: detections with a lower score are unmatched.

    Returns:
        (N,) int, positions in the image's boxes, `UNMATCHED` for a false alarm.

    Reference: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014.
    """
    owner = np.full(len(found), UNMATCHED)
    if not len(found) or not len(image.labels):
        return owner
    iou = np.where(found.labels[:, None] == image.labels, box_iou(found.boxes_xyxy, image.boxes_xyxy), 0.0)
    candidates = (iou >= IOU_THRESHOLD).any(axis=1) & (found.scores >= threshold)
    for i in np.argsort(-found.scores, kind="stable"):
        if not candidates[i]:
            continue
        # among equals the last one, like the COCO evaluation
        best = iou.shape[1] - 1 - int(np.argmax(iou[i, ::-1]))
        if iou[i, best] >= IOU_THRESHOLD:
            owner[i] = best
            iou[:, best] = 0.0
    return owner


def best_scores(image: ImageExample, found: Detections) -> np.ndarray:
    """Return for each annotated box the highest score of a detection of its class with an IoU of at least .5.

    Example:
        >>> street = ImageExample("a.jpg", (9, 9), [[0, 0, 4, 4], [5, 5, 9, 9]], [0, 0])
        >>> best_scores(street, Detections([[0, 0, 4, 3], [0, 0, 4, 4]], [0.75, 0.5], [0, 0])).tolist()
        [0.75, 0.0]
    """
    if not len(image.labels) or not len(found):
        return np.zeros(len(image.labels))
    hits = box_iou(found.boxes_xyxy, image.boxes_xyxy) >= IOU_THRESHOLD
    hits &= found.labels[:, None] == image.labels
    return np.where(hits, found.scores[:, None], 0.0).max(axis=0).astype(np.float64)


def operating_threshold(truth: ImageSet, detections: Sequence[Detections]) -> dict[str, float | None]:
    """Return the score threshold with the highest F1 at IoU .5, all classes together.

    Returns:
        `score`, `precision`, `recall` and `f1`, 0..1, of detections with that score or more. Those at .5 where no
        detection matches; None where a number is undefined.

    Raises:
        InputError: not one Detections per image.
    """
    require_one_per_image(truth, detections)
    n_boxes = sum(len(image.labels) for image in truth.examples)
    # A detection's match depends on higher scores only: one matching serves all thresholds.
    matches = map(match, truth.examples, detections)
    hits = np.concatenate([*matches, np.zeros(0, int)]) != UNMATCHED
    scores = np.concatenate([*(found.scores for found in detections), np.zeros(0, np.float32)])
    if not hits.any():
        any_kept = bool((scores >= UNDECIDED).any())
        counted = {"precision": any_kept, "recall": n_boxes > 0, "f1": any_kept or n_boxes > 0}
        return {"score": UNDECIDED, **{name: 0.0 if known else None for name, known in counted.items()}}
    scores, kept, true_positives = tally(scores, hits)
    f1 = 2 * true_positives / (kept + n_boxes)
    best = int(np.argmax(f1))
    return {
        "score": float(scores[best]),
        "precision": float(true_positives[best] / kept[best]),
        "recall": float(true_positives[best] / n_boxes),
        "f1": float(f1[best]),
    }


def tally(scores: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the numbers of detections and hits at each threshold.

    Args:
        scores: (N,) of the detections, in any order.
        hits: (N,) bool, whether each matches an object.

    Returns:
        (T,) distinct scores, descending; (T,) int detections with that score or more; (T,) int hits among them.

    Example:
        >>> [column.tolist() for column in tally(np.array([0.5, 0.9, 0.5]), np.array([True, True, False]))]
        [[0.9, 0.5], [1, 3], [1, 2]]
    """
    order = np.argsort(-scores, kind="stable")
    scores, true_positives = scores[order], np.cumsum(hits[order])
    last = np.flatnonzero(scores != np.append(scores[1:], np.nan))  # of each score
    return scores[last], last + 1, true_positives[last]


def box_xywh(boxes_xyxy: np.ndarray) -> np.ndarray:
    """Return (N, 4) float64 boxes x, y, width, height, COCO's format, of (N, 4) x1, y1, x2, y2.

    Example:
        >>> box_xywh(np.array([[1, 2, 4, 8]])).tolist()
        [[1.0, 2.0, 3.0, 6.0]]
    """
    boxes = boxes_xyxy.astype(np.float64)  # float32 loses digits of the width far from the origin
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def require_one_per_image(truth: ImageSet, detections: Sequence[Detections]) -> None:
    """Raise InputError unless there is one Detections per image."""
    if len(truth) != len(detections):
        raise InputError(
            f"{len(detections)} detections for {len(truth)} images: "
            "give one Detections per image, including empty ones"
        )


def box_iou(boxes_xyxy: np.ndarray, others_xyxy: np.ndarray) -> np.ndarray:
    """Return (N, M) IoU of (N, 4) and (M, 4) boxes, x1, y1, x2, y2, by the code that computes AP.

    Example:
        >>> box_iou(np.array([[0, 0, 4, 4]]), np.array([[0, 0, 4, 2], [4, 4, 8, 8]])).tolist()
        [[0.5, 0.0]]
    """
    from faster_coco_eval.core import mask

    if not len(boxes_xyxy) or not len(others_xyxy):
        return np.zeros((len(boxes_xyxy), len(others_xyxy)))
    first, second = box_xywh(boxes_xyxy), box_xywh(others_xyxy)
    return np.asarray(mask.iou(first, second, [0] * len(second))).reshape(len(first), len(second))
