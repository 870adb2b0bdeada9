"""A sample through a policy: the picture warped once, the boxes with it, the colours last; a tf.data map."""

from __future__ import annotations

import functools
import inspect
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from augment import geometry
from augment.geometric import GEOMETRIC, Canvas
from augment.photometric import PHOTOMETRIC
from augment.policy import Policy, Step, get_policy
from augment.warp import warp, warp_mask

Sample = dict[str, Any]
PADDING = -1


def apply(sample: Sample, policy: Policy | str, size_hw: tuple[int, int], seed: tf.Tensor) -> Sample:
    """Return the sample as the network is to see it; the same seed gives the same picture.

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
    policy = get_policy(policy) if isinstance(policy, str) else policy
    size_hw, image = tuple(size_hw), sample["images"]
    drawn = _draw(policy, seed)
    boxes = sample.get("bounding_boxes", {}).get("boxes", tf.zeros((0, 4)))
    matrix = _matrix(policy, drawn, tf.shape(image)[:2], boxes, size_hw)
    result = {**sample, "matrix": matrix @ sample.get("matrix", tf.eye(3))}
    result["images"] = _recolour(warp(image, matrix, size_hw), drawn, image.dtype)
    if "bounding_boxes" in sample:
        result["bounding_boxes"] = _move_boxes(sample["bounding_boxes"], matrix, policy, size_hw)
    if "segmentation_masks" in sample:
        result["segmentation_masks"] = warp_mask(sample["segmentation_masks"], matrix, size_hw)
    return result


@dataclass(frozen=True)
class _Drawn:
    # A step with its lot: whether it happens, the values, and a seed of its own for noise.
    step: Step
    happens: tf.Tensor
    values: dict[str, tf.Tensor]
    seed: tf.Tensor


def _draw(policy: Policy, seed: tf.Tensor) -> list[_Drawn]:
    _check_transforms(policy)
    drawn = []
    for number, step in enumerate(policy.steps):
        own_seed = tf.random.experimental.stateless_fold_in(seed, number)
        lots = tf.random.stateless_uniform([1 + len(step.ranges)], own_seed)
        values = {
            name: low + (high - low) * lots[1 + i]
            for i, (name, (low, high)) in enumerate(step.ranges.items())
        }
        drawn.append(_Drawn(step, lots[0] < step.probability, values, own_seed))
    return drawn


def _check_transforms(policy: Policy) -> None:
    for step in policy.steps:
        if step.transform not in GEOMETRIC and step.transform not in PHOTOMETRIC:
            allowed = ", ".join(sorted([*GEOMETRIC, *PHOTOMETRIC]))
            raise ValueError(
                f"policy '{policy.name}': unknown transform '{step.transform}', allowed are {allowed}"
            )


def _matrix(
    policy: Policy, drawn: list[_Drawn], picture_hw: tf.Tensor, boxes: tf.Tensor, size_hw: tuple[int, int]
) -> tf.Tensor:
    matrix = geometry.FITS[policy.fit](picture_hw, size_hw)
    for lot in drawn:
        if lot.step.transform in GEOMETRIC:
            canvas = Canvas(size_hw, geometry.move_boxes(boxes, matrix, policy.box_rule))
            step = GEOMETRIC[lot.step.transform](canvas, **lot.values)
            matrix = tf.where(lot.happens, step @ matrix, matrix)
    return matrix


def _recolour(image: tf.Tensor, drawn: list[_Drawn], dtype: tf.DType) -> tf.Tensor:
    colours = [lot for lot in drawn if lot.step.transform in PHOTOMETRIC]
    for lot in colours:
        change = PHOTOMETRIC[lot.step.transform]
        seeded = {"seed": lot.seed} if "seed" in inspect.signature(change).parameters else {}
        changed = functools.partial(change, image, **lot.values, **seeded)
        image = tf.cond(lot.happens, changed, functools.partial(tf.identity, image))
    # The warp alone stays within 0..255: it only averages.
    image = tf.clip_by_value(image, 0.0, 255.0) if colours else image
    return tf.cast(image + 0.5, dtype) if dtype.is_integer else tf.cast(image, dtype)


def _move_boxes(
    bounding_boxes: Sample, matrix: tf.Tensor, policy: Policy, size_hw: tuple[int, int]
) -> Sample:
    moved = geometry.move_boxes(bounding_boxes["boxes"], matrix, policy.box_rule)
    share = geometry.visible_shares(moved, size_hw)
    kept = tf.where((share > 0) & (share >= policy.min_visible))[:, 0]
    moved = tf.gather(geometry.clip_boxes(moved, size_hw), kept)
    return {**bounding_boxes, "boxes": moved, "labels": tf.gather(bounding_boxes["labels"], kept)}


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
    largest = tf.sort(tf.argsort(geometry.box_areas(boxes), direction="DESCENDING", stable=True)[:max_boxes])
    missing = max_boxes - tf.shape(largest)[0]
    boxes = tf.pad(tf.gather(boxes, largest), [[0, missing], [0, 0]], constant_values=PADDING)
    labels = tf.pad(tf.gather(labels, largest), [[0, missing]], constant_values=PADDING)
    padded = {
        "boxes": tf.ensure_shape(boxes, (max_boxes, 4)),
        "labels": tf.ensure_shape(labels, (max_boxes,)),
    }
    return {**sample, "bounding_boxes": {**sample["bounding_boxes"], **padded}}
