"""Weighted boxes fusion of several detectors (Solovyev et al. 2021, arXiv 1910.13302). NumPy only, without Keras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heads.detection_decode import decode_detections, iou_one_to_many

Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]  # (N, 4) xyxy, (N,) scores, (N,) labels
NO_CLASS = -100.0  # logit of a class that a fused box does not have


def fuse_boxes(found: Sequence[Boxes], weights: Sequence[float], iou: float = 0.55) -> Boxes:
    """Replace the boxes that several detectors found of one object by their mean, weighted by score.

    In the order of their scores, a box joins the fused box of its class that it overlaps most, if by more than `iou`,
    else it starts one. The score is the mean over all detectors: one that did not find the object counts as 0.

    Args:
        found: boxes, scores and labels that each detector found in one image.
        weights: of each detector, above 0.
        iou: least IoU of boxes of one object, exclusive.

    Returns:
        The same of the fused boxes, best first: float64, float64, int.

    Example:
        >>> one = np.array([[0.0, 0, 10, 10]]), np.array([0.9]), np.array([0])
        >>> two = np.array([[0.0, 0, 10, 12]]), np.array([0.3]), np.array([0])
        >>> boxes, scores, labels = fuse_boxes([one, two], [1.0, 1.0])
        >>> np.round(boxes, 3).tolist(), np.round(scores, 3).tolist(), labels.tolist()
        ([[0.0, 0.0, 10.0, 10.5]], [0.6], [0])
    """
    shares = np.asarray(weights, float)
    boxes = np.concatenate([np.reshape(each[0], (-1, 4)) for each in found]).astype(float)
    scores = np.concatenate([share * each[1] for share, each in zip(shares, found, strict=True)])
    labels = np.concatenate([each[2] for each in found]).astype(int)
    order = np.argsort(-scores, kind="stable")
    fused: list[Boxes] = [
        _fuse_class(boxes[rows], scores[rows], label, len(shares), shares.sum(), iou)
        for label in np.unique(labels)
        for rows in [order[labels[order] == label]]
    ]
    if not fused:
        return np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)
    joined = [np.concatenate(column) for column in zip(*fused, strict=True)]
    best = np.argsort(-joined[1], kind="stable")
    return joined[0][best], joined[1][best], joined[2][best]


def _fuse_class(
    boxes: np.ndarray, scores: np.ndarray, label: int, detectors: int, total: float, iou: float
) -> Boxes:
    fused = np.zeros((len(boxes), 4))
    sums, counts, size = np.zeros((len(boxes), 5)), np.zeros(len(boxes), int), 0
    for box, score in zip(boxes, scores, strict=True):
        overlaps = iou_one_to_many(box, fused[:size])
        place = int(np.argmax(overlaps)) if size and overlaps.max() > iou else size
        size = max(size, place + 1)
        sums[place] += [*(score * box), score]
        counts[place] += 1
        fused[place] = sums[place, :4] / sums[place, 4]
    means = sums[:size, 4] / np.maximum(counts[:size], 1)
    means *= np.minimum(counts[:size], detectors) / total  # detectors that found nothing there count as 0
    return fused[:size], means, np.full(size, label)


def fuse_detectors(
    outputs: Sequence[np.ndarray], weights: Sequence[float], iou: float, most: int = 100
) -> np.ndarray:
    """Return the fused detections of several detectors in the form of one detector's output.

    Args:
        outputs: (batch, points, 4 + classes) of each, as `heads.detection.DetectionHead` returns.
        weights: of each detector, above 0.
        iou: see `fuse_boxes`.
        most: maximum number of boxes per image.

    Returns:
        (batch, most, 4 + classes) float32: a box and the logits of its class and no other in each row; in rows that
        are left over, of no class.

    Example:
        >>> dense = np.array([[[0, 0, 8, 8, 2.0, -9.0]]], np.float32)
        >>> fuse_detectors([dense, dense], [0.5, 0.5], 0.55, most=2).round(3).tolist()
        [[[0.0, 0.0, 8.0, 8.0, 2.0, -100.0], [0.0, 0.0, 0.0, 0.0, -100.0, -100.0]]]
    """
    batches = [decode_detections(each) for each in outputs]
    rows = np.zeros((len(outputs[0]), most, outputs[0].shape[-1]), np.float32)
    rows[..., 4:] = NO_CLASS
    for row, found in zip(rows, zip(*batches, strict=True), strict=True):
        boxes, scores, labels = (column[:most] for column in fuse_boxes(found, weights, iou))
        row[: len(boxes), :4] = boxes
        sure = np.clip(scores, 1e-12, 1 - 1e-7)
        row[np.arange(len(boxes)), 4 + labels] = np.log(sure / (1 - sure))
    return rows
