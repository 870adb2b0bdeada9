"""Transforms that are linear in the colors: consecutive ones are combined into one matrix.

A color is the column (R, G, B, 1) with R, G, B in 0..255; the (4, 4) matrices include offsets. Values are clipped only
after the last step: brightness up and down again loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from augment.registry import Value, color

if TYPE_CHECKING:
    from augment.placement import SampledStep

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# RGB to luma and two chroma axes (YIQ, ITU-R BT.470 system M), in which the hue is an angle.
YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


def color_matrices(mean_rgb: Any, steps: Sequence[SampledStep]) -> np.ndarray:
    """Return one matrix per image for consecutive color steps, (B, 4, 4) float32.

    Args:
        mean_rgb: (B, 3) mean color of each image before them.
        steps: with arrays of B values.
    """
    mean_rgb = np.asarray(mean_rgb, np.float32)
    whole = np.concatenate([mean_rgb, np.ones_like(mean_rgb[:, :1])], axis=1)[..., None]
    matrix = np.tile(np.eye(4, dtype=np.float32), (len(mean_rgb), 1, 1))
    for step in steps:
        change = np.asarray(step.transform.function((matrix @ whole)[:, :3, 0], **step.values))
        matrix = np.where(step.happens[:, None, None], change @ matrix, matrix)
    return matrix.astype(np.float32)


def homogeneous(linear: np.ndarray, offset: Any) -> np.ndarray:
    """Return the (B, 4, 4) float32 matrices that apply `linear` (B, 3, 3) and then add `offset` (B, 3) or 0."""
    matrices = np.zeros((len(linear), 4, 4), np.float32)
    matrices[:, :3, :3], matrices[:, :3, 3], matrices[:, 3, 3] = linear, offset, 1
    return matrices


def _each(value: Any) -> np.ndarray:
    return np.asarray(value, np.float32)[..., None, None]


def recolor(images: tf.Tensor, matrices: Any) -> tf.Tensor:
    """Return images with colors multiplied by their image's matrix, not clipped to 0..255.

    Args:
        images: (B, H, W, 3) float32, RGB 0..255.
        matrices: (B, 4, 4) float32.
    """
    flat = tf.reshape(images, (tf.shape(images)[0], -1, 3))
    moved = tf.matmul(flat, matrices[:, :3, :3], transpose_b=True) + matrices[:, None, :3, 3]
    return tf.reshape(moved, tf.shape(images))


@color(amount=Value(0.0, 0.35, -1.0, 1.0, mirrored=True))
def brightness(mean_rgb: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Add `amount` times 255."""
    return homogeneous(np.eye(3) + 0 * _each(amount), 255 * _each(amount)[..., 0])


@color(factor=Value(1.0, 1.9, 0.0, 4.0, mirrored=True))
def contrast(mean_rgb: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Scale the values by `factor` about the image's mean."""
    level = np.mean(mean_rgb, axis=-1, keepdims=True)
    return homogeneous(_each(factor) * np.eye(3), (1 - _each(factor)[..., 0]) * level)


@color(factor=Value(1.0, 1.9, 0.0, 4.0, mirrored=True))
def saturation(mean_rgb: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Scale the colors by `factor` about their luma: 0 gives gray, 1 changes nothing."""
    return homogeneous(_each(factor) * np.eye(3) + (1 - _each(factor)) * np.tile(LUMA, (3, 1)), 0)


@color(share=Value(0.0, 1.0, 0.0, 1.0))
def grey(mean_rgb: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Remove a `share` of the color: at 1 every channel is the luma, as from an infrared camera."""
    return saturation(mean_rgb, 1 - np.asarray(share))


@color(degrees=Value(0.0, 60.0, -180.0, 180.0, mirrored=True))
def hue(mean_rgb: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Rotate the colors by `degrees` about the gray axis, keeping the luma."""
    radians = np.radians(np.asarray(degrees, np.float32))
    turn = np.tile(np.eye(3, dtype=np.float32), (len(radians), 1, 1))
    turn[:, 1, 1] = turn[:, 2, 2] = np.cos(radians)
    turn[:, 2, 1] = np.sin(radians)
    turn[:, 1, 2] = -turn[:, 2, 1]
    return homogeneous(np.linalg.inv(YIQ) @ turn @ YIQ, 0)


@color(warmth=Value(0.0, 0.3, -0.5, 0.5, mirrored=True))
def temperature(mean_rgb: np.ndarray, warmth: np.ndarray) -> np.ndarray:
    """Shift the white balance: above 0 more red and less blue (evening sun), below 0 the reverse (shade)."""
    return homogeneous((1 + _each(warmth) * [1.0, 0.0, -1.0]) * np.eye(3), 0)
