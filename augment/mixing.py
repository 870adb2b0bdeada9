"""Mixes: images of a batch take parts of their neighbors.

A batch holds `images` (B, h, w, 3), float32 RGB 0..255 (other types are kept), h and w static; optionally
`bounding_boxes`, `boxes` (B, N, 4) float32 pixels xyxy and `labels` (B, N) int32, rows of padding -1; optionally
`labels` (B, C) float32, one-hot or multi-hot; optionally `segmentation_masks` (B, h, w, 1), integers. Other
keys pass through. Image i takes from i + 1, i + 2 and i + 3 (cyclically), as they were before the step. Images that a
step does not apply to are unchanged, bit for bit. N is constant: of more boxes the largest remain, in order.
"""

from __future__ import annotations

import tensorflow as tf

from augment import affine
from augment.mix_ops import (
    MIN_VISIBLE,
    Batch,
    around,
    blend,
    blend_labels,
    is_box,
    join_boxes,
    paste,
    pick,
    require,
    take,
    with_neighbors,
)
from augment.pasting import copy_paste, cutmix
from augment.registry import Value, mix

__all__ = ["copy_paste", "cutmix", "mixup", "mosaic"]

MIN_OPACITY = 0.2  # fainter objects on street images are hard to see even for a person who knows of them
MIDDLE = Value(0.5, 0.5, 0.3, 0.7)  # nearer to the edge only a strip of an image would be visible


@mix(needs=("bounding_boxes", "segmentation_masks"), x=MIDDLE, y=MIDDLE)
def mosaic(batch: Batch, happens: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> Batch:
    """Show four images around a point: the image top left, then its three neighbors row by row.

    All four are scaled by the same factor, which just fills the largest field: 0.5 for a point in the center, 0.7 for
    one at 0.7. There is no padding and no distortion. Boxes are clipped to their visible part, and dropped if that is
    less than `MIN_VISIBLE` of them; labels are weighted by area.
    Bochkovskiy et al. 2020, "YOLOv4: Optimal Speed and Accuracy of Object Detection", arXiv 2004.10934.

    Args:
        batch: see above; with `labels` it needs boxes or masks too. `matrix` (B, 3, 3) follows the image.
        happens: (B,) bool.
        x: (B,) float32, the point where the four meet, as a share of the width, 0..1.
        y: (B,) float32, the same of the height.

    Raises:
        ValueError: labels without boxes or masks, or integer labels.

    Example:
        >>> shades = {"images": tf.reshape(tf.range(4.0), (4, 1, 1, 1)) * tf.ones((1, 4, 4, 3))}
        >>> half = tf.fill([4], 0.5)
        >>> mosaic(shades, tf.range(4) == 0, half, half)["images"][0, 1:3, 1:3, 0].numpy().tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    require(batch, "mosaic", ("bounding_boxes", "segmentation_masks") if "labels" in batch else ())
    rows, x, y = pick(happens, x, y)
    images, size_hw = [take(batch, rows + step) for step in range(4)], tuple(batch["images"].shape[1:3])
    scale, point = _scale_and_point(x, y, size_hw)
    four = around(batch, rows[:, None] + tf.range(4, dtype=tf.int64))
    mixed = {"images": _fields(batch["images"], four, scale, point, "bilinear")}
    mixed |= blend_labels(images, [x * y, (1 - x) * y, x * (1 - y), (1 - x) * (1 - y)])
    if "segmentation_masks" in batch:
        mixed["segmentation_masks"] = _fields(batch["segmentation_masks"], four, scale, point, "nearest")
    matrices = [_field_matrix(scale, point, size_hw, field) for field in range(4)]
    if "matrix" in batch:
        mixed["matrix"] = matrices[0] @ images[0]["matrix"]
    if "bounding_boxes" in batch:
        mixed["bounding_boxes"] = _boxes_of_four(images, matrices, size_hw)
    return paste(batch, rows, mixed)


def _scale_and_point(x: tf.Tensor, y: tf.Tensor, size_hw: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    # (K,) and, in pixels, (K, 2). The outermost pixel of the largest field shows the outermost pixel of its image.
    size_wh = tf.constant(size_hw[::-1], tf.float32)
    point = tf.stack([x, y], axis=1) * size_wh
    reach = tf.maximum(point, size_wh - point)
    scale = tf.reduce_max((reach - 0.5) / (size_wh - 0.5), axis=1)
    return scale * (1 + 1e-5), point  # slightly more, against rounding


def _field_matrix(scale: tf.Tensor, point: tf.Tensor, size_hw: tuple[int, int], field: int) -> tf.Tensor:
    # (K, 3, 3): maps the corner of the image that faces the other three to the point.
    corner = tf.constant([(1 - field % 2) * size_hw[1], (1 - field // 2) * size_hw[0]], tf.float32)
    offset = point - scale[:, None] * corner
    zero, one = tf.zeros_like(scale), tf.ones_like(scale)
    rows = [[scale, zero, offset[:, 0]], [zero, scale, offset[:, 1]], [zero, zero, one]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _fields(every: tf.Tensor, four: tf.Tensor, scale: tf.Tensor, point: tf.Tensor, method: str) -> tf.Tensor:
    # A window of four tiled images, resampled once; `four` (K, 4) are their rows. At half the size or more,
    # bilinear interpolation skips no pixel.
    height, width, channels = every.shape[1:]
    lines = tf.reshape(four, (-1, 2, 1, 2)) * height + tf.range(height, dtype=tf.int64)[:, None]
    # Gathering whole lines of pixels in tiled order is faster than concatenating.
    canvas = tf.gather(tf.reshape(every, (-1, width * channels)), tf.reshape(lines, (-1, 2 * height, 2)))
    canvas = tf.reshape(canvas, (-1, 2 * height, 2 * width, channels))
    size = tf.constant([height, width], tf.float32)
    ends = [size - 0.5 + (centre - point[:, ::-1]) / scale[:, None] for centre in (0.5, size - 0.5)]
    windows = tf.concat(ends, axis=1) / tf.tile(2 * size - 1, [2])
    return tf.image.crop_and_resize(canvas, windows, tf.range(tf.size(scale)), (height, width), method)


def _boxes_of_four(images: list[Batch], matrices: list[tf.Tensor], size_hw: tuple[int, int]) -> Batch:
    parts, kept = [], []
    for image, matrix in zip(images, matrices, strict=True):
        own = image["bounding_boxes"]
        moved = affine.move_boxes(own["boxes"], matrix, "corners")
        kept.append(is_box(own) & (affine.visible_shares(moved, size_hw) >= MIN_VISIBLE))
        parts.append(own | {"boxes": affine.clip_boxes(moved, size_hw)})
    return join_boxes(parts, kept)


@mix(share=Value(1.0, 0.5, 0.0, 1.0))
def mixup(batch: Batch, happens: tf.Tensor, share: tf.Tensor) -> Batch:
    """Blend the image with the next, and their labels; keep the boxes of both.

    The mask is that of the larger share. Boxes of an image with a share below `MIN_OPACITY` are dropped.
    Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", arXiv 1710.09412; with boxes Zhang et al.
    2019, "Bag of Freebies for Training Object Detection Neural Networks", arXiv 1902.04103.

    Args:
        batch: see above.
        happens: (B,) bool; a single image in a batch is not changed.
        share: (B,) float32, share of the image itself, 0..1.

    Raises:
        ValueError: integer labels.

    Example:
        >>> shades = {"images": tf.reshape([0.0, 100.0], (2, 1, 1, 1)) * tf.ones((1, 2, 2, 3))}
        >>> mixed = mixup(shades, tf.constant([True, False]), tf.constant([0.75, 0.75]))["images"]
        >>> mixed[:, 0, 0, 0].numpy().tolist()
        [25.0, 100.0]
    """
    require(batch, "mixup")
    rows, share = pick(with_neighbors(batch, happens), share)
    own, other = images = [take(batch, rows), take(batch, rows + 1)]
    shares = [share, 1 - share]
    mixed = {"images": blend(other["images"], own["images"], share[:, None, None])}
    mixed |= blend_labels(images, shares)
    if "segmentation_masks" in batch:
        masks = own["segmentation_masks"], other["segmentation_masks"]
        mixed["segmentation_masks"] = tf.where(share[:, None, None, None] >= 0.5, *masks)
    if "bounding_boxes" in batch:
        parts = [image["bounding_boxes"] for image in images]
        strong = [each[:, None] >= MIN_OPACITY for each in shares]
        mixed["bounding_boxes"] = join_boxes(
            parts, [is_box(part) & each for part, each in zip(parts, strong, strict=True)]
        )
    return paste(batch, rows, mixed)
