"""Operations of mixes: gather neighbors in a batch, blend labels, join boxes."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from augment import affine

Batch = dict[str, Any]
PADDING = -1
# Boxes with a smaller visible share are dropped; equal to `Policy.min_visible`, which applies to the warp.
MIN_VISIBLE = 0.3
CHANGED = ("images", "bounding_boxes", "labels", "segmentation_masks", "matrix")


def require(batch: Batch, name: str, needs: tuple[str, ...] = ()) -> None:
    """Check that a mix supports a batch.

    Args:
        batch: the batch.
        name: the mix, for the message.
        needs: keys of which the batch must contain one; empty: any batch.

    Raises:
        ValueError: integer `labels`, or none of the keys in `needs`.

    Example:
        >>> require({"images": tf.zeros((2, 8, 8, 3)), "labels": tf.constant([0, 2])}, "mixup")
        Traceback (most recent call last):
        ValueError: mixup cannot blend class numbers (int32, shape (2,)): give (B, C) floats, e.g. tf.one_hot(labels, C)
    """
    labels = batch.get("labels")
    if labels is not None and not labels.dtype.is_floating:
        raise ValueError(
            f"{name} cannot blend class numbers ({labels.dtype.name}, shape {labels.shape}): "
            "give (B, C) floats, e.g. tf.one_hot(labels, C)"
        )
    if needs and not any(key in batch for key in needs):
        raise ValueError(
            f"{name} needs {' or '.join(needs)}, the batch has {', '.join(sorted(batch))}: "
            "remove it from the policy"
        )


def with_neighbors(batch: Batch, happens: tf.Tensor) -> tf.Tensor:
    """Return `happens`, (B,) bool; False in batches of one image."""
    return happens & (tf.shape(batch["images"])[0] > 1)


def pick(happens: tf.Tensor, *values: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return the rows of the K images that a step applies to, (K,) int64, and their entries of values (B, ...)."""
    rows = tf.where(happens)[:, 0]
    return rows, *(tf.gather(value, rows) for value in values)


def around(batch: Batch, rows: tf.Tensor) -> tf.Tensor:
    """Return rows, int64, wrapped around to the first image after the last."""
    return rows % tf.maximum(tf.shape(batch["images"], tf.int64)[0], 1)


def take(batch: Batch, rows: tf.Tensor) -> Batch:
    """Return the entries of some images that mixes may change; `images` are float32.

    Args:
        batch: all images.
        rows: (K,) int64, wrapped around after the last image.
    """
    part = {key: batch[key] for key in CHANGED if key in batch}
    part = tf.nest.map_structure(lambda every: tf.gather(every, around(batch, rows)), part)
    return part | {"images": tf.cast(part["images"], tf.float32)}


def paste(batch: Batch, rows: tf.Tensor, mixed: Batch) -> Batch:
    """Return the batch with some images replaced; the others and all dtypes are unchanged.

    Args:
        batch: all images.
        rows: (K,) int64.
        mixed: some of the keys of `batch`, K images each.
    """
    count, mixed_count = tf.shape(batch["images"])[0], tf.size(rows)
    source = tf.tensor_scatter_nd_update(tf.range(count), rows[:, None], count + tf.range(mixed_count))

    def replaced(old: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
        new = tf.round(new) if old.dtype.is_integer and new.dtype.is_floating else new
        both = tf.concat([old, tf.cast(new, old.dtype)], axis=0)
        return tf.ensure_shape(tf.gather(both, source), old.shape)

    changed = tf.cond(
        mixed_count > 0,
        lambda: {key: tf.nest.map_structure(replaced, batch[key], new) for key, new in mixed.items()},
        lambda: {key: batch[key] for key in mixed},
    )
    return {**batch, **changed}


def blend(under: tf.Tensor, over: tf.Tensor, opacity: tf.Tensor) -> tf.Tensor:
    """Return (K, h, w, C) images blended over others; `opacity` is (K, h, w) or (K, 1, 1), 0..1."""
    return under + opacity[..., None] * (over - under)


def blend_labels(images: list[Batch], shares: list[tf.Tensor]) -> Batch:
    """Return {"labels": (K, C)}, weighted by each image's share, (K,); {} without labels."""
    if "labels" not in images[0]:
        return {}
    several = [image["labels"] for image in images]
    shape = [-1] + [1] * (several[0].shape.rank - 1)
    shares = [tf.cast(tf.reshape(share, shape), several[0].dtype) for share in shares]
    return {"labels": tf.add_n([share * each for share, each in zip(shares, several, strict=True)])}


def is_box(bounding_boxes: Batch) -> tf.Tensor:
    """Return (K, N) bool: which rows are boxes, not padding."""
    return bounding_boxes["labels"] != PADDING


def join_boxes(images: list[Batch], kept: list[tf.Tensor]) -> Batch:
    """Join the boxes of several images; of more than N the largest remain, in order.

    Args:
        images: for each `boxes` (K, N, 4), `labels` (K, N), and other keys with N rows.
        kept: for each (K, N) bool, the boxes to consider.
    """
    together = {key: tf.concat([image[key] for image in images], axis=1) for key in images[0]}
    areas = tf.where(tf.concat(kept, axis=1), affine.box_areas(together["boxes"]), -1.0)
    largest, index = tf.math.top_k(areas, tf.shape(images[0]["labels"])[1])
    # Empty rows point to a row of padding after all others.
    index = tf.sort(tf.where(largest >= 0, index, tf.shape(areas)[1]))

    def chosen(values: tf.Tensor) -> tf.Tensor:
        margins = [[0, 0], [0, 1]] + [[0, 0]] * (values.shape.rank - 2)
        return tf.gather(tf.pad(values, margins, constant_values=PADDING), index, batch_dims=1)

    return {key: chosen(values) for key, values in together.items()}


def intersect(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return (..., 4) intersections of boxes; empty ones are inverted boxes, without area."""
    low, high = tf.maximum(boxes[..., :2], others[..., :2]), tf.minimum(boxes[..., 2:], others[..., 2:])
    return tf.concat([low, high], axis=-1)


def shared_areas(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return (K, N, M) areas of intersection of (K, N, 4) boxes with (K, M, 4) others, square pixels."""
    return affine.box_areas(intersect(boxes[:, :, None], others[:, None]))


def uncovered(boxes: tf.Tensor, windows: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the visible part of boxes under pasted windows.

    A window over a full end of a box shortens the box. One over a corner, or a part of a side or of the interior, does
    not change it: the visible part still reaches all four sides.

    Args:
        boxes: (K, N, 4) float32.
        windows: (K, M, 4) float32.
        counts: (K, M) bool, which of the windows are pasted.

    Returns:
        (K, N, 4) float32, and (K, N) the visible share of each box, 0..1, underestimated if windows overlap (their
        common part is counted twice).
    """
    hidden = tf.reduce_sum(tf.where(counts[:, None], shared_areas(boxes, windows), 0.0), axis=-1)
    visible = tf.maximum(1 - hidden / tf.maximum(affine.box_areas(boxes), 1e-6), 0.0)
    low, high = boxes[:, :, None, :2], boxes[:, :, None, 2:]
    first, last = windows[:, None, :, :2], windows[:, None, :, 2:]
    from_low, to_high = first <= low, last >= high
    across = (from_low & to_high)[..., ::-1] & counts[:, None, :, None]
    low = tf.reduce_max(tf.where(across & from_low, tf.maximum(last, low), low), axis=2)
    high = tf.reduce_min(tf.where(across & to_high, tf.minimum(first, high), high), axis=2)
    return tf.concat([low, high], axis=-1), visible
