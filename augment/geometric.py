"""Transforms that move the picture: drawn values in, one matrix out. A new one is one decorated function."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from augment import geometry
from augment.transform import SHARE, Value, geometric

LEAN = Value(0.0, 20.0, -60.0, 60.0, mirrored=True)
MOVE = Value(0.0, 0.3, -1.0, 1.0, mirrored=True)


@dataclass(frozen=True)
class Canvas:
    """Hold what a geometric transform may look at.

    Attributes:
        size_hw: height and width of the network's input, pixels.
        boxes: (N, 4) float32, where the boxes are on the canvas by now, pixels.
    """

    size_hw: tuple[int, int]
    boxes: tf.Tensor

    def about_middle(self, matrix: tf.Tensor) -> tf.Tensor:
        """Return `matrix` done about the middle of the canvas."""
        return geometry.about(matrix, self.size_hw[1] / 2, self.size_hw[0] / 2)


@geometric()
def flip(canvas: Canvas) -> tf.Tensor:
    """Mirror left and right."""
    return tf.constant(canvas.about_middle(geometry.scaling(-1.0, 1.0)))


@geometric(degrees=Value(0.0, 30.0, -180.0, 180.0, mirrored=True))
def rotate(canvas: Canvas, degrees: tf.Tensor) -> tf.Tensor:
    """Rotate clockwise about the middle."""
    return canvas.about_middle(geometry.rotation(degrees))


@geometric(factor=Value(1.0, 1.5, 0.05, 20.0, mirrored=True))
def scale(canvas: Canvas, factor: tf.Tensor) -> tf.Tensor:
    """Enlarge (factor above 1) or shrink about the middle."""
    return canvas.about_middle(geometry.scaling(factor, factor))


@geometric(x_degrees=LEAN, y_degrees=LEAN)
def shear(canvas: Canvas, x_degrees: tf.Tensor, y_degrees: tf.Tensor) -> tf.Tensor:
    """Lean verticals by `x_degrees` and horizontals by `y_degrees` about the middle."""
    return canvas.about_middle(geometry.shearing(x_degrees, y_degrees))


@geometric(x=MOVE, y=MOVE)
def translate(canvas: Canvas, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Move right and down, by shares of the canvas' sides."""
    return geometry.translation(x * canvas.size_hw[1], y * canvas.size_hw[0])


@geometric(side=Value(1.0, 0.3, 0.05, 1.0), x=SHARE, y=SHARE)
def crop(canvas: Canvas, side: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Enlarge a window that keeps the middle of every box now on the canvas, and so loses none of them.

    Args:
        canvas: what to crop.
        side: the window's sides as a share of the canvas', 0..1; enlarged where the boxes need more.
        x: where the window lies within its freedom, 0 (left) .. 1 (right).
        y: the same from top to bottom.
    """
    size_wh = tf.constant(canvas.size_hw[::-1], tf.float32)
    low, high = canvas.boxes[:, :2], canvas.boxes[:, 2:]
    middle, quarter = (low + high) / 2, (high - low) / 4
    on_canvas = tf.reduce_all((middle > 0) & (middle < size_wh), axis=1, keepdims=True)
    # The inner half of a box: 9/16 of it stays visible even in a corner. Without boxes the limits are huge.
    low = tf.where(on_canvas, tf.maximum(middle - quarter, 0.0), tf.float32.max)
    high = tf.where(on_canvas, tf.minimum(middle + quarter, size_wh), tf.float32.min)
    low, high = tf.reduce_min(low, axis=0), tf.reduce_max(high, axis=0)
    side = tf.minimum(tf.maximum(side, tf.reduce_max((high - low) / size_wh)), 1.0)
    window = side * size_wh
    first, last = tf.maximum(high - window, 0.0), tf.minimum(size_wh - window, low)
    corner = first + tf.stack([x, y]) * (last - first)
    return geometry.scaling(1 / side, 1 / side) @ geometry.translation(-corner[0], -corner[1])
