"""What mixing takes: the neighbours of some images of a batch, labels blended, and boxes put together."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from augment import affine

Batch = dict[str, Any]
PADDING = -1
# An object of whose box less than this share is to be seen is dropped: as `min_visible` of policies, so that
# whatever cuts an object, warp or mix, the same is asked of the network.
MIN_VISIBLE = 0.3
CHANGED = ("images", "bounding_boxes", "labels", "segmentation_masks", "matrix")


def require(batch: Batch, name: str, needs: tuple[str, ...] = ()) -> None:
    """Refuse a batch that a mix makes no sense of.

    Args:
        batch: what is to be mixed.
        name: the mix, for the message.
        needs: keys of which the batch must hold one; none where any batch will do.

    Raises:
        ValueError: `labels` that are class numbers, or none of the keys in `needs`.

    Example:
        >>> require({"images": tf.zeros((2, 8, 8, 3)), "labels": tf.constant([0, 2])}, "mixup")
        Traceback (most recent call last):
        ValueError: mixup blends labels, and these are class numbers (int32, shape (2,)): give (B, C) floats, as \
by tf.one_hot(labels, C)
    """
    labels = batch.get("labels")
    if labels is not None and not labels.dtype.is_floating:
        raise ValueError(
            f"{name} blends labels, and these are class numbers ({labels.dtype.name}, shape {labels.shape}): "
            "give (B, C) floats, as by tf.one_hot(labels, C)"
        )
    if needs and not any(key in batch for key in needs):
        raise ValueError(
            f"{name} needs {' or '.join(needs)}, the batch holds {', '.join(sorted(batch))}: "
            "leave it out of the policy"
        )


def with_neighbours(batch: Batch, happens: tf.Tensor) -> tf.Tensor:
    """Return `happens`, (B,) bool; False where the only neighbour of an image is the image itself."""
    return happens & (tf.shape(batch["images"])[0] > 1)


def pick(happens: tf.Tensor, *values: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return the rows of the K images that a step happens to, (K,) int64, and of each value (B, ...) theirs."""
    rows = tf.where(happens)[:, 0]
    return rows, *(tf.gather(value, rows) for value in values)


def around(batch: Batch, rows: tf.Tensor) -> tf.Tensor:
    """Return rows, int64, of which those behind the last image start again from the first."""
    return rows % tf.maximum(tf.shape(batch["images"], tf.int64)[0], 1)


def take(batch: Batch, rows: tf.Tensor) -> Batch:
    """Return what mixing may change of some images; `images` are float32.

    Args:
        batch: all images.
        rows: (K,) int64, which may run on behind the last image.
    """
    part = {key: batch[key] for key in CHANGED if key in batch}
    part = tf.nest.map_structure(lambda every: tf.gather(every, around(batch, rows)), part)
    return part | {"images": tf.cast(part["images"], tf.float32)}


def paste(batch: Batch, rows: tf.Tensor, mixed: Batch) -> Batch:
    """Return the batch with some images replaced; the others stay bit for bit, and so do all types.

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
    """Return (K, h, w, C) images laid over others; `opacity` is (K, h, w) or (K, 1, 1), 0..1."""
    return under + opacity[..., None] * (over - under)


def blend_labels(images: list[Batch], shares: list[tf.Tensor]) -> Batch:
    """Return {"labels": (K, C)}, those of each image weighted by its share, (K,); {} where there are none."""
    if "labels" not in images[0]:
        return {}
    several = [image["labels"] for image in images]
    shape = [-1] + [1] * (several[0].shape.rank - 1)
    shares = [tf.cast(tf.reshape(share, shape), several[0].dtype) for share in shares]
    return {"labels": tf.add_n([share * each for share, each in zip(shares, several, strict=True)])}


def is_box(bounding_boxes: Batch) -> tf.Tensor:
    """Return (K, N) bool: which rows are boxes, and not padding."""
    return bounding_boxes["labels"] != PADDING


def join_boxes(images: list[Batch], kept: list[tf.Tensor]) -> Batch:
    """Return the boxes of several images as those of one, with as many rows as one had: the largest, in order.

    Args:
        images: for each `boxes` (K, N, 4), `labels` (K, N), and whatever else has N rows.
        kept: for each (K, N) bool, the boxes that may stay.

    Example:
        >>> one, two = ({"boxes": [[[0.0, 0, side, 1]]], "labels": [[side]]} for side in (3, 4))
        >>> join_boxes([one, two], [[[True]], [[True]]])["labels"].numpy().tolist()
        [[4]]
    """
    together = {key: tf.concat([image[key] for image in images], axis=1) for key in images[0]}
    areas = tf.where(tf.concat(kept, axis=1), affine.box_areas(together["boxes"]), -1.0)
    largest, index = tf.math.top_k(areas, tf.shape(images[0]["labels"])[1])
    # Rows that stay empty point to a row of padding behind all others.
    index = tf.sort(tf.where(largest >= 0, index, tf.shape(areas)[1]))

    def chosen(values: tf.Tensor) -> tf.Tensor:
        margins = [[0, 0], [0, 1]] + [[0, 0]] * (values.shape.rank - 2)
        return tf.gather(tf.pad(values, margins, constant_values=PADDING), index, batch_dims=1)

    return {key: chosen(values) for key, values in together.items()}


def intersect(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return (..., 4) what boxes share with others; where that is nothing, inverted boxes, which have no area.

    Example:
        >>> intersect(tf.constant([0.0, 0, 4, 4]), tf.constant([2.0, 1, 9, 9])).numpy().tolist()
        [2.0, 1.0, 4.0, 4.0]
    """
    low, high = tf.maximum(boxes[..., :2], others[..., :2]), tf.minimum(boxes[..., 2:], others[..., 2:])
    return tf.concat([low, high], axis=-1)


def shared_areas(boxes: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return (K, N, M) areas that (K, N, 4) boxes share with (K, M, 4) others, square pixels."""
    return affine.box_areas(intersect(boxes[:, :, None], others[:, None]))


def uncovered(boxes: tf.Tensor, windows: tf.Tensor, counts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return what is left of boxes that windows are pasted over.

    A window that hides an end of a box over its whole breadth shortens the box to the rest of it. One that
    takes a corner, or a piece from a side or the middle, leaves the box as it was: what is still to be seen
    reaches all four of its sides.

    Args:
        boxes: (K, N, 4) float32.
        windows: (K, M, 4) float32.
        counts: (K, M) bool, which of the windows are pasted.

    Returns:
        (K, N, 4) float32, and (K, N) the share of each box that is still to be seen, 0..1, or less where two
        windows hide the same part: that is counted twice.

    Example:
        >>> box, window = tf.constant([[[10.0, 10, 30, 20]]]), tf.constant([[[0.0, 0, 15, 40]]])
        >>> [each.numpy().tolist() for each in uncovered(box, window, tf.constant([[True]]))]
        [[[[15.0, 10.0, 30.0, 20.0]]], [[0.75]]]
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
