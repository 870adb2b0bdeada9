"""Assign objects to points of the pyramid for training."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

CANDIDATES = 10  # maximum points per object
SCORE_POWER, IOU_POWER = 0.5, 4.0  # alignment = score ** 0.5 * IoU ** 4: overlap dominates


class Assignment(NamedTuple):
    """Training target of each point.

    Attributes:
        boxes: (batch, points, 4) float32, pixels, xyxy; meaningful where `quality` > 0.
        classes: (batch, points, classes) float32, the target score of each class, 0..1.
        quality: (batch, points) float32, the sum of `classes` over the classes.
    """

    boxes: object
    classes: object
    quality: object


def anchor_points(size_hw: tuple[int, int], strides: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre of every cell of every level, in the order of the head's outputs.

    Args:
        size_hw: height and width of the network's input in pixels.
        strides: step of each level in pixels, e.g. (8, 16, 32).

    Returns:
        points (A, 2) float32 as x, y in pixels, and strides (A,) float32.
    """
    points, steps = [], []
    for stride in strides:
        rows, columns = -(-size_hw[0] // stride), -(-size_hw[1] // stride)
        y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        points.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride)
        steps.append(np.full(rows * columns, stride))
    return np.concatenate(points).astype("float32"), np.concatenate(steps).astype("float32")


def inside(points: np.ndarray, strides: np.ndarray, boxes):
    """Return which points lie in which boxes; boxes smaller than a cell are widened to one cell.

    Otherwise an object between the points of the finest level would never be assigned.

    Args:
        points: (A, 2) float32, pixels, x, y.
        strides: (A,) float32, pixels.
        boxes: (batch, N, 4) float32, pixels, xyxy.

    Returns:
        (batch, N, A) bool.
    """
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    halves = (boxes[..., 2:] - boxes[..., :2]) / 2
    finest = float(strides.min())
    reach = ops.maximum(halves, finest / 2)[:, :, None, :]
    offset = ops.abs(points[None, None] - centres[:, :, None, :])
    return ops.all(offset <= reach, axis=-1)  # <=: a box centered between two points contains both


def assign(
    boxes, labels, predicted_boxes, predicted_scores, points: np.ndarray, strides: np.ndarray
) -> Assignment:
    """Assign to each object the points with the best current scores and boxes.

    Task-aligned assignment; Feng et al. 2021, "TOOD: Task-aligned One-stage Object Detection"
    (arXiv 2108.07755): of the points within an object, the `CANDIDATES` with the highest alignment are
    assigned to it; a point of two objects goes to the one that it overlaps more; the target score of an
    object's best point is its IoU, the others' are proportionally lower.

    Args:
        boxes: (batch, N, 4) float32, pixels, xyxy; padded rows are -1.
        labels: (batch, N) int, class of each box; padded rows are -1.
        predicted_boxes: (batch, A, 4) float32, pixels, xyxy.
        predicted_scores: (batch, A, C) float32, 0..1.
        points: (A, 2) float32, pixels, x, y.
        strides: (A,) float32, pixels.

    Returns:
        The `Assignment`; images without objects have quality 0 everywhere.
    """
    num_classes = predicted_scores.shape[-1]
    one_hot = ops.one_hot(labels, num_classes, dtype="float32")  # a padded row (-1) becomes all zero
    iou = keras.utils.bounding_boxes.compute_iou(boxes, predicted_boxes, "xyxy")
    score = ops.matmul(one_hot, ops.transpose(predicted_scores, (0, 2, 1)))
    allowed = (
        ops.cast(inside(points, strides, boxes), "float32") * ops.cast(labels >= 0, "float32")[..., None]
    )
    alignment = allowed * score**SCORE_POWER * iou**IOU_POWER

    kth = ops.top_k(alignment, min(CANDIDATES, points.shape[0]))[0][..., -1:]
    chosen = alignment * ops.cast(ops.logical_and(alignment >= kth, alignment > 0), "float32")
    claimed = ops.where(chosen > 0, iou, -1.0)
    owner = ops.one_hot(ops.argmax(claimed, axis=1), boxes.shape[1], axis=1, dtype="float32")  # (batch, N, A)
    chosen = chosen * owner

    best_alignment = ops.max(chosen, axis=-1, keepdims=True)
    best_iou = ops.max(iou * ops.cast(chosen > 0, "float32"), axis=-1, keepdims=True)
    quality = chosen / (best_alignment + 1e-9) * best_iou  # (batch, N, A), at most one object per point
    return Assignment(
        boxes=ops.matmul(ops.transpose(owner, (0, 2, 1)), boxes),
        classes=ops.matmul(ops.transpose(quality, (0, 2, 1)), one_hot),
        quality=ops.sum(quality, axis=1),
    )
