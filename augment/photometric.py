"""Tones, colors and noise of images of whole numbers: image by image in OpenCV, in less time than the warp.

The values are those of TensorFlow's functions of batches, which serve all other images, but for rounding: a color may
differ by one level, and noise is rounded before it is added.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from augment.color import color_matrices
from augment.placement import SampledStep
from augment.warp import opencv

LEVELS = np.arange(256, dtype=np.float32)
PLACES = {"gamma": 0, "color": 1, "noise": 2}  # what is possible here, by name or stage, and in which order
InThreads = Callable[..., list]


def _kind(step: SampledStep) -> str:
    return "color" if step.transform.stage == "color" else step.transform.name


def leading(steps: Sequence[SampledStep]) -> int:
    """Return the number of steps, from the first, that `change` can apply: tones, then colors, then noise.

    Args:
        steps: those of a policy that are neither geometric nor mixes.
    """
    last = -1
    for number, step in enumerate(steps):
        kind = _kind(step)
        place = PLACES.get(kind, -1)
        if place < last or (place == last and kind != "color"):
            return number
        last = place
    return len(steps)


def change(images: np.ndarray, steps: Sequence[SampledStep], in_threads: InThreads) -> None:
    """Apply steps to images in place.

    Args:
        images: (B, h, w, 3) uint8 RGB.
        steps: leading ones, with arrays of B values.
        in_threads: (function, columns of B elements) -> results, in order.
    """
    if not steps or not len(images):
        return
    nothing: list = [None] * len(images)
    found = {_kind(step): step for step in steps}
    tones, noise = found.get("gamma"), found.get("noise")
    toned, means = zip(*in_threads(_toned, images, _tables(tones) if tones else nothing), strict=True)
    colors = [step for step in steps if _kind(step) == "color"]
    matrices = [*color_matrices(means, colors)[:, :3]] if colors else nothing
    deviations = np.where(noise.happens, noise.values["deviation"], 0.0) if noise else nothing
    in_threads(_finish, images, toned, matrices, deviations, noise.seeds if noise else nothing)


def _tables(step: SampledStep) -> list[np.ndarray | None]:
    # The value of each of 256 levels, not rounded, of the images that change.
    exponents = step.values["exponent"]
    tables = 255 * (LEVELS / 255) ** exponents[:, None].astype(np.float32)
    return [table if happens else None for table, happens in zip(tables, step.happens, strict=True)]


def _toned(image: np.ndarray, table: np.ndarray | None) -> tuple[np.ndarray, tuple[float, ...]]:
    # The image, float32 if tones changed, and its mean color.
    cv2 = opencv()
    toned = image if table is None else cv2.LUT(image, table)
    return toned, cv2.mean(toned)[:3]


def _finish(
    out: np.ndarray,
    toned: np.ndarray,
    matrix: np.ndarray | None,
    deviation: float | None,
    seed: Any,
) -> None:
    cv2 = opencv()
    if matrix is not None:
        toned = cv2.transform(toned, matrix, dst=toned)
    if toned.dtype != out.dtype:
        cv2.convertScaleAbs(cv2.max(toned, 0.0, dst=toned), dst=out)
    if deviation:
        _add_noise(out, deviation, seed)


def _add_noise(image: np.ndarray, deviation: float, seed: np.ndarray) -> None:
    # Eight random bits for a value; as images of whole numbers round, so may the noise.
    cv2 = opencv()
    chance = np.random.Generator(np.random.SFC64(seed.astype(np.uint32)))
    bits = chance.integers(0, 2**64, math.ceil(image.size / 8), np.uint64).view(np.uint8)
    bits, noise = bits[: image.size].reshape(image.shape), np.rint(255 * deviation * _normal_levels())
    for function, sign in ((cv2.add, 1), (cv2.subtract, -1)):
        function(image, cv2.LUT(bits, np.clip(sign * noise, 0, 255).astype(np.uint8)), dst=image)


@functools.cache
def _normal_levels() -> np.ndarray:
    # 256 equally likely values, like a standard normal distribution: mean 0, deviation 1, at most 2.9.
    quantiles = np.array([NormalDist().inv_cdf((number + 0.5) / 256) for number in range(256)])
    return quantiles / quantiles.std()
