"""Blur and sharpen. Lengths are pixels of an image with a shorter side of 256; borders are mirrored."""

from __future__ import annotations

import math

import tensorflow as tf

from augment.random_fields import per_example, scale
from augment.registry import Value, pixels


@pixels(sigma=Value(0.0, 3.0, 0.0, 16.0))
def blur(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Blur by a Gaussian of standard deviation `sigma`, like a lens out of focus or behind a wet cover.

    Example:
        >>> spot = tf.scatter_nd([[0, 128, 128, 0]], [100.0], (1, 256, 256, 3))
        >>> blur(spot, tf.constant([1.0]))[0, 128, 126:131, 0].numpy().round().tolist()
        [2.0, 10.0, 16.0, 10.0, 2.0]
    """
    unit = scale(images)

    def one(part: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        kernel = _gaussian(part[1] * unit)
        turned = tf.transpose(_blur_columns(part[0], kernel), [1, 0, 2])
        return tf.transpose(_blur_columns(turned, kernel), [1, 0, 2])

    return _one_by_one(one, images, sigma)


@pixels(length=Value(0.0, 16.0, 0.0, 128.0), degrees=Value(0.0, 0.0, -180.0, 180.0))
def motion_blur(images: tf.Tensor, length: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """Blur along a line of `length` pixels, like a shaking camera; 0 degrees is horizontal, 45 rises to the right.

    Example:
        >>> spot = tf.scatter_nd([[0, 128, 128, 0]], [100.0], (1, 256, 256, 3))
        >>> motion_blur(spot, tf.constant([4.0]), tf.constant([0.0]))[0, 128, 125:132, 0].numpy().tolist()
        [0.0, 12.5, 25.0, 25.0, 25.0, 12.5, 0.0]
    """
    unit, shape = scale(images), images.shape[1:]

    def one(part: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        kernel, reach = _line(part[1] * unit, part[2] * (math.pi / 180))
        padded = tf.pad(part[0], [[reach, reach], [reach, reach], [0, 0]], "SYMMETRIC")
        taps = tf.where(kernel > 0)  # few: a sum of shifted images is faster than a convolution
        weights = tf.gather_nd(kernel, taps)
        begins = tf.pad(tf.cast(taps, tf.int32), [[0, 0], [0, 1]])

        def add(tap: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return tap + 1, total + weights[tap] * tf.slice(padded, begins[tap], shape)

        return tf.while_loop(lambda tap, _: tap < tf.size(weights), add, (0, tf.zeros(shape)))[1]

    return _one_by_one(one, images, length, degrees)


@pixels(amount=Value(0.0, 0.9, -1.0, 8.0, mirrored=True))
def sharpen(images: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Sharpen as Pillow's ImageEnhance.Sharpness of factor 1 + `amount`; -1 smooths as Pillow's SMOOTH.

    Pixels at the border do not change.
    """
    height, width = images.shape[1:3]
    rows = images[:, : height - 2] + images[:, 1 : height - 1] + images[:, 2:]
    square = rows[:, :, : width - 2] + rows[:, :, 1 : width - 1] + rows[:, :, 2:]
    inner = images[:, 1 : height - 1, 1 : width - 1]
    detail = inner - (square + 4 * inner) / 13
    return images + per_example(amount) * tf.pad(detail, [[0, 0], [1, 1], [1, 1], [0, 0]])


def _one_by_one(one, images: tf.Tensor, *values: tf.Tensor) -> tf.Tensor:
    # Kernel sizes differ between images.
    return tf.map_fn(one, (images, *values), fn_output_signature=tf.TensorSpec(images.shape[1:], tf.float32))


def _gaussian(sigma: tf.Tensor) -> tf.Tensor:
    # (2 r + 1,) weights that sum to 1, r at least three deviations.
    reach = tf.math.ceil(3 * sigma)
    steps = tf.range(-reach, reach + 1)
    weights = tf.exp(-0.5 * tf.square(steps / tf.maximum(sigma, 1e-3)))
    return weights / tf.reduce_sum(weights)


def _blur_columns(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    # Treat every value of a row as a channel: one convolution along the columns blurs all.
    height, width, depth = image.shape
    reach = tf.size(kernel) // 2
    columns = tf.pad(
        tf.reshape(image, (1, height, 1, width * depth)),
        [[0, 0], [reach, reach], [0, 0], [0, 0]],
        "SYMMETRIC",
    )
    weights = tf.tile(kernel[:, None, None, None], (1, 1, width * depth, 1))
    return tf.reshape(tf.nn.depthwise_conv2d(columns, weights, [1, 1, 1, 1], "VALID"), (height, width, depth))


def _line(length: tf.Tensor, radians: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    # A line one pixel wide with soft edges: (2 r + 1, 2 r + 1) weights that sum to 1, and r.
    reach = tf.math.ceil(length / 2) + 1
    steps = tf.range(-reach, reach + 1)
    x, y, cos, sin = steps[None, :], steps[:, None], tf.cos(radians), tf.sin(radians)
    along, across = tf.abs(x * cos - y * sin), tf.abs(x * sin + y * cos)
    weights = tf.clip_by_value(length / 2 + 0.5 - along, 0.0, 1.0) * tf.nn.relu(1 - across)
    return weights / tf.reduce_sum(weights), tf.cast(reach, tf.int32)
