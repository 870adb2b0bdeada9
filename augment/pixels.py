"""Transforms of pixels: tones, noise, JPEG compression, cutout, blur and sharpening.

Lengths are pixels of an image with a shorter side of 256; blur mirrors the borders.
"""

from __future__ import annotations

import math

import tensorflow as tf

from augment.random_fields import normal, per_example, scale
from augment.registry import SHARE, STRENGTH, Value, pixels
from augment.warp import GRAY


@pixels(exponent=Value(1.0, 1.6, 0.1, 10.0, mirrored=True))
def gamma(images: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    """Raise the values, as shares of 255, to `exponent`; above 1 darkens mid-tones, as at dusk."""
    # exp(log) takes a sixth of the time of tf.pow, and a third of that of a lookup table.
    raised = 255 * tf.exp(per_example(exponent) * tf.math.log(tf.nn.relu(images) / 255))
    return _unless(exponent, 1.0, images, raised)


@pixels(deviation=Value(0.0, 0.15, 0.0, 1.0))
def noise(images: tf.Tensor, deviation: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Add Gaussian noise; `deviation` is a share of 255."""
    return images + 255 * per_example(deviation) * normal(seeds, images.shape[1:])


@pixels(bits=Value(8.0, 3.0, 1.0, 8.0))
def posterize(images: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Keep the highest `bits` of every value, rounded to 1..8."""
    step = per_example(tf.pow(2.0, 8 - tf.round(bits)))
    return _unless(tf.round(bits), 8.0, images, tf.floor(images / step) * step)


@pixels(threshold=Value(256.0, 64.0, 0.0, 256.0))
def solarize(images: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Invert the values from `threshold` up, 0..256; at 256 nothing changes."""
    return tf.where(images < per_example(threshold), images, 255 - images)


@pixels(strength=STRENGTH)
def autocontrast(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Stretch each channel to 0..255, or partly if strength is below 1; constant channels do not change."""
    low = tf.reduce_min(images, axis=(1, 2), keepdims=True)
    high = tf.reduce_max(images, axis=(1, 2), keepdims=True)
    gain = tf.where(high > low, 255 / tf.maximum(high - low, 1e-3), 1.0)
    start = tf.where(high > low, low, 0.0)
    share = per_example(strength)
    # At strength 0 exactly times 1 minus 0.
    return images * (1 + share * (gain - 1)) - share * start * gain


@pixels(strength=STRENGTH)
def equalize(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Equalize each channel's histogram as Pillow's ImageOps.equalize, or partly if strength is below 1."""
    levels = tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), tf.int32) + [0, 256, 512]

    def table(level: tf.Tensor) -> tf.Tensor:
        counts = tf.math.bincount(tf.reshape(level, [-1]), minlength=768, maxlength=768)
        counts = tf.reshape(counts, (3, 256))
        last = tf.reduce_max(tf.where(counts > 0, tf.range(256), 0), axis=1)
        step = (tf.reduce_sum(counts, axis=1) - tf.gather(counts, last, batch_dims=1)) // 255
        below = (tf.cumsum(counts, axis=1, exclusive=True) + step[:, None] // 2) // tf.maximum(step, 1)[
            :, None
        ]
        return tf.where(step[:, None] > 0, tf.minimum(below, 255), tf.range(256))

    tables = tf.map_fn(table, levels, fn_output_signature=tf.TensorSpec((3, 256), tf.int32))
    flat = tf.reshape(tf.cast(tables, tf.float32), (-1, 768))
    spread = tf.gather(flat, tf.reshape(levels, (-1, levels.shape[1] * levels.shape[2] * 3)), batch_dims=1)
    spread = tf.reshape(spread, tf.shape(images))
    return _unless(strength, 0.0, images, images + per_example(strength) * (spread - images))


@pixels(quality=Value(100.0, 10.0, 1.0, 100.0))
def jpeg(images: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    """Compress as JPEG of `quality`, rounded to 1..100; at 100 nothing changes."""
    quality = tf.cast(tf.round(quality), tf.int32)
    levels = tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), tf.uint8)

    def one(part: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        data = tf.raw_ops.EncodeJpegVariableQuality(images=part[0], quality=part[1])
        return tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE")

    stored = tf.map_fn(one, (levels, quality), fn_output_signature=tf.TensorSpec(images.shape[1:], tf.uint8))
    return _unless(quality, 100, images, tf.cast(stored, tf.float32))


@pixels(side=Value(0.0, 0.5, 0.0, 1.0), x=SHARE, y=SHARE)
def cutout(images: tf.Tensor, side: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Cover a square with gray (DeVries and Taylor, 2017, "Improved Regularization ... with Cutout").

    `side` is a share of the image's shorter side, `x` and `y` are the square's center as shares of width and height.
    """
    height, width = images.shape[1:3]
    reach = side[:, None] * min(height, width) / 2
    rows = tf.abs(tf.range(height, dtype=tf.float32) + 0.5 - y[:, None] * height) < reach
    columns = tf.abs(tf.range(width, dtype=tf.float32) + 0.5 - x[:, None] * width) < reach
    return tf.where((rows[:, :, None] & columns[:, None, :])[..., None], GRAY, images)


def _unless(values: tf.Tensor, neutral: float, images: tf.Tensor, changed: tf.Tensor) -> tf.Tensor:
    return tf.where((values == neutral)[:, None, None, None], images, changed)


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
