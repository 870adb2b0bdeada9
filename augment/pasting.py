"""Mixes that paste a window or objects of the next image at the same position. Batches: `augment.mixing`."""

from __future__ import annotations

import tensorflow as tf

from augment import affine
from augment.mix_ops import (
    MIN_VISIBLE,
    Batch,
    blend,
    blend_labels,
    intersect,
    is_box,
    join_boxes,
    paste,
    pick,
    require,
    shared_areas,
    take,
    uncovered,
    with_neighbors,
)
from augment.registry import SHARE, Value, mix

MAX_OVERLAP = 0.3  # of a pasted and an existing object, as a share of the smaller one
FEATHER = 0.1  # width of the fade around an object, as a share of its box' shorter side


@mix(side=Value(0.0, 0.7, 0.0, 1.0), x=SHARE, y=SHARE)
def cutmix(batch: Batch, happens: tf.Tensor, side: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> Batch:
    """Paste a window of the next image at the same position; labels are weighted by area.

    Boxes are clipped to their visible part, and dropped if that is less than `MIN_VISIBLE`.
    Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    arXiv 1905.04899; there the window may cross the edge, here it lies inside.

    Args:
        batch: see `augment.mixing`.
        happens: (B,) bool; a single image in a batch is not changed.
        side: (B,) float32, the window's sides as a share of the image's, 0..1, rounded to whole pixels.
        x: (B,) float32, position of the window within its range, 0 (left) .. 1 (right).
        y: (B,) float32, the same from top to bottom.

    Raises:
        ValueError: integer labels.

    Example:
        >>> shades = {"images": tf.reshape([0.0, 9.0], (2, 1, 1, 1)) * tf.ones((1, 2, 4, 3))}
        >>> half, right = tf.fill([2], 0.5), tf.ones(2)
        >>> cutmix(shades, tf.constant([True, False]), half, right, right)["images"][0, ..., 0].numpy().tolist()
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 9.0, 9.0]]
    """
    require(batch, "cutmix")
    rows, side, x, y = pick(with_neighbors(batch, happens), side, x, y)
    own, other = take(batch, rows), take(batch, rows + 1)
    size_wh = tf.constant(tuple(batch["images"].shape[1:3])[::-1], tf.float32)
    sides = tf.round(side[:, None] * size_wh)
    corner = tf.round(tf.stack([x, y], axis=1) * (size_wh - sides))
    window = tf.concat([corner, corner + sides], axis=1)[:, None]
    counts = tf.ones_like(window[..., 0], tf.bool)
    mixed = _pasted(own, other, window, counts, tf.zeros_like(window[..., 0]))
    if "bounding_boxes" in batch:
        below, above = own["bounding_boxes"], other["bounding_boxes"]
        rest, visible = uncovered(below["boxes"], window, counts)
        inside, whole = intersect(above["boxes"], window), affine.box_areas(above["boxes"])
        shown = affine.box_areas(inside) >= MIN_VISIBLE * tf.maximum(whole, 1e-6)
        kept = [is_box(below) & (visible >= MIN_VISIBLE), is_box(above) & shown]
        mixed["bounding_boxes"] = join_boxes([below | {"boxes": rest}, above | {"boxes": inside}], kept)
    return paste(batch, rows, mixed)


@mix(needs=("bounding_boxes",), share=SHARE)
def copy_paste(batch: Batch, happens: tf.Tensor, share: tf.Tensor, seeds: tf.Tensor) -> Batch:
    """Paste objects of the next image at the same position, fading out around their boxes.

    The same position preserves the perspective of a street camera. An object is pasted together with those visible in
    its box, and not pasted if one of them would overlap more than `MAX_OVERLAP` of the smaller box with an existing
    object. Boxes of existing objects are clipped to their visible part, and dropped if that is less than
    `MIN_VISIBLE`. Labels are weighted by area.
    Ghiasi et al. 2021, "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation",
    arXiv 2012.07177, by boxes; the soft edges as in Dwibedi et al. 2017, "Cut, Paste and Learn", arXiv 1708.01642.

    Args:
        batch: see `augment.mixing`; it needs boxes.
        happens: (B,) bool; a single image in a batch is not changed.
        share: (B,) float32, probability of each object of the next image, 0..1.
        seeds: (B, 2) int32.

    Raises:
        ValueError: no boxes, or integer labels.
    """
    require(batch, "copy_paste", ("bounding_boxes",))
    rows, share, seeds = pick(with_neighbors(batch, happens), share, seeds)
    own, other = take(batch, rows), take(batch, rows + 1)
    below, above = own["bounding_boxes"], other["bounding_boxes"]
    chosen = _chosen(below, above, share, seeds)
    sides = above["boxes"][..., 2:] - above["boxes"][..., :2]
    mixed = _pasted(own, other, above["boxes"], chosen, FEATHER * tf.reduce_min(sides, axis=-1))
    rest, visible = uncovered(below["boxes"], above["boxes"], chosen)
    kept = [is_box(below) & (visible >= MIN_VISIBLE), chosen]
    mixed["bounding_boxes"] = join_boxes([below | {"boxes": rest}, above], kept)
    return paste(batch, rows, mixed)


def _chosen(below: Batch, above: Batch, share: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
    # (K, N) bool: which of the boxes above are pasted.
    areas = affine.box_areas(above["boxes"])
    there = is_box(above) & (areas > 0)
    smaller = tf.minimum(affine.box_areas(below["boxes"])[:, :, None], areas[:, None])
    collide = shared_areas(below["boxes"], above["boxes"]) > MAX_OVERLAP * smaller
    free = there & ~tf.reduce_any(collide & is_box(below)[:, :, None], axis=1)
    # comes[k, i, j]: i is pasted with j, which is visible in the box of i, or in one pasted with i.
    comes = shared_areas(above["boxes"], above["boxes"]) >= MIN_VISIBLE * areas[:, None]
    comes = tf.cast(comes & there[:, :, None] & there[:, None], tf.float32)
    comes = comes @ comes > 0
    welcome = there & ~tf.reduce_any(comes & ~free[:, None], axis=2)
    lots = tf.map_fn(
        lambda seed: tf.random.stateless_uniform(tf.shape(there)[1:], seed),
        seeds,
        fn_output_signature=tf.TensorSpec(there.shape[1:], tf.float32),
    )
    return tf.reduce_any(comes & (welcome & (lots < share[:, None]))[..., None], axis=1)


def _pasted(own: Batch, other: Batch, windows: tf.Tensor, counts: tf.Tensor, fade: tf.Tensor) -> Batch:
    # Paste (K, M, 4) windows of the other image where `counts`: pixels, masks, labels.
    opacity = _opacity(windows, counts, fade, tuple(own["images"].shape[1:3]))
    mixed = {"images": blend(own["images"], other["images"], opacity)}
    area = tf.reduce_mean(opacity, axis=(1, 2))
    mixed |= blend_labels([own, other], [1 - area, area])
    if "segmentation_masks" in own:
        masks = other["segmentation_masks"], own["segmentation_masks"]
        mixed["segmentation_masks"] = tf.where(opacity[..., None] > 0.5, *masks)
    return mixed


def _opacity(windows: tf.Tensor, counts: tf.Tensor, fade: tf.Tensor, size_hw: tuple[int, int]) -> tf.Tensor:
    # (K, h, w): 1 inside the windows, falling to 0 within `fade` pixels, (K, M), around them. A window is the
    # product of a column and a row of pixels, and all of an image's are one matrix product.
    def along(size: int, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        centres = tf.range(size, dtype=tf.float32) + 0.5
        depth = tf.minimum(centres - first[..., None], last[..., None] - centres)
        return tf.clip_by_value((depth + fade[..., None] + 0.5) / (fade[..., None] + 1), 0.0, 1.0)

    columns = along(size_hw[0], windows[..., 1], windows[..., 3]) * tf.cast(counts, tf.float32)[..., None]
    rows = along(size_hw[1], windows[..., 0], windows[..., 2])
    return tf.minimum(tf.matmul(columns, rows, transpose_a=True), 1.0)
