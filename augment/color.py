"""Transforms that are linear in the colors: consecutive ones are combined into one matrix.

A color is the column (R, G, B, 1) with R, G, B in 0..255; the (4, 4) matrices include offsets. Values are clipped only
after the last step: brightness up and down again loses nothing.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from augment.registry import Value, color

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# RGB to luma and two chroma axes (YIQ, ITU-R BT.470 system M), in which the hue is an angle.
YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


def homogeneous(linear: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Return the (B, 4, 4) float32 matrices that apply `linear` (B, 3, 3) and then add `offset` (B, 3)."""
    upper = tf.concat([linear, offset[..., None]], axis=-1)
    last = tf.broadcast_to(tf.constant([[0.0, 0.0, 0.0, 1.0]]), tf.concat([tf.shape(upper)[:-2], [1, 4]], 0))
    return tf.concat([upper, last], axis=-2)


def _each(value: tf.Tensor) -> tf.Tensor:
    return tf.cast(value, tf.float32)[..., None, None]


def recolor(images: tf.Tensor, matrices: tf.Tensor) -> tf.Tensor:
    """Return images with colors multiplied by their image's matrix, not clipped to 0..255.

    Args:
        images: (B, H, W, 3) float32, RGB 0..255.
        matrices: (B, 4, 4) float32.
    """
    flat = tf.reshape(images, (tf.shape(images)[0], -1, 3))
    moved = tf.matmul(flat, matrices[:, :3, :3], transpose_b=True) + matrices[:, None, :3, 3]
    return tf.reshape(moved, tf.shape(images))


@color(amount=Value(0.0, 0.35, -1.0, 1.0, mirrored=True))
def brightness(mean_rgb: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Add `amount` times 255."""
    return homogeneous(tf.eye(3) + 0 * _each(amount), 255 * amount[:, None] * tf.ones_like(mean_rgb))


@color(factor=Value(1.0, 1.9, 0.0, 4.0, mirrored=True))
def contrast(mean_rgb: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Scale the values by `factor` about the image's mean."""
    level = tf.reduce_mean(mean_rgb, axis=-1, keepdims=True)
    return homogeneous(_each(factor) * tf.eye(3), (1 - factor[:, None]) * level * tf.ones((3,)))


@color(factor=Value(1.0, 1.9, 0.0, 4.0, mirrored=True))
def saturation(mean_rgb: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Scale the colors by `factor` about their luma: 0 gives gray, 1 changes nothing."""
    grey_rows = tf.constant(np.tile(LUMA, (3, 1)))
    return homogeneous(_each(factor) * tf.eye(3) + (1 - _each(factor)) * grey_rows, tf.zeros_like(mean_rgb))


@color(share=Value(0.0, 1.0, 0.0, 1.0))
def grey(mean_rgb: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Remove a `share` of the color: at 1 every channel is the luma, as from an infrared camera."""
    return saturation(mean_rgb, 1 - share)


@color(degrees=Value(0.0, 60.0, -180.0, 180.0, mirrored=True))
def hue(mean_rgb: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """Rotate the colors by `degrees` about the gray axis, keeping the luma."""
    radians = degrees * (math.pi / 180)
    cos, sin, zero = tf.cos(radians), tf.sin(radians), tf.zeros_like(radians)
    rows = [[zero + 1, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    turn = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
    return homogeneous(np.linalg.inv(YIQ) @ turn @ YIQ, tf.zeros_like(mean_rgb))


@color(warmth=Value(0.0, 0.3, -0.5, 0.5, mirrored=True))
def temperature(mean_rgb: tf.Tensor, warmth: tf.Tensor) -> tf.Tensor:
    """Shift the white balance: above 0 more red and less blue (evening sun), below 0 the reverse (shade)."""
    gains = 1 + warmth[:, None] * tf.constant([1.0, 0.0, -1.0])
    return homogeneous(tf.linalg.diag(gains), tf.zeros_like(mean_rgb))
