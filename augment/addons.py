"""Replacement of `tensorflow_addons.image` with the same arguments and results, for current TensorFlow.

To migrate, use `from augment import addons` and `addons.rotate` for `tfa.image.rotate`. (For new code prefer `warp`,
and policies, which move boxes too.) The conventions are those of tensorflow-addons:

- angles are radians, counter-clockwise on screen; those of `affine.rotation` are degrees, clockwise.
- transforms map the result to the image; matrices of `affine` map the image to the result.
- pixel centers lie at integers, the center of an image at ((W - 1) / 2, (H - 1) / 2); in `affine` they lie at
  halves, the center at (W / 2, H / 2). Both are the same point: rotations about it and translations agree, other
  transforms differ by a shift of half a pixel before and after.
- the result has the image's rank and dtype; it is filled with 0, without anti-aliasing.

All functions raise ValueError for an argument of invalid shape, dtype or name, or an odd side of `cutout`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

DTYPES = ("uint8", "int32", "int64", "float16", "float32", "float64")
INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "reflect", "wrap", "nearest")


def transform(
    images: Any,
    transforms: Any,
    interpolation: str = "nearest",
    fill_mode: str = "constant",
    output_shape: Any = None,
    name: str | None = None,
    fill_value: Any = 0.0,
) -> tf.Tensor:
    """Return images moved by projective transforms from the result to the image.

    Args:
        images: (B, H, W, C), (H, W, C) or (H, W), of a type in `DTYPES`.
        transforms: (8,) for all images or (B, 8), float32. With a row a0 a1 a2 b0 b1 b2 c0 c1, the result
            at (x, y) is the image at (a0 x + a1 y + a2, b0 x + b1 y + b2) / k, pixels, with k = c0 x + c1 y + 1.
            They have no gradient.
        interpolation: "nearest" or "bilinear", which truncates integers instead of rounding.
        fill_mode: values beyond the edges of an image a b c d: "constant" (k k | a b c d | k k), "reflect"
            (b a | a b c d | d c), "nearest" (a a | a b c d | d d) or "wrap" (c d | a b c d | a b; in TensorFlow's
            kernel correct up to W - 2 and H - 2 pixels beyond the edge).
        output_shape: height and width of the result, pixels; None: unchanged.
        name: name of the operation.
        fill_value: the k of "constant", a number.

    Example:
        >>> from_the_right = [1, 0, 1, 0, 1, 0, 0, 0]
        >>> transform([[1, 2, 3], [4, 5, 6]], from_the_right).numpy().tolist()
        [[2, 3, 0], [5, 6, 0]]
        >>> transform([[1, 2, 3], [4, 5, 6]], from_the_right, fill_mode="wrap", output_shape=(1, 3)).numpy().tolist()
        [[2, 3, 1]]
    """
    with tf.name_scope(name or "transform"):
        images = tf.convert_to_tensor(images)
        if images.dtype.name not in DTYPES:
            raise ValueError(f"images of type {images.dtype.name}: cast them to one of {', '.join(DTYPES)}")
        if tf.convert_to_tensor(fill_value).shape.rank:
            raise ValueError(f"fill_value {fill_value}: expected one number for all channels")
        batch = _as_batch(images)
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=batch,
            transforms=_per_image("transforms", transforms, (8,), batch),
            output_shape=_size_hw(output_shape, batch),
            interpolation=_chosen("interpolation", interpolation, INTERPOLATIONS),
            fill_mode=_chosen("fill_mode", fill_mode, FILL_MODES),
            fill_value=tf.cast(fill_value, tf.float32),
        )
        return _as_given(moved, images)


def rotate(
    images: Any,
    angles: Any,
    interpolation: str = "nearest",
    fill_mode: str = "constant",
    name: str | None = None,
    fill_value: Any = 0.0,
) -> tf.Tensor:
    """Return images rotated about their centers, counter-clockwise on screen.

    Args:
        images: as in `transform`.
        angles: a number for all images or (B,), radians.
        interpolation: as in `transform`. For a quarter turn with one of height and width odd and the other even,
            every "nearest" is a tie, decided by the last bit of the cosine.
        fill_mode: as in `transform`.
        name: as in `transform`.
        fill_value: as in `transform`.

    Example:
        >>> rotate([[1, 2], [3, 4]], 3.14159265 / 2).numpy().tolist()
        [[2, 4], [1, 3]]
    """
    with tf.name_scope(name or "rotate"):
        images = tf.convert_to_tensor(images)
        batch = _as_batch(images)
        radians = _per_image("angles", angles, (), batch)
        cos, sin, zero = tf.cos(radians), tf.sin(radians), tf.zeros_like(radians)
        last_y, last_x = tf.unstack(tf.cast(tf.shape(batch)[1:3] - 1, tf.float32))
        # Nearest pixels depend on the last bit: sum in the order of tensorflow-addons.
        x = (last_x - (cos * last_x - sin * last_y)) / 2
        y = (last_y - (sin * last_x + cos * last_y)) / 2
        rows = tf.stack([cos, -sin, x, sin, cos, y, zero, zero], axis=1)
        return transform(images, rows, interpolation, fill_mode, fill_value=fill_value)


def translate(
    images: Any,
    translations: Any,
    interpolation: str = "nearest",
    fill_mode: str = "constant",
    name: str | None = None,
    fill_value: Any = 0.0,
) -> tf.Tensor:
    """Return images moved to the right and down.

    Args:
        images: as in `transform`.
        translations: x and y for all images or (B, 2), pixels.
        interpolation: as in `transform`.
        fill_mode: as in `transform`.
        name: as in `transform`.
        fill_value: as in `transform`.

    Example:
        >>> translate([[1, 2, 3], [4, 5, 6]], [1, 0], fill_value=9).numpy().tolist()
        [[9, 1, 2], [9, 4, 5]]
    """
    with tf.name_scope(name or "translate"):
        images = tf.convert_to_tensor(images)
        rows = _per_image("translations", translations, (2,), _as_batch(images))
        x, y = tf.unstack(-rows, axis=1)
        one, zero = tf.ones_like(x), tf.zeros_like(x)
        flat = tf.stack([one, zero, x, zero, one, y, zero, zero], axis=1)
        return transform(images, flat, interpolation, fill_mode, fill_value=fill_value)


def cutout(images: Any, mask_size: Any, offset: Any = (0, 0), constant_values: Any = 0) -> tf.Tensor:
    """Return images with a rectangle filled with a constant (DeVries and Taylor 2017, arXiv 1708.04552).

    Args:
        images: (B, H, W, C), (H, W, C) or (H, W), of any type; tensorflow-addons takes batches only.
        mask_size: height and width of the rectangle or one number for both, even integers, pixels.
        offset: row and column (not x and y) of its center, for all images or (B, 2), integers, pixels: half of the
            rectangle's rows come before that row. It is clipped to the image.
        constant_values: fill value.

    Example:
        >>> cutout(tf.ones((3, 5), tf.uint8), (2, 4), offset=(2, 3)).numpy().tolist()
        [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    """
    with tf.name_scope("cutout"):
        images = tf.convert_to_tensor(images)
        batch = _as_batch(images)
        half_h, half_w = tf.unstack(_half_mask_hw(mask_size))
        centres = _per_image("offset", offset, (2,), batch, tf.int32)
        y, x = (tf.range(tf.shape(batch)[1 + i]) - centres[:, i, None] for i in (0, 1))
        in_rows, in_columns = (y >= -half_h) & (y < half_h), (x >= -half_w) & (x < half_w)
        covered = in_rows[:, :, None, None] & in_columns[:, None, :, None]
        painted = tf.where(covered, tf.cast(constant_values, batch.dtype), batch)
        return _as_given(tf.ensure_shape(painted, batch.shape), images)


def _as_batch(images: tf.Tensor) -> tf.Tensor:
    # (B, H, W, C). An image of unknown rank, as from tf.io.decode_image, is reshaped at run time.
    rank = images.shape.rank
    if rank is None:
        first, last = tf.unstack(tf.cast(tf.rank(images) < [4, 3], tf.int32))
        shape = tf.concat([tf.ones([first], tf.int32), tf.shape(images), tf.ones([last], tf.int32)], axis=0)
        return tf.ensure_shape(tf.reshape(images, shape), [None] * 4)
    if rank not in (2, 3, 4):
        raise ValueError(f"images of shape {images.shape}: give (B, H, W, C), (H, W, C) or (H, W)")
    images = images[..., None] if rank == 2 else images
    return images if rank == 4 else images[None]


def _as_given(batch: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    # Inverse of `_as_batch`.
    rank = images.shape.rank
    if rank is None:
        first, last = tf.unstack(tf.cast(tf.rank(images) < [4, 3], tf.int32))
        return tf.reshape(batch, tf.shape(batch)[first : 4 - last])
    batch = batch[..., 0] if rank == 2 else batch
    return batch if rank == 4 else batch[0]


def _per_image(
    what: str, values: Any, shape: tuple[int, ...], batch: tf.Tensor, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    # (1, *shape) or (B, *shape).
    given = tf.convert_to_tensor(values, dtype_hint=dtype)
    if dtype.is_integer and not given.dtype.is_integer:
        raise ValueError(f"{what} of type {given.dtype.name}: give integers")
    rows = given[None] if given.shape.rank == len(shape) else given
    if rows.shape.rank != len(shape) + 1 or not rows.shape[1:].is_compatible_with(shape):
        raise ValueError(f"{what} of shape {given.shape}: give {shape} for all images or {('B', *shape)}")
    count, images = rows.shape[0], batch.shape[0]
    if count != 1 and None not in (count, images) and count != images:
        raise ValueError(f"{what} of shape {given.shape} for {images} images: give one for all or for each")
    return tf.cast(rows, dtype)


def _size_hw(output_shape: Any, batch: tf.Tensor) -> tf.Tensor:
    if output_shape is None:  # known sizes keep the shape static
        known = batch.shape[1:3]
        return tf.constant(known.as_list()) if known.is_fully_defined() else tf.shape(batch)[1:3]
    size_hw = tf.cast(output_shape, tf.int32)
    known = tf.get_static_value(size_hw)
    if not size_hw.shape.is_compatible_with([2]) or (known is not None and (known < 1).any()):
        raise ValueError(f"output_shape {output_shape}: give a height and a width, pixels, 1 or more")
    return size_hw


def _half_mask_hw(mask_size: Any) -> tf.Tensor:
    size = tf.convert_to_tensor(mask_size)
    known = tf.get_static_value(size)
    bad = known is not None and ((known % 2 != 0) | (known < 0)).any()
    if bad or not size.dtype.is_integer or size.shape not in ((), (2,)):
        raise ValueError(f"mask_size {mask_size}: give an even whole number, or two for height and width")
    tf.debugging.assert_equal(size % 2, tf.zeros_like(size), "mask_size must be even")
    return tf.broadcast_to(tf.cast(size, tf.int32) // 2, (2,))


def _chosen(what: str, value: str, allowed: tuple[str, ...]) -> str:
    if str(value).lower() not in allowed:
        raise ValueError(f"{what} '{value}': allowed are {', '.join(allowed)}")
    return value.upper()
