"""Weather and night as seen by a street camera, and faults of lens and stream: glare, dirt, dropped frames.

Lengths scale with the image size.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from augment.color import LUMA
from augment.random_fields import branch, normal, per_example, scale, smooth_noise, sparse_points, uniform
from augment.registry import STRENGTH, pixels

SODIUM, COLD = np.array([1.2, 0.95, 0.65], np.float32), np.array([0.85, 0.97, 1.2], np.float32)


@pixels(strength=STRENGTH)
def night(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Simulate night: low light in pools of one color, bright lamps, and sensor noise.

    The noise follows EMVA 1288: its variance grows with the light, starting from the read noise.
    """
    size_hw = images.shape[1:3]
    share, drawn = per_example(strength), uniform(branch(seeds, 0), (2,))
    luma = _luma(images)
    gain = tf.clip_by_value(32 / (tf.reduce_mean(luma, axis=(1, 2, 3), keepdims=True) + 1), 0.2, 0.7)
    pools = tf.exp(0.35 * smooth_noise(branch(seeds, 1), size_hw, 2.5, 2))
    light = 1 - share * (1 - tf.minimum(gain * pools + _lamps(luma), 1.0))
    tint = 1 + share * (SODIUM + per_example(drawn[:, 0]) * (COLD - SODIUM) - 1)
    dark = (images + 0.35 * share * (luma - images)) * light * tint
    noise = normal(branch(seeds, 2), images.shape[1:])
    return dark + share * (3 + 4 * per_example(drawn[:, 1])) * tf.sqrt(0.5 + tf.nn.relu(dark) / 60) * noise


@pixels(strength=STRENGTH)
def fog(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Add fog in banks, thicker towards the top, where a street camera looks far.

    A share t of an object's light arrives, and 1 - t of the air's is added; t falls exponentially with distance
    (Koschmieder, 1924, "Theorie der horizontalen Sichtweite").
    """
    size_hw = images.shape[1:3]
    drawn = uniform(branch(seeds, 0), (2,))
    banks = tf.exp(0.3 * smooth_noise(branch(seeds, 1), size_hw, 3.0, 3))
    # Distance on a flat road grows as 1 / (row - horizon); the horizon is sampled from just above the image to a third.
    horizon = per_example(0.35 * drawn[:, 0] - 0.05)
    rows = np.linspace(0.0, 1.0, size_hw[0], dtype=np.float32)[None, :, None, None]
    distance = 0.3 / (tf.nn.relu(rows - horizon) + 0.12)
    through = tf.exp(-1.5 * tf.pow(per_example(strength), 1.7) * distance * banks)
    air = tf.minimum(80 + tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True), 215.0)
    air += per_example(drawn[:, 1]) * np.array([-6, 0, 8], np.float32)
    return images * through + air * (1 - through)


@pixels(strength=STRENGTH)
def rain(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Add rain: slanted streaks, far and near, over a grayer and softer street."""
    (height, width), unit = images.shape[1:3], scale(images)
    drawn = uniform(branch(seeds, 0), (1,))
    slope = 0.7 * drawn[:, 0] - 0.35  # horizontal pixels per vertical pixel
    margin = int(0.35 * height) + 1
    canvas = (height, width + 2 * margin)
    far = sparse_points(
        branch(seeds, 1), canvas, (6 * unit, 1.5 * unit), (5 * unit, 0.5 * unit), 0.08 * strength
    )
    near = sparse_points(
        branch(seeds, 2), canvas, (16 * unit, 4 * unit), (14 * unit, 0.9 * unit), 0.03 * strength
    )
    streaks = _slant(0.7 * far + 0.5 * near, slope, margin, width)
    share, mean = per_example(strength), tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    grey = images + 0.3 * share * (0.7 * mean + 0.3 * _luma(images) - images)
    hazy = grey + 0.35 * share * (smooth_mask(images, 4) - images)
    return hazy + tf.minimum(streaks, 0.75) * (70 + mean - hazy)


@pixels(strength=STRENGTH)
def snow(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Add snow: flakes of three sizes over a street that fades to white."""
    size_hw, unit, share = images.shape[1:3], scale(images), per_example(strength)
    flakes = []
    for number, (size, much) in enumerate(((0.8, 0.05), (1.6, 0.02), (3.5, 0.006))):
        spacing, spread = (2.5 * size * unit,) * 2, (1.3 * size * unit, size * unit)
        flakes.append(sparse_points(branch(seeds, number), size_hw, spacing, spread, much * strength))
    white = tf.minimum(180 + 0.3 * tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True), 245.0)
    faded = images + 0.4 * share * (0.4 * white + 0.6 * _luma(images) - images)
    cover = tf.minimum(tf.add_n(flakes), 0.9)
    return faded + cover * (white - faded)


def smooth_mask(images: tf.Tensor, factor: int) -> tf.Tensor:
    """Return images (B, H, W, C) without detail below about `factor` pixels of an image of 256."""
    step = max(1, round(factor * scale(images)))
    small = tf.nn.avg_pool2d(images, step, step, "SAME")
    return tf.image.resize(small, images.shape[1:3])


def _luma(images: tf.Tensor) -> tf.Tensor:
    return LUMA[0] * images[..., :1] + LUMA[1] * images[..., 1:2] + LUMA[2] * images[..., 2:]


def _lamps(luma: tf.Tensor) -> tf.Tensor:
    # Bright and small: a morphological opening removes lamps, but not the sky.
    step = max(1, round(5 * scale(luma)))
    eroded = -tf.nn.max_pool2d(-luma, 2 * step, step, "SAME")
    opened = tf.image.resize(tf.nn.max_pool2d(eroded, 3, 1, "SAME"), luma.shape[1:3])
    return tf.nn.relu(luma - 195) * tf.nn.relu(luma - opened - 50) / 5000


def _slant(fields: tf.Tensor, slope: tf.Tensor, margin: int, width: int) -> tf.Tensor:
    # Row y of the result is shifted by `slope * y` within the wider field.
    height = fields.shape[1]
    one, none = tf.ones_like(slope), tf.zeros_like(slope)
    offset = margin - slope * height / 2
    matrices = tf.stack([one, slope, offset, none, one, none, none, none], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=fields,
        transforms=matrices,
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
    )


WARM, WHITE = np.array([1.0, 0.9, 0.7], np.float32), np.array([0.95, 1.0, 1.0], np.float32)
MUD, DUST = np.array([52, 46, 38], np.float32), np.array([150, 140, 122], np.float32)
LIGHTS = 3  # maximum per image
# Strength, height and width (shares of the shorter side) of a light's core, halo, veil and streak.
BLOOM = ((5.0, 0.03, 0.03), (1.0, 0.1, 0.1), (0.35, 0.45, 0.45), (0.5, 0.006, 0.2))
BANDS = 24  # per broken image
GRAY = 128.0  # shown by a decoder for missing blocks


@pixels(strength=STRENGTH)
def glare(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Add one to three lights, low sun or headlights, that bloom and veil the image."""
    height, width = images.shape[1:3]
    share, drawn = per_example(strength), uniform(seeds, (2 + 3 * LIGHTS,))
    x, y, power = tf.split(drawn[:, 2:, None], 3, axis=1)  # (B, lights, 1)
    power = tf.where(
        tf.range(LIGHTS)[:, None] < tf.cast(1 + 3 * drawn[:, :1, None], tf.int32), 0.4 + 0.6 * power, 0.0
    )
    rows = (tf.range(height, dtype=tf.float32) + 0.5 - y * height) / min(height, width)
    columns = (tf.range(width, dtype=tf.float32) + 0.5 - x * width) / min(height, width)
    light = tf.zeros(())
    for much, high, wide in BLOOM:
        # A 2-D Gaussian is the product of two 1-D ones.
        down, across = tf.exp(-0.5 * tf.square(rows / high)), tf.exp(-0.5 * tf.square(columns / wide))
        light += much * tf.matmul(power * down, across, transpose_a=True)[..., None]
    color = WARM + per_example(drawn[:, 1]) * (WHITE - WARM)
    dimmed = images * (1 - 0.2 * share)  # the camera exposes for the light
    return dimmed + (1 - tf.exp(-share * light)) * (255 * color - dimmed)


@pixels(strength=STRENGTH)
def dirt(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Add dirt on the lens: drops that blur the image, and smears of mud or dust."""
    size_hw, unit = images.shape[1:3], scale(images)
    drawn = uniform(branch(seeds, 0), (2,))
    bumps = sparse_points(branch(seeds, 1), size_hw, (16 * unit,) * 2, (8 * unit, 7 * unit), 0.2 * strength)
    drops = tf.clip_by_value((bumps - 0.3) / 0.15, 0.0, 1.0)
    # A drop shows the street upside down: its lower edge is bright sky, its upper one dark.
    sky = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    sky *= 1.5 * (bumps - tf.roll(bumps, -max(1, round(2 * unit)), axis=1))
    wet = images + drops * (smooth_mask(images, 12) + sky - images)
    share = per_example(strength)
    smears = (
        tf.sigmoid(4 * (smooth_noise(branch(seeds, 2), size_hw, 4.0, 3) - 1.9 + 1.2 * share)) * 0.85 * share
    )
    return wet + smears * (MUD + per_example(drawn[:, 0]) * (DUST - MUD) - wet)


@pixels(strength=STRENGTH)
def dropped_frames(images: tf.Tensor, strength: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    """Break the stream: below some row, bands are shifted, stretched from the row above, or gray in blocks.

    At strength 1 the break lies a tenth to four tenths below the top.
    """
    height, width = images.shape[1:3]
    block = math.ceil(height / BANDS)
    band, rows = np.arange(height) // block, np.arange(height)
    drawn = uniform(branch(seeds, 0), (3, BANDS))
    top = tf.round(height * (1 - strength * (0.6 + 0.3 * drawn[:, 0, 0])))
    broken = rows >= tf.cast(top, tf.int32)[:, None]
    # Each fault lasts for one or more bands.
    turn = tf.cumsum(tf.cast(drawn[:, 0] < 0.5, tf.int32), axis=1)
    fate = tf.gather(tf.gather(drawn, turn, axis=2, batch_dims=1), band, axis=2)
    kind, amount = fate[:, 1], fate[:, 2]
    drawn_out, moved, lost = kind < 0.25, (kind > 0.2) & (kind < 0.7), kind > 0.7

    last_good = tf.maximum(tf.cast(top, tf.int32)[:, None] - 1, 0)
    source = tf.where(broken & drawn_out, last_good, rows)
    step = tf.where(broken & moved, tf.cast(width * (0.1 + 0.8 * amount), tf.int32), 0)
    places = source[:, :, None] * width + (np.arange(width) + step[:, :, None]) % width
    flat = tf.reshape(images, (-1, height * width, 3))
    torn = tf.gather(flat, tf.reshape(places, (-1, height * width)), batch_dims=1)

    holes = uniform(branch(seeds, 1), (BANDS, math.ceil(width / block))) < 0.55
    holes = tf.gather(tf.gather(holes, band, axis=1), np.arange(width) // block, axis=2)
    holes &= (broken & lost)[:, :, None]
    return tf.where(holes[..., None], GRAY, tf.reshape(torn, tf.shape(images)))
