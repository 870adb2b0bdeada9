"""Geometric transforms: from sampled values to one matrix per image. A new one is one decorated function.

They work on NumPy arrays of a whole batch: small matrices are much cheaper there than in a graph.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from augment import affine
from augment.registry import SHARE, Value, geometric

LEAN = Value(0.0, 20.0, -60.0, 60.0, mirrored=True)
MOVE = Value(0.0, 0.3, -1.0, 1.0, mirrored=True)


@dataclass(frozen=True)
class Canvas:
    """Inputs of a geometric transform.

    Attributes:
        size_hw: height and width of the network's input, pixels.
        original_boxes: (B, N, 4) float32, pixels of the images; those without area are padding.
        matrix: (B, 3, 3) float32, image to canvas after the previous steps.
        box_rule: see `augment.move_boxes`.
    """

    size_hw: tuple[int, int]
    original_boxes: np.ndarray
    matrix: np.ndarray
    box_rule: affine.BoxRule = "rounded"

    @functools.cached_property
    def boxes(self) -> np.ndarray:
        """Return the current boxes on the canvas, (B, N, 4) float32, pixels."""
        return affine.move_boxes(self.original_boxes, self.matrix, self.box_rule)

    def about_middle(self, matrix: np.ndarray) -> np.ndarray:
        """Return `matrix` applied about the center of the canvas."""
        return affine.about(matrix, self.size_hw[1] / 2, self.size_hw[0] / 2)


@geometric()
def flip(canvas: Canvas) -> np.ndarray:
    """Mirror left and right."""
    return canvas.about_middle(affine.scaling(-1.0, 1.0))


@geometric(degrees=Value(0.0, 30.0, -180.0, 180.0, mirrored=True))
def rotate(canvas: Canvas, degrees: np.ndarray) -> np.ndarray:
    """Rotate clockwise about the center."""
    return canvas.about_middle(affine.rotation(degrees))


@geometric(factor=Value(1.0, 1.5, 0.05, 20.0, mirrored=True))
def scale(canvas: Canvas, factor: np.ndarray) -> np.ndarray:
    """Enlarge (factor above 1) or shrink about the center."""
    return canvas.about_middle(affine.scaling(factor, factor))


@geometric(x_degrees=LEAN, y_degrees=LEAN)
def shear(canvas: Canvas, x_degrees: np.ndarray, y_degrees: np.ndarray) -> np.ndarray:
    """Tilt verticals by `x_degrees` and horizontals by `y_degrees` about the center."""
    return canvas.about_middle(affine.shearing(x_degrees, y_degrees))


@geometric(x=MOVE, y=MOVE)
def translate(canvas: Canvas, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Move right and down, by shares of the canvas' sides."""
    return affine.translation(x * canvas.size_hw[1], y * canvas.size_hw[0])


@geometric(side=Value(1.0, 0.3, 0.05, 1.0), x=SHARE, y=SHARE)
def crop(canvas: Canvas, side: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Enlarge a window that contains the center of every box on the canvas.

    Args:
        canvas: the canvas.
        side: (B,) the window's sides as a share of the canvas', 0..1; enlarged if the boxes need more.
        x: (B,) position of the window within its range, 0 (left) .. 1 (right).
        y: (B,) the same from top to bottom.
    """
    size_wh = np.array(canvas.size_hw[::-1], np.float32)
    low, high = canvas.boxes[..., :2], canvas.boxes[..., 2:]
    middle, quarter = (low + high) / 2, (high - low) / 4
    seen = ((middle > 0) & (middle < size_wh) & (low < high)).all(axis=-1, keepdims=True)
    # The inner half of a box: 9/16 of it stays visible even in a corner.
    low = np.maximum(middle - quarter, 0.0).min(axis=1, initial=np.inf, where=seen)
    high = np.minimum(middle + quarter, size_wh).max(axis=1, initial=-np.inf, where=seen)
    side = np.minimum(np.maximum(side, ((high - low) / size_wh).max(axis=-1)), 1.0)
    window = side[:, None] * size_wh
    first, last = np.maximum(high - window, 0.0), np.minimum(size_wh - window, low)
    corner = first + np.stack([x, y], axis=-1) * (last - first)
    return affine.scaling(1 / side, 1 / side) @ affine.translation(-corner[:, 0], -corner[:, 1])
