"""Transforms that change colours, on one picture or a batch. A new one is one decorated function.

Every function takes `images`, (..., H, W, 3) float32, RGB 0..255, and one value for each picture, (...);
results may leave 0..255, whoever calls them last clips.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

PHOTOMETRIC: dict[str, Callable[..., tf.Tensor]] = {}
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
# RGB to luma and two axes of colour (YIQ, ITU-R BT.470 system M), between which the hue is an angle.
YIQ = np.array([LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)


def photometric(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Register a function (images, drawn values by name, optionally seed) -> images."""
    PHOTOMETRIC[function.__name__] = function
    return function


def _each(value: tf.Tensor) -> tf.Tensor:
    return tf.cast(value, tf.float32)[..., None, None, None]


def _mix(images: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    # One product for each picture: its rows of pixels times the transposed (..., 3, 3) matrix.
    flat = tf.reshape(images, tf.concat([tf.shape(images)[:-3], [-1, 3]], 0))
    return tf.reshape(tf.matmul(flat, matrix, transpose_b=True), tf.shape(images))


@photometric
def brightness(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Add `amount` times 255.

    Example:
        >>> brightness(tf.fill((1, 1, 3), 100.0), 0.2)[0, 0].numpy().tolist()
        [151.0, 151.0, 151.0]
    """
    return images + 255 * _each(amount)


@photometric
def contrast(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Stretch the values by `factor` about the picture's mean.

    Example:
        >>> contrast(tf.constant([[[50.0] * 3, [150.0] * 3]]), 0.5)[0, :, 0].numpy().tolist()
        [75.0, 125.0]
    """
    mean = tf.reduce_mean(images, axis=(-3, -2, -1), keepdims=True)
    return mean + (images - mean) * _each(factor)


@photometric
def saturation(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Stretch the colours by `factor` about their luma: 0 gives grey, 1 nothing new.

    Example:
        >>> saturation(tf.constant([[[100.0, 0.0, 0.0]]]), 0.0)[0, 0].numpy().round().tolist()
        [30.0, 30.0, 30.0]
    """
    factor = tf.cast(factor, tf.float32)[..., None, None]
    return _mix(images, factor * tf.eye(3) + (1 - factor) * np.tile(LUMA, (3, 1)))


@photometric
def grey(images: tf.Tensor) -> tf.Tensor:
    """Take the colours away: every channel becomes the luma."""
    return saturation(images, tf.zeros(tf.shape(images)[:-3]))


@photometric
def hue(images: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """Turn the colours by `degrees` about the grey axis, keeping the luma."""
    radians = tf.cast(degrees, tf.float32) * (math.pi / 180)
    cos, sin, zero = tf.cos(radians), tf.sin(radians), tf.zeros_like(radians)
    rows = [[zero + 1, zero, zero], [zero, cos, -sin], [zero, sin, cos]]
    turn = tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
    return _mix(images, np.linalg.inv(YIQ) @ turn @ YIQ)


@photometric
def gamma(images: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    """Raise the values, as shares of 255, to `exponent`: above 1 darkens the middle, as at dusk.

    Example:
        >>> gamma(tf.fill((1, 1, 3), 127.5), 2.0)[0, 0].numpy().tolist()
        [63.75, 63.75, 63.75]
    """
    return 255 * tf.pow(tf.clip_by_value(images / 255, 0.0, 1.0), _each(exponent))


@photometric
def noise(images: tf.Tensor, deviation: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Add Gaussian noise of standard deviation `deviation` times 255; `seed` is (2,) int32."""
    return images + 255 * _each(deviation) * tf.random.stateless_normal(tf.shape(images), seed)
