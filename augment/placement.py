"""Plan the warp of every image of a batch, and its boxes, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from augment import affine
from augment.geometric import Canvas
from augment.policy import Policy
from augment.sampling import sampled_steps


@dataclass(frozen=True)
class Plan:
    """Result of the geometric steps of a policy.

    Attributes:
        matrices: (B, 3, 3) float32, pixels of the image -> pixels of the network's input.
        reductions: (B,) int, factor (1, 2, 4 or 8) by which an image may be decoded smaller.
        boxes: (B, N, 4) float32, pixels of the network's input, clipped.
        kept: (B, N) bool, whether enough of the box is visible.
    """

    matrices: np.ndarray
    reductions: np.ndarray
    boxes: np.ndarray
    kept: np.ndarray


def plan(
    policy: Policy, size_hw: tuple[int, int], images_hw: np.ndarray, boxes: np.ndarray, lots: np.ndarray
) -> Plan:
    """Return the plan of a batch.

    Args:
        policy: checked.
        size_hw: height and width of the network's input, pixels.
        images_hw: (B, 2) heights and widths of the images, pixels.
        boxes: (B, N, 4) float32 xyxy, pixels of the images; boxes without area are padding.
        lots: (B, n) float32; see `augment.sampling.sample_parameters`.

    Example:
        >>> made = plan(Policy("none"), (64, 64), np.array([[64, 128]]), np.ones((1, 1, 4)), np.ones((1, 0)))
        >>> made.matrices[0, 0].tolist(), made.reductions.tolist(), made.kept.tolist()
        ([0.5, 0.0, 0.0], [2], [[False]])
    """
    matrices = affine.FITS[policy.fit](images_hw, size_hw)
    for step in sampled_steps(policy, lots, np.zeros((len(lots), 2), np.int32)):
        if step.transform.stage == "geometric" and step.happens.any():
            canvas = Canvas(size_hw, boxes, matrices, policy.box_rule)
            moved = step.transform.function(canvas, **step.values) @ matrices
            matrices = np.where(step.happens[:, None, None], moved, matrices)
    moved = affine.move_boxes(boxes, matrices, policy.box_rule)
    shares = affine.visible_shares(moved, size_hw)
    kept = (shares > 0) & (shares >= policy.min_visible)
    clipped = affine.clip_boxes(moved, size_hw).astype(np.float32)
    return Plan(matrices.astype(np.float32), useful_reductions(matrices), clipped, kept)


def useful_reductions(matrices: np.ndarray) -> np.ndarray:
    """Return the factor (1, 2, 4 or 8) by which images may be reduced without loss before the (B, 3, 3) matrices.

    Example:
        >>> useful_reductions(affine.scaling(*[np.array([1.0, 0.5, 0.3, 0.2, 0.1])] * 2)).tolist()
        [1, 2, 2, 4, 8]
    """
    largest = np.linalg.norm(matrices[:, :2, :2], axis=1).max(axis=1)
    allowed = largest[:, None] * [2, 4, 8] <= 1.0001
    return 2 ** allowed.sum(axis=1)


def padded(boxes: np.ndarray, labels: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return exactly `rows` boxes (rows, 4) and labels (rows,), of the given dtypes.

    Missing rows are -1. Of more than `rows` the largest remain, in order.

    Example:
        >>> boxes, labels = padded(np.array([[0, 0, 3, 3], [0, 0, 1, 1], [0, 0, 2, 2]]), np.arange(3), 2)
        >>> labels.tolist(), padded(boxes, labels, 3)[1].tolist()
        ([0, 2], [0, 2, -1])
    """
    if len(boxes) > rows:
        largest = np.sort(np.argsort(-affine.box_areas(boxes), kind="stable")[:rows])
        boxes, labels = boxes[largest], labels[largest]
    missing = rows - len(boxes)
    boxes = np.pad(boxes, [(0, missing), (0, 0)], constant_values=-1)
    return boxes, np.pad(labels, (0, missing), constant_values=-1)
