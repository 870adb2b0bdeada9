"""A sample through a policy: one warp for each picture, colours and mixes for each batch; two tf.data maps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from augment import geometry
from augment.colour import recolour
from augment.geometric import Canvas
from augment.lots import Drawn, cast_lots, drawn
from augment.policy import Policy, get_policy
from augment.policy_file import check
from augment.warp import warp, warp_mask

Sample = dict[str, Any]
Decode = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
PADDING = -1


def apply(sample: Sample, policy: Policy | str, size_hw: tuple[int, int], seed: tf.Tensor) -> Sample:
    """Return the sample as the network is to see it; the same seed gives the same picture.

    Mixes need a batch and are left out; `augment.pipeline` does them.

    Args:
        sample: `images` (H, W, 3) uint8 or float32 RGB 0..255; optionally `bounding_boxes`, a dict of
            `boxes` (N, 4) float32, pixels of `images`, xyxy, and `labels` (N,) int32, without padding;
            optionally `segmentation_masks` (H, W, 1) uint8 or int32; optionally `matrix` (3, 3) float32, by
            which `images` came from the original picture. Other keys pass through.
        policy: a policy or its name.
        size_hw: height and width of the network's input, pixels.
        seed: (2,) int32; unused where the policy draws nothing.

    Returns:
        The same keys with `images` (h, w, 3) of the same type; boxes moved, clipped, and dropped (with their
        labels) where too little of them is left; and `matrix` (3, 3) float32: original pixels -> pixels of
        `images`. `augment.invert` brings predictions back.

    Raises:
        ValueError: an unknown policy, or a step that names an unknown transform.

    Example:
        >>> sample = {"images": tf.zeros((90, 160, 3), tf.uint8)}
        >>> result = apply(sample, "standard", (64, 64), tf.constant([1, 2]))
        >>> result["images"].shape, result["images"].dtype.name, sorted(result)
        (TensorShape([64, 64, 3]), 'uint8', ['images', 'matrix'])
    """
    policy = get_policy(policy)
    check(policy)
    moved = warped(sample, policy, size_hw, seed)
    alone = {name: moved.pop(name)[None] for name in ("images", "lots", "seed")}
    return {**moved, "images": finished(alone, policy, mixing=False)["images"][0]}


def warped(
    sample: Sample,
    policy: Policy,
    size_hw: tuple[int, int],
    seed: tf.Tensor,
    decode: Decode | None = None,
) -> Sample:
    """Return the sample after the geometric part of a policy, with `lots` and `seed` for the rest.

    Args:
        sample: as for `apply`; with `decode`, `picture_hw` (2,) int32 stands in the place of `images`.
        policy: checked.
        size_hw: height and width of the network's input, pixels.
        seed: (2,) int32.
        decode: takes the largest reduction (1, 2, 4 or 8, scalar int32) that the warp has use for, and returns
            the picture (H, W, 3) uint8 and the reduction (scalar) that it was decoded at.
    """
    size_hw, sample = tuple(size_hw), dict(sample)
    lots = cast_lots(policy, seed)
    picture_hw = sample.pop("picture_hw") if decode else tf.shape(sample["images"])[:2]
    boxes = sample.get("bounding_boxes", {}).get("boxes", tf.zeros((0, 4)))
    plan = functools.partial(_plan, policy, size_hw)
    kinds = (tf.float32, tf.int32, tf.float32, tf.int64)
    matrix, reduction, moved, kept = tf.numpy_function(plan, [lots, picture_hw, boxes], kinds)
    matrix = tf.ensure_shape(matrix, (3, 3))
    result = {**sample, "lots": lots, "seed": seed}
    result["matrix"] = matrix @ sample["matrix"] if "matrix" in sample else matrix
    result["images"] = _moved_picture(sample, matrix, size_hw, decode, tf.ensure_shape(reduction, ()))
    if "bounding_boxes" in sample:
        labels = tf.gather(sample["bounding_boxes"]["labels"], tf.ensure_shape(kept, (None,)))
        result["bounding_boxes"] = {
            **sample["bounding_boxes"],
            "boxes": tf.ensure_shape(moved, (None, 4)),
            "labels": labels,
        }
    if "segmentation_masks" in sample:
        result["segmentation_masks"] = warp_mask(sample["segmentation_masks"], matrix, size_hw)
    return result


def _plan(
    policy: Policy, size_hw: tuple[int, int], lots: np.ndarray, picture_hw: np.ndarray, boxes: np.ndarray
) -> tuple[np.ndarray, np.int32, np.ndarray, np.ndarray]:
    # The matrix, the reduction that it has use for, and the boxes that stay, with their old numbers.
    matrix = geometry.FITS[policy.fit](picture_hw, size_hw)
    for step in drawn(policy, lots, np.zeros(2, np.int32)):
        if step.transform.stage == "geometric" and step.happens:
            canvas = Canvas(size_hw, boxes, matrix, policy.box_rule)
            matrix = step.transform.function(canvas, **step.values) @ matrix
    moved = geometry.move_boxes(boxes, matrix, policy.box_rule)
    share = geometry.visible_shares(moved, size_hw)
    (kept,) = np.nonzero((share > 0) & (share >= policy.min_visible))
    moved = geometry.clip_boxes(moved[kept], size_hw).astype(np.float32)
    return matrix.astype(np.float32), useful_reduction(matrix), moved, kept


def _moved_picture(
    sample: Sample, matrix: tf.Tensor, size_hw: tuple[int, int], decode: Decode | None, useful: tf.Tensor
) -> tf.Tensor:
    image, at = sample.get("images"), matrix
    if decode:
        image, reduction = decode(useful)
        reduction = tf.cast(reduction, tf.float32)
        at = matrix @ geometry.scaling(reduction, reduction)
    return warp(image, at, size_hw)


def useful_reduction(matrix: np.ndarray) -> np.int32:
    """Return by how much (1, 2, 4 or 8) a picture may be reduced before `matrix` without losing detail.

    Example:
        >>> [int(useful_reduction(geometry.scaling(s, s))) for s in (1.0, 0.5, 0.3, 0.2, 0.1)]
        [1, 2, 2, 4, 8]
    """
    largest = np.linalg.norm(matrix[:2, :2], axis=0).max()
    return np.int32(
        max(reduction for reduction in (1, 2, 4, 8) if reduction == 1 or largest * reduction <= 1.0001)
    )


def finished(batch: Sample, policy: Policy, mixing: bool = True) -> Sample:
    """Return a batch of `warped` samples after the colours, the pixel effects and the mixes of their policy.

    Args:
        batch: batched results of `warped`, boxes padded; optionally `mixes` (B,) bool: where it is False the
            picture takes nothing from its neighbours.
        policy: the one that they were warped by.
        mixing: whether there are any mixes at all.
    """
    batch = dict(batch)
    left_out = {"geometric"} if mixing else {"geometric", "mix"}
    steps = drawn(policy, batch.pop("lots"), batch.pop("seed"))
    steps = [step for step in steps if step.transform.stage not in left_out]
    mixes, dtype = batch.pop("mixes", True), batch["images"].dtype
    if not steps:
        return batch
    batch["images"] = tf.cast(batch["images"], tf.float32)
    for group in _in_groups([step for step in steps if step.transform.stage != "mix"]):
        change = _recoloured if group[0].transform.stage == "colour" else _changed
        batch["images"] = tf.clip_by_value(change(batch["images"], group), 0.0, 255.0)
    for step in steps:
        if step.transform.stage == "mix" and _has_use(step.transform.needs, batch):
            seeds = {"seeds": step.seeds} if step.transform.seeded else {}
            batch = step.transform.function(batch, step.happens & mixes, **step.values, **seeds)
    rounded = batch["images"] + 0.5 if dtype.is_integer else batch["images"]
    return {**batch, "images": tf.cast(rounded, dtype)}


def _has_use(needs: tuple[str, ...], batch: Sample) -> bool:
    return not needs or any(key in batch for key in needs)


def _in_groups(steps: list[Drawn]) -> list[list[Drawn]]:
    # Neighbouring colour steps together, every other step alone.
    groups: list[list[Drawn]] = []
    for step in steps:
        if groups and step.transform.stage == groups[-1][-1].transform.stage == "colour":
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _recoloured(images: tf.Tensor, steps: list[Drawn]) -> tf.Tensor:
    mean = tf.reduce_mean(tf.reshape(images, (tf.shape(images)[0], -1, 3)), axis=1)
    whole = tf.concat([mean, tf.ones_like(mean[:, :1])], axis=1)[..., None]
    matrix = tf.eye(4, batch_shape=[tf.shape(images)[0]])
    for step in steps:
        change = step.transform.function((matrix @ whole)[:, :3, 0], **step.values)
        matrix = tf.where(step.happens[:, None, None], change @ matrix, matrix)
    return recolour(images, matrix)


def _changed(images: tf.Tensor, steps: list[Drawn]) -> tf.Tensor:
    # Only the pictures that it happens to are gathered, changed, and put back.
    (step,) = steps
    rows = tf.where(step.happens)

    def change() -> tf.Tensor:
        chosen = {name: tf.gather_nd(value, rows) for name, value in step.values.items()}
        if step.transform.seeded:
            chosen["seeds"] = tf.gather_nd(step.seeds, rows)
        part = tf.ensure_shape(tf.gather_nd(images, rows), (None, *images.shape[1:]))
        return tf.tensor_scatter_nd_update(images, rows, step.transform.function(part, **chosen))

    return tf.cond(tf.shape(rows)[0] > 0, change, lambda: images)


def pad_boxes(sample: Sample, max_boxes: int) -> Sample:
    """Return the sample with exactly `max_boxes` rows of boxes and labels, for batching.

    Rows that are missing are -1. Of more than `max_boxes` the largest stay, in their old order.

    Args:
        sample: as `apply` returns it.
        max_boxes: number of rows.

    Example:
        >>> boxes = {"boxes": tf.ones((1, 4)), "labels": tf.constant([3])}
        >>> pad_boxes({"bounding_boxes": boxes}, 2)["bounding_boxes"]["labels"].numpy().tolist()
        [3, -1]
    """
    if "bounding_boxes" not in sample:
        return sample
    boxes, labels = sample["bounding_boxes"]["boxes"], sample["bounding_boxes"]["labels"]
    largest = tf.cond(
        tf.shape(boxes)[0] > max_boxes,
        lambda: tf.sort(
            tf.argsort(geometry.box_areas(boxes), direction="DESCENDING", stable=True)[:max_boxes]
        ),
        lambda: tf.range(tf.shape(boxes)[0]),
    )
    missing = max_boxes - tf.shape(largest)[0]
    boxes = tf.pad(tf.gather(boxes, largest), [[0, missing], [0, 0]], constant_values=PADDING)
    labels = tf.pad(tf.gather(labels, largest), [[0, missing]], constant_values=PADDING)
    padded = {
        "boxes": tf.ensure_shape(boxes, (max_boxes, 4)),
        "labels": tf.ensure_shape(labels, (max_boxes,)),
    }
    return {**sample, "bounding_boxes": {**sample["bounding_boxes"], **padded}}
