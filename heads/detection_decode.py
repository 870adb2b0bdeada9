"""Decode the raw outputs of a detector: scores and non-maximum suppression. NumPy only, without Keras."""

from __future__ import annotations

import numpy as np

BEFORE_NMS = 500  # best (point, class) pairs that are considered: the rest could not reach 100 detections


def decode_detections(
    outputs: np.ndarray, score: float = 0.001, iou: float = 0.65, most: int = 100
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return the detections of each image in a batch.

    Args:
        outputs: (batch, points, 4 + classes) float32, boxes and logits as `heads.detection.DetectionHead` returns them.
        score: lowest score of a detection, 0..1.
        iou: highest IoU that two detections of one class may have.
        most: maximum number of detections per image.

    Returns:
        For each image boxes (N, 4) float32 in pixels of the network's input, xyxy; scores (N,) float32;
        labels (N,) int32; best first.

    Example:
        >>> boxes, scores, labels = decode_detections(np.array([[[0, 0, 8, 8, -9.0, 0.0]]]), score=0.25)[0]
        >>> boxes.tolist(), scores.tolist(), labels.tolist()
        ([[0.0, 0.0, 8.0, 8.0]], [0.5], [1])
    """
    return [class_wise_nms(row[:, :4], _sigmoid(row[:, 4:]), score, iou, most) for row in np.asarray(outputs)]


def anchor_indices(
    output: np.ndarray, score: float = 0.001, iou: float = 0.65, most: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """Return where in an image's output each of its detections comes from, in the order of `decode_detections`.

    Args:
        output: (points, 4 + classes) float32, of one image.
        score: as in `decode_detections`.
        iou: as in `decode_detections`.
        most: as in `decode_detections`.

    Returns:
        (N,) int, rows of the output; (N,) int, its columns: 4 + the label.
    """
    points, labels = class_wise_nms_indices(output[:, :4], _sigmoid(output[:, 4:]), score, iou, most)
    return points, 4 + labels


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))


def iou_one_to_many(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the IoU of one box with each of many.

    Args:
        box: (4,) float, pixels, xyxy.
        boxes: (N, 4) float, pixels, xyxy.

    Returns:
        (N,) float, 0..1; two boxes of no area have an IoU of 0.
    """
    overlap = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(overlap, 0.0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / np.maximum(np.prod(box[2:] - box[:2]) + areas - shared, 1e-9)


def class_wise_nms(
    boxes: np.ndarray, scores: np.ndarray, score: float, iou: float, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keep the best box of each object, class by class.

    A point may yield several classes. Of two boxes of one class that overlap by more than `iou`,
    the one with the lower score is removed; boxes of different classes never remove each other.

    Args:
        boxes: (points, 4) float32, pixels, xyxy.
        scores: (points, classes) float32, 0..1.
        score: lowest score of a detection.
        iou: highest IoU that two boxes of one class may have.
        most: maximum number of boxes returned.

    Returns:
        boxes (N, 4) float32, scores (N,) float32, labels (N,) int32; best first, ties in the order of points.
    """
    points, labels = class_wise_nms_indices(boxes, scores, score, iou, most)
    scores = scores[points, labels].astype(np.float32)
    return boxes[points].astype(np.float32), scores, labels.astype(np.int32)


def class_wise_nms_indices(
    boxes: np.ndarray, scores: np.ndarray, score: float, iou: float, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of what `class_wise_nms` keeps, in its order, for the same arguments.

    Returns:
        points (N,) int, rows of `boxes`; labels (N,) int, columns of `scores`.
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
