"""Resample a picture once, through one affine matrix."""

from __future__ import annotations

import tensorflow as tf

from augment import geometry

# A picture that shrinks is first averaged over areas, down to 1.5 times its final resolution. Held against an
# ideal area average (street pictures, 512-1280 px to 256 px, turned by up to 7 degrees) that is 36 to 48 dB;
# averaged by powers of two 33 to 42, to the final resolution 30 where it turns, not at all 25 to 40.
OVERSAMPLING = 1.5
GREY = 114.0  # what fills the canvas where there is no picture


def warp(image: tf.Tensor, matrix: tf.Tensor, size_hw: tuple[int, int], fill: float = GREY) -> tf.Tensor:
    """Return the picture moved by `matrix`: bilinear, anti-aliased where it shrinks.

    Args:
        image: (H, W, C) uint8 or float32, 0..255.
        matrix: (3, 3) float32, affine: pixels of `image` -> pixels of the result.
        size_hw: height and width of the result, pixels.
        fill: value of the pixels where there is no picture.

    Returns:
        (h, w, C) float32; `image` itself, bit for bit, where nothing moves.

    Example:
        >>> picture = tf.constant([[[0], [10]], [[20], [30]]], tf.uint8)
        >>> warp(picture, geometry.translation(1.0, 0.0), (2, 2))[..., 0].numpy().tolist()
        [[114.0, 0.0], [114.0, 20.0]]
    """
    size_hw, matrix = tuple(size_hw), tf.cast(matrix, tf.float32)
    upright = tf.reduce_all(tf.equal([matrix[0, 1], matrix[1, 0]], 0.0))
    whole, place_hw, offset_hw = _whole_pixels(matrix, tf.shape(image)[:2], size_hw)
    path = tf.where(upright, tf.where(whole, 2, 1), 0)
    moved = tf.switch_case(
        path,
        [
            lambda: _resample(*_reduce(image, matrix, OVERSAMPLING), size_hw, fill),
            lambda: _resample_upright(*_reduce(image, matrix, OVERSAMPLING), size_hw, fill),
            lambda: _place(_reduce(image, matrix, 1.0)[0], place_hw, offset_hw, size_hw, fill),
        ],
    )
    return tf.ensure_shape(moved, (*size_hw, image.shape[-1]))


def warp_mask(mask: tf.Tensor, matrix: tf.Tensor, size_hw: tuple[int, int], fill: int = 0) -> tf.Tensor:
    """Return a mask of classes moved by `matrix`: each pixel takes the class at its centre.

    Args:
        mask: (H, W, C) uint8 or int32.
        matrix: (3, 3) float32, affine: pixels of `mask` -> pixels of the result.
        size_hw: height and width of the result, pixels.
        fill: value of the pixels whose centres lie outside the mask.

    Returns:
        (h, w, C), of the type of `mask`.

    Example:
        >>> mask = tf.constant([[[1], [2]]], tf.uint8)
        >>> warp_mask(mask, geometry.scaling(2.0, 1.0), (1, 5))[0, :, 0].numpy().tolist()
        [1, 1, 2, 2, 0]
    """
    back = geometry.invert(tf.cast(matrix, tf.float32))
    y, x = tf.range(size_hw[0], dtype=tf.float32)[:, None] + 0.5, tf.range(size_hw[1], dtype=tf.float32) + 0.5
    column, row = (tf.cast(tf.floor(back[i, 0] * x + back[i, 1] * y + back[i, 2]), tf.int32) for i in (0, 1))
    height, width = tf.unstack(tf.shape(mask)[:2])
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    index = tf.where(inside, row * width + column, 0)
    moved = tf.gather(tf.reshape(mask, (-1, mask.shape[-1])), index)
    return tf.where(inside[..., None], moved, tf.cast(fill, mask.dtype))


def _reduce(image: tf.Tensor, matrix: tf.Tensor, oversampling: float) -> tuple[tf.Tensor, tf.Tensor]:
    # The picture averaged over areas as far as it shrinks, and the matrix from the result back to it.
    # The lengths of the linear part's columns are the scales along the picture's own x and y.
    scale_hw = tf.norm(matrix[:2, :2], axis=0)[::-1]
    picture_hw = tf.shape(image)[:2]
    reduced_hw = tf.round(tf.cast(picture_hw, tf.float32) * tf.minimum(scale_hw * oversampling, 1.0))
    reduced_hw = tf.cast(tf.maximum(reduced_hw, 1.0), tf.int32)
    reduced = tf.cond(
        tf.reduce_any(reduced_hw < picture_hw),
        lambda: tf.raw_ops.ResizeArea(images=image[None], size=reduced_hw)[0],
        lambda: tf.cast(image, tf.float32),
    )
    return reduced, geometry.invert(matrix @ geometry.stretch(reduced_hw, picture_hw))


def _resample(image: tf.Tensor, back: tf.Tensor, size_hw: tuple[int, int], fill: float) -> tf.Tensor:
    # The kernel counts pixels by whole numbers at their centres: half a pixel off, there and back.
    index = geometry.translation(-0.5, -0.5) @ back @ geometry.translation(0.5, 0.5)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.reshape(index, (1, 9))[:, :8],
        output_shape=size_hw,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=fill,
    )[0]


def _resample_upright(image: tf.Tensor, back: tf.Tensor, size_hw: tuple[int, int], fill: float) -> tf.Tensor:
    # Without rotation and shear, crop_and_resize gives the same values 4 times as fast. It takes positions as
    # shares of (side - 1), and needs the rim to fade into the fill as the other kernel does by itself.
    image = tf.pad(image, [[1, 1], [1, 1], [0, 0]], constant_values=fill)
    last_hw = tf.cast(tf.shape(image)[:2] - 1, tf.float32)
    scale_hw, offset_hw = tf.linalg.diag_part(back)[1::-1], back[1::-1, 2]
    centres = [0.5, tf.constant(size_hw, tf.float32) - 0.5]
    window = tf.concat([(scale_hw * centre + offset_hw + 0.5) / last_hw for centre in centres], axis=0)
    return tf.image.crop_and_resize(image[None], window[None], [0], size_hw, extrapolation_value=fill)[0]


def _whole_pixels(
    matrix: tf.Tensor, picture_hw: tf.Tensor, size_hw: tuple[int, int]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    # Whether an upright matrix puts the whole picture on whole pixels of the canvas, as every fit does; its
    # size and offset there.
    exact = tf.linalg.diag_part(matrix)[1::-1] * tf.cast(picture_hw, tf.float32), matrix[1::-1, 2]
    place_hw, offset_hw = (tf.cast(tf.round(value), tf.int32) for value in exact)
    error = tf.abs(tf.concat(exact, 0) - tf.cast(tf.concat([place_hw, offset_hw], 0), tf.float32))
    on_canvas = (place_hw > 0) & (offset_hw >= 0) & (place_hw + offset_hw <= size_hw)
    return tf.reduce_all(error < 1e-3) & tf.reduce_all(on_canvas), place_hw, offset_hw


def _place(
    image: tf.Tensor, place_hw: tf.Tensor, offset_hw: tf.Tensor, size_hw: tuple[int, int], fill: float
) -> tf.Tensor:
    fits = tf.reduce_all(tf.equal(tf.shape(image)[:2], place_hw))
    image = tf.cond(fits, lambda: image, lambda: tf.image.resize(image, place_hw))
    margins = tf.stack([offset_hw, size_hw - place_hw - offset_hw], axis=1)
    return tf.pad(image, tf.concat([margins, [[0, 0]]], 0), constant_values=fill)
