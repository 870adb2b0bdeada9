"""Apply a policy to samples: one warp per image, then colors, pixel effects and mixes per batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from augment import photometric
from augment.color import color_matrices, recolor
from augment.placement import SampledStep, padded, plan, sample_parameters, steps_of
from augment.policy import Policy, get_policy
from augment.policy_file import check
from augment.warp import warp, warp_mask

Sample = dict[str, Any]


def apply(sample: Sample, policy: Policy | str, size_hw: tuple[int, int], seed: tf.Tensor) -> Sample:
    """Return an augmented sample at the network's input size; the same seed gives the same image.

    Mixes need a batch and are skipped; `augment.pipeline` applies them.

    Args:
        sample: `images` (H, W, 3) uint8 or float32 RGB 0..255; optionally `bounding_boxes`, a dict of
            `boxes` (N, 4) float32, pixels of `images`, xyxy, and `labels` (N,) int32, without padding;
            optionally `segmentation_masks` (H, W, 1) uint8 or int32; optionally `matrix` (3, 3) float32,
            from the original image to `images`. Other keys pass through.
        policy: a policy or its name.
        size_hw: height and width of the network's input, pixels.
        seed: (2,) int32; unused if the policy samples nothing.

    Returns:
        The same keys with `images` (h, w, 3) of the same type; boxes moved, clipped, and dropped (with their
        labels) if too little of them is visible; and `matrix` (3, 3) float32: original pixels -> pixels of
        `images`. `augment.invert` brings predictions back.

    Raises:
        ValueError: unknown policy or transform.

    Example:
        >>> sample = {"images": tf.zeros((90, 160, 3), tf.uint8)}
        >>> result = apply(sample, "standard", (64, 64), tf.constant([1, 2]))
        >>> result["images"].shape, result["images"].dtype.name, sorted(result)
        (TensorShape([64, 64, 3]), 'uint8', ['images', 'matrix'])
    """
    policy, sample = get_policy(policy), dict(sample)
    size_hw = (size_hw[0], size_hw[1])
    check(policy)
    images, given = sample.pop("images"), sample.get("bounding_boxes", {"boxes": tf.zeros((0, 4))})

    def moved(
        images: np.ndarray, boxes: np.ndarray, mask: np.ndarray, seed: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        lots, seeds = sample_parameters(policy, np.append(seed, 0)[None])
        made = plan(policy, size_hw, np.array([images.shape[:2]]), boxes[None], lots)
        (matrix,), (kept,) = made.matrices, made.kept
        image, mask = warp(images, matrix, size_hw), warp_mask(mask, matrix, size_hw)
        if whole:
            steps = steps_of(policy, lots, seeds, "color", "pixels")
            photometric.change(image[None], steps[: photometric.leading(steps)], lambda *job: [*map(*job)])
        return image, matrix, made.boxes[0, kept], np.flatnonzero(kept), mask, lots, seeds

    mask = tf.convert_to_tensor(sample.get("segmentation_masks", tf.zeros((1, 1, 1), tf.uint8)))
    images = tf.convert_to_tensor(images)
    whole = images.dtype == tf.uint8
    types = (images.dtype, tf.float32, tf.float32, tf.int64, mask.dtype, tf.float32, tf.int32)
    found = tf.numpy_function(moved, [images, given["boxes"], mask, seed], types)
    shapes = ((*size_hw, 3), (3, 3), (None, 4), (None,), (*size_hw, mask.shape[-1]), (1, None), (1, 2))
    image, matrix, boxes, kept, mask, lots, seeds = map(tf.ensure_shape, found, shapes)
    if "bounding_boxes" in sample:
        sample["bounding_boxes"] = {**given, "boxes": boxes, "labels": tf.gather(given["labels"], kept)}
    if "segmentation_masks" in sample:
        sample["segmentation_masks"] = mask
    sample["matrix"] = matrix @ sample["matrix"] if "matrix" in sample else matrix
    alone = {"images": image[None], "lots": lots, "seed": seeds}
    return {**sample, "images": apply_batch_steps(alone, policy, mixing=False, begun=whole)["images"][0]}


def apply_batch_steps(batch: Sample, policy: Policy, mixing: bool = True, begun: bool = False) -> Sample:
    """Apply the color, pixel and mix steps of a policy to a batch of warped images.

    Args:
        batch: `images` (B, h, w, 3) uint8 or float32, 0..255; `lots` and `seed` from
            `augment.placement.sample_parameters`; boxes padded; optionally `mixes` (B,) bool: False for images
            that take nothing from their neighbors.
        policy: the policy that the images were warped with.
        mixing: whether to apply mixes.
        begun: whether the images have gone through `augment.photometric` already.
    """
    batch = dict(batch)
    lots, seeds = batch.pop("lots"), batch.pop("seed")
    steps = steps_of(policy, lots, seeds, "color", "pixels")
    steps = steps[photometric.leading(steps) if begun else 0 :]
    mixing_steps = steps_of(policy, lots, seeds, "mix") if mixing else []
    mixes, dtype = batch.pop("mixes", True), batch["images"].dtype
    if not steps + mixing_steps:
        return batch
    batch["images"] = tf.cast(batch["images"], tf.float32)
    for group in _in_groups(steps):
        change = _change_colors if group[0].transform.stage == "color" else _change_pixels
        batch["images"] = tf.clip_by_value(change(batch["images"], group), 0.0, 255.0)
    for step in mixing_steps:
        if _has_use(step.transform.needs, batch):
            seeds = {"seeds": step.seeds} if step.transform.seeded else {}
            batch = step.transform.function(batch, step.happens & mixes, **step.values, **seeds)
    rounded = batch["images"] + 0.5 if dtype.is_integer else batch["images"]
    return {**batch, "images": tf.cast(rounded, dtype)}


def _has_use(needs: tuple[str, ...], batch: Sample) -> bool:
    return not needs or any(key in batch for key in needs)


def _in_groups(steps: list[SampledStep]) -> list[list[SampledStep]]:
    # Consecutive color steps together, every other step alone.
    groups: list[list[SampledStep]] = []
    for step in steps:
        if groups and step.transform.stage == groups[-1][-1].transform.stage == "color":
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _change_colors(images: tf.Tensor, steps: list[SampledStep]) -> tf.Tensor:
    mean = tf.reduce_mean(tf.reshape(images, (tf.shape(images)[0], -1, 3)), axis=1)
    sampled = [(step.happens, step.values) for step in steps]

    def matrices(mean: np.ndarray, *flat: np.ndarray) -> np.ndarray:
        packed = tf.nest.pack_sequence_as(sampled, flat)
        both = zip(steps, packed, strict=True)
        return color_matrices(mean, [replace(s, happens=happens, values=v) for s, (happens, v) in both])

    found = tf.numpy_function(matrices, [mean, *tf.nest.flatten(sampled)], tf.float32)
    return recolor(images, tf.ensure_shape(found, (None, 4, 4)))


def _change_pixels(images: tf.Tensor, steps: list[SampledStep]) -> tf.Tensor:
    # Gather, change and put back only the affected images.
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
    given = sample["bounding_boxes"]
    boxes, labels = tf.numpy_function(
        lambda boxes, labels: padded(boxes, labels, max_boxes),
        [given["boxes"], given["labels"]],
        (tf.float32, given["labels"].dtype),
    )
    rows = {"boxes": tf.ensure_shape(boxes, (max_boxes, 4)), "labels": tf.ensure_shape(labels, (max_boxes,))}
    return {**sample, "bounding_boxes": {**given, **rows}}
