"""Sample the parameters of each image from its own seed, and plan its warp and its boxes, in NumPy.

What is sampled is independent of batch, worker and run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from augment import affine
from augment.affine import Array, array_namespace
from augment.geometric import Canvas
from augment.policy import Policy, Step
from augment.policy_file import values_of
from augment.registry import TRANSFORMS, Stage, Transform, at_strength


@dataclass(frozen=True)
class Plan:
    """Result of the geometric steps of a policy.

    Attributes:
        matrices: (B, 3, 3) float32, pixels of the image -> pixels of the network's input.
        reductions: (B,) int, factor (1, 2, 4 or 8) by which an image may be decoded smaller.
        boxes: (B, N, 4) float32, pixels of the network's input, clipped.
        kept: (B, N) bool, whether enough of the box is visible.
    """

    matrices: np.ndarray
    reductions: np.ndarray
    boxes: np.ndarray
    kept: np.ndarray


def plan(
    policy: Policy, size_hw: tuple[int, int], images_hw: np.ndarray, boxes: np.ndarray, lots: np.ndarray
) -> Plan:
    """Return the plan of a batch.

    Args:
        policy: checked.
        size_hw: height and width of the network's input, pixels.
        images_hw: (B, 2) heights and widths of the images, pixels.
        boxes: (B, N, 4) float32 xyxy, pixels of the images; boxes without area are padding.
        lots: (B, n) float32; see `augment.placement.sample_parameters`.

    Example:
        >>> made = plan(Policy("none"), (64, 64), np.array([[64, 128]]), np.ones((1, 1, 4)), np.ones((1, 0)))
        >>> made.matrices[0, 0].tolist(), made.reductions.tolist(), made.kept.tolist()
        ([0.5, 0.0, 0.0], [2], [[False]])
    """
    matrices = affine.FITS[policy.fit](images_hw, size_hw)
    for step in steps_of(policy, lots, np.zeros((len(lots), 2), np.int32), "geometric"):
        if step.happens.any():
            canvas = Canvas(size_hw, boxes, matrices, policy.box_rule)
            moved = step.transform.function(canvas, **step.values) @ matrices
            matrices = np.where(step.happens[:, None, None], moved, matrices)
    moved = affine.move_boxes(boxes, matrices, policy.box_rule)
    shares = affine.visible_shares(moved, size_hw)
    kept = (shares > 0) & (shares >= policy.min_visible)
    clipped = affine.clip_boxes(moved, size_hw).astype(np.float32)
    return Plan(matrices.astype(np.float32), useful_reductions(matrices), clipped, kept)


def useful_reductions(matrices: np.ndarray) -> np.ndarray:
    """Return the factor (1, 2, 4 or 8) by which images may be reduced without loss before the (B, 3, 3) matrices.

    Example:
        >>> useful_reductions(affine.scaling(*[np.array([1.0, 0.5, 0.3, 0.2, 0.1])] * 2)).tolist()
        [1, 2, 2, 4, 8]
    """
    largest = np.linalg.norm(matrices[:, :2, :2], axis=1).max(axis=1)
    allowed = largest[:, None] * [2, 4, 8] <= 1.0001
    return 2 ** allowed.sum(axis=1)


def padded(boxes: np.ndarray, labels: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return exactly `rows` boxes (rows, 4) and labels (rows,), of the given dtypes.

    Missing rows are -1. Of more than `rows` the largest remain, in order.
    """
    if len(boxes) > rows:
        largest = np.sort(np.argsort(-affine.box_areas(boxes), kind="stable")[:rows])
        boxes, labels = boxes[largest], labels[largest]
    missing = rows - len(boxes)
    boxes = np.pad(boxes, [(0, missing), (0, 0)], constant_values=-1)
    return boxes, np.pad(labels, (0, missing), constant_values=-1)


SPARE_LOTS = 2  # per step: whether it applies, and the sign of a mirrored strength
APART = 7919  # between the seeds of an image's steps


@dataclass(frozen=True)
class SampledStep:
    """A step with its sampled parameters.

    Attributes:
        transform: the transform.
        happens: (...) bool, whether it is applied to the image.
        values: (...) float32 each, by name.
        seeds: (..., 2) int32, for transforms that sample more themselves.
    """

    transform: Transform
    happens: Array
    values: dict[str, Array]
    seeds: Array


def sample_parameters(policy: Policy, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all random numbers of some images, each from its own key only.

    With Philox any key starts an independent stream (Salmon et al. 2011, "Parallel Random Numbers:
    As Easy as 1, 2, 3").

    Args:
        policy: checked.
        keys: (B, 3) integers, such as seed of the run, image, view.

    Returns:
        (B, n) float32 in 0..1, the numbers that the policy uses; and (B, 2) int32, seeds for transforms that
        sample more themselves.

    Example:
        >>> lots, seeds = sample_parameters(Policy("none"), np.array([[0, 1, 0], [0, 2, 0], [0, 1, 0]]))
        >>> (seeds[0] == seeds).all(axis=1).tolist()
        [True, False, True]
    """
    width, lots, seeds = sum(_widths(policy)), [], []
    for key in np.asarray(keys, np.int64).astype(np.uint64):
        chance = np.random.Generator(np.random.Philox(key=key[:2], counter=np.array([0, 0, 0, key[2]])))
        seeds.append(chance.integers(-(2**31), 2**31, 2, np.int32))
        lots.append(chance.random(width, np.float32))
    return np.stack(lots), np.stack(seeds)


def _widths(policy: Policy) -> list[int]:
    return [SPARE_LOTS + len(values_of(TRANSFORMS[step.transform], step.ranges)) for step in policy.steps]


def sampled_steps(policy: Policy, lots: Array, seeds: Array) -> Iterator[SampledStep]:
    """Yield the steps of a policy with their sampled parameters, as arrays or tensors.

    Args:
        policy: checked.
        lots: (B, n) float32 as `sample_parameters` returns them, as array or tensor.
        seeds: (B, 2) int32.
    """
    widths = _widths(policy)
    happening = _happening(policy, lots, widths)
    start = 0
    for number, (step, width) in enumerate(zip(policy.steps, widths, strict=True)):
        own = lots[..., start : start + width]
        start += width
        transform = TRANSFORMS[step.transform]
        own_seeds = seeds + np.array([0, APART * (number + 1)], np.int32)
        yield SampledStep(transform, happening[number], _values(transform, step, own), own_seeds)


def steps_of(policy: Policy, lots: Array, seeds: Array, *stages: Stage) -> list[SampledStep]:
    """Return the sampled steps of some stages, in order."""
    return [step for step in sampled_steps(policy, lots, seeds) if step.transform.stage in stages]


def _happening(policy: Policy, lots: Array, widths: list[int]) -> list[Array]:
    # By the first number of each step; if only some are picked, those with the smallest numbers.
    starts = [sum(widths[:number]) for number in range(len(widths))]
    if policy.pick is None:
        return [lots[..., s] < step.probability for s, step in zip(starts, policy.steps, strict=True)]
    lib = array_namespace(lots)
    firsts = lib.stack([lots[..., start] for start in starts], axis=-1)
    ranks = lib.argsort(lib.argsort(firsts, axis=-1), axis=-1)
    return [ranks[..., number] < policy.pick for number in range(len(starts))]


def _values(transform: Transform, step: Step, lots: Array) -> dict[str, Array]:
    uniform = {}
    for number, (name, value) in enumerate(values_of(transform, step.ranges).items()):
        low, high = step.ranges.get(name, (value.low, value.high))
        uniform[name] = low + (high - low) * lots[..., SPARE_LOTS + number]
    if "strength" not in step.ranges:
        return uniform
    sign = array_namespace(lots).where(lots[..., 1] < 0.5, np.float32(-1.0), np.float32(1.0))
    return at_strength(transform, uniform.pop("strength"), sign) | uniform
