"""Random fields: numbers and smooth noise, sampled for each image of a batch from its own seed.

Seeds are (B, 2) int32, sizes and spacings in pixels, and results (B, ...) float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

STRIDE = 0x61C88647  # 2^32 less 2^32 over the golden ratio: odd, and its multiples lie far apart


def per_example(values: tf.Tensor) -> tf.Tensor:
    """Return (B,) values as (B, 1, 1, 1) float32, to broadcast over the pixels of each image."""
    return tf.cast(values, tf.float32)[:, None, None, None]


def scale(images: tf.Tensor) -> float:
    """Return the shorter side in units of 256 pixels, the size that lengths are given for."""
    return min(images.shape[1:3]) / 256


def branch(seeds: tf.Tensor, number: int) -> tf.Tensor:
    """Return seeds for sample `number`, 0 or more, of the same images; branches may be branched again."""
    return tf.convert_to_tensor(seeds) * [1, STRIDE] + [0, number + 1]


def uniform(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Sample (B, *shape) numbers in [0, 1).

    Example:
        >>> together, alone = uniform([[1, 2], [3, 4]], (5,)), uniform([[3, 4]], (5,))
        >>> bool(tf.reduce_all(together[1] == alone[0]))
        True
    """
    return _for_each(seeds, lambda seed: tf.random.stateless_uniform(shape, seed, alg="philox"), shape)


def normal(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Sample (B, *shape) standard normal numbers.

    Two numbers come from 32 random bits (Box and Muller, 1958, "A Note on the Generation of Random Normal
    Deviates", 16 bits for the radius and 16 for the angle), a third of the time of `tf.random.stateless_normal`;
    the maximum is 4.9.
    """
    count = math.prod(shape)
    half = (count + 1) // 2

    def one(seed: tf.Tensor) -> tf.Tensor:
        bits = tf.random.stateless_uniform((half,), seed, None, None, tf.int32, alg="philox")
        low, high = tf.bitwise.bitwise_and(bits, 0xFFFF), tf.bitwise.right_shift(bits, 16)
        radius = tf.sqrt(-2 * tf.math.log((tf.cast(low, tf.float32) + 0.5) / 2**16))
        angle = tf.cast(high, tf.float32) * (2 * math.pi / 2**16)
        pairs = tf.concat([radius * tf.cos(angle), radius * tf.sin(angle)], axis=0)
        return tf.reshape(pairs[:count], shape)

    return _for_each(seeds, one, shape)


def smooth_noise(seeds: tf.Tensor, size_hw: Sequence[int], cells: float, octaves: int = 3) -> tf.Tensor:
    """Sample (B, H, W, 1) smooth noise: every pixel is standard normal and similar to its neighbors.

    Each octave is twice as fine and half as strong (Perlin, 1985, "An Image Synthesizer").

    Args:
        seeds: of the images.
        size_hw: height and width.
        cells: number of the largest structures along the shorter side.
        octaves: number of scales.
    """
    total, parts = 0.0, []
    for octave in range(octaves):
        spacing = min(size_hw) / (cells * 2**octave)
        rows, columns = (_bumps(size, spacing, 0.7 * spacing) for size in size_hw)
        # Rows of length 1 preserve the variance.
        rows, columns = (bumps / np.linalg.norm(bumps, axis=1, keepdims=True) for bumps in (rows, columns))
        lattice = normal(branch(seeds, octave), (rows.shape[1], columns.shape[1]))
        parts.append(0.5**octave * _lay(lattice, rows, columns))
        total += 0.25**octave
    return tf.add_n(parts) / math.sqrt(total)


def sparse_points(
    seeds: tf.Tensor,
    size_hw: Sequence[int],
    spacing_hw: Sequence[float],
    spread_hw: Sequence[float],
    share: tf.Tensor,
) -> tf.Tensor:
    """Sample bumps of random height, 0..1, at a random share of the points of a lattice.

    Args:
        seeds: of the images.
        size_hw: height and width.
        spacing_hw: spacing of the lattice.
        spread_hw: standard deviations of the Gaussian bumps.
        share: (B,) float32, 0..1, of the points with a bump; a larger share keeps and raises the bumps of a smaller
            one.

    Returns:
        (B, H, W, 1) float32, 0 or more; overlapping bumps add up.
    """
    rows, columns = map(_bumps, size_hw, spacing_hw, spread_hw)
    drawn = uniform(seeds, (rows.shape[1], columns.shape[1]))
    share = tf.cast(share, tf.float32)[:, None, None]
    return _lay(tf.nn.relu(drawn - (1 - share)) / tf.maximum(share, 1e-6), rows, columns)


def _for_each(seeds: tf.Tensor, draw: Callable[[tf.Tensor], tf.Tensor], shape: Sequence[int]) -> tf.Tensor:
    # One by one: in a batch the same numbers may be rounded differently, depending on their position.
    signature = tf.TensorSpec(shape, tf.float32)
    return tf.map_fn(draw, tf.convert_to_tensor(seeds), fn_output_signature=signature)


def _bumps(size: int, spacing: float, spread: float) -> np.ndarray:
    # (size, points): weight of each lattice point, which begin and end outside, at each pixel.
    points = np.arange(-1, math.ceil(size / spacing) + 1) + 0.5
    distance = (np.arange(size)[:, None] + 0.5) - points * spacing
    wide = max(spread, 0.5)  # narrower ones would fall between pixels: make them fainter instead
    return (spread / wide * np.exp(-0.5 * (distance / wide) ** 2)).astype(np.float32)


def _lay(lattice: tf.Tensor, rows: np.ndarray, columns: np.ndarray) -> tf.Tensor:
    return tf.matmul(tf.matmul(rows, lattice), columns, transpose_b=True)[..., None]
