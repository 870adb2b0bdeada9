"""Faults of lens and stream: glare, dirt on the lens, dropped frames."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from augment.random_fields import branch, per_example, scale, smooth_noise, sparse_points, uniform
from augment.registry import STRENGTH, pixels
from augment.weather import smooth_mask

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
