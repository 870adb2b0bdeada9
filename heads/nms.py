"""Remove duplicate boxes. NumPy alone, so that it runs wherever a model is served."""

from __future__ import annotations

import numpy as np

BEFORE_NMS = 500  # best (point, class) pairs that are looked at: the rest could not reach 100 detections


def iou_one_to_many(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the IoU of one box with each of many.

    Args:
        box: (4,) float, pixels, xyxy.
        boxes: (N, 4) float, pixels, xyxy.

    Returns:
        (N,) float, 0..1; two boxes of no area have an IoU of 0.

    Example:
        >>> iou_one_to_many(np.array([0, 0, 4, 4.0]), np.array([[0, 0, 4, 4], [2, 0, 6, 4.0]])).round(3).tolist()
        [1.0, 0.333]
    """
    overlap = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(overlap, 0.0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / np.maximum(np.prod(box[2:] - box[:2]) + areas - shared, 1e-9)


def class_wise_nms(
    boxes: np.ndarray, scores: np.ndarray, score: float, iou: float, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep the best box of each object, class by class.

    A point may answer with several classes. Of two boxes of one class that overlap by more than `iou`,
    the one with the lower score goes; boxes of different classes never remove each other.

    Args:
        boxes: (points, 4) float32, pixels, xyxy.
        scores: (points, classes) float32, 0..1.
        score: lowest score that counts.
        iou: highest IoU that two boxes of one class may have.
        most: boxes that are returned at most.

    Returns:
        boxes (N, 4) float32, scores (N,) float32, labels (N,) int32; best first, ties in the order of points.

    Example:
        >>> boxes = np.array([[0, 0, 8, 8], [0, 0, 8, 7], [20, 0, 28, 8.0]])
        >>> scores = np.array([[0.75, 0.25], [0.625, 0.0], [0.5, 0.0]])
        >>> class_wise_nms(boxes, scores, 0.1, 0.5, 100)[1].tolist()  # the second is the first again
        [0.75, 0.5, 0.25]
    """
    points, labels = class_wise_nms_indices(boxes, scores, score, iou, most)
    return (
        boxes[points].astype(np.float32),
        scores[points, labels].astype(np.float32),
        labels.astype(np.int32),
    )


def class_wise_nms_indices(
    boxes: np.ndarray, scores: np.ndarray, score: float, iou: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which answers `class_wise_nms` keeps, in its order, with the same arguments.

    Returns:
        points (N,) int, rows of `boxes`; labels (N,) int, columns of `scores`.

    Example:
        >>> boxes = np.array([[0, 0, 8, 8], [0, 0, 8, 7], [20, 0, 28, 8.0]])
        >>> scores = np.array([[0.75, 0.25], [0.625, 0.0], [0.5, 0.0]])
        >>> [each.tolist() for each in class_wise_nms_indices(boxes, scores, 0.1, 0.5, 100)]
        [[0, 2, 0], [0, 0, 1]]
    """
    points, labels = np.nonzero(scores >= score)
    order = np.argsort(-scores[points, labels], kind="stable")[:BEFORE_NMS]
    points, labels = points[order], labels[order]
    boxes = boxes[points]
    alive = np.ones(len(order), bool)
    kept: list[int] = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(i)
        if len(kept) == most:
            break
        rivals = i + 1 + np.flatnonzero(alive[i + 1 :] & (labels[i + 1 :] == labels[i]))
        alive[rivals[iou_one_to_many(boxes[i], boxes[rivals]) > iou]] = False
    return points[kept], labels[kept]
