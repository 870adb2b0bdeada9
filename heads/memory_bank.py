"""Anomaly detection by the distance of each patch to its nearest neighbor in normal images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

BANK = "head_bank"
PROJECTED = 96  # dimensions for choosing the coreset; the memory keeps all of them
MOST_PATCHES = 60_000  # input of the coreset


@dataclass(frozen=True)
class PatchMemoryBank:
    """Distance of each patch to a memory of normal ones (Roth et al. 2022, "PatchCore", arXiv 2106.08265).

    A patch is the features of two middle levels around a cell of the finer one. The memory is a 1 x 1 convolution: with
    kernel -2 m and bias |m|^2 its channels are |x - m|^2 - |x|^2 for every stored patch m. The model thus consists of
    built-in layers, and a GPU searches the memory as fast as it convolves.

    Attributes:
        size: patches in the memory.
        levels: names of the two levels, the finer one first; coarser ones are too specific to ImageNet's classes.

    Raises:
        ValueError: size below 1.

    Example:
        >>> levels = {"P3": keras.Input((8, 8, 8)), "P4": keras.Input((4, 4, 16)), "P5": keras.Input((2, 2, 32))}
        >>> PatchMemoryBank(size=10)(levels).shape
        (None, 8, 8, 1)
    """

    size: int = 1024
    levels: tuple[str, str] = ("P3", "P4")

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a memory of {self.size} patches is empty: give at least 1, e.g. 1024")

    def __call__(self, features: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        """Return (batch, H / 8, W / 8, 1) float32, the distance of each patch to its nearest one in the memory.

        Args:
            features: level name to (batch, H / stride, W / stride, C) features.

        Raises:
            ValueError: a level is missing.
        """
        missing = [name for name in self.levels if name not in features]
        if missing:
            raise ValueError(f"the memory needs the levels {self.levels}, received {sorted(features)}")
        fine, coarse = (_around(features[name], f"head_{name}") for name in self.levels)
        above = layers.UpSampling2D(interpolation="bilinear", dtype="float32", name="head_up")(coarse)
        x = layers.Concatenate(dtype="float32", name="head_patches")([fine, above])
        known = layers.Conv2D(self.size, 1, dtype="float32", name=BANK)(x)
        nearest = ops.min(known, axis=-1, keepdims=True) + ops.sum(ops.square(x), axis=-1, keepdims=True)
        return ops.sqrt(ops.maximum(nearest, 0.0))


def _around(level: keras.KerasTensor, name: str) -> keras.KerasTensor:
    # The mean over 3 x 3 cells includes the surroundings, and a shift by a pixel changes little.
    return layers.AveragePooling2D(3, 1, padding="same", dtype="float32", name=f"{name}_around")(level)


def bank_weights(memory: np.ndarray) -> list[np.ndarray]:
    """Return the weights of the layer `head_bank` for a memory.

    Args:
        memory: (M, D) float, patches.

    Returns:
        kernel (1, 1, D, M) and bias (M,), float32.
    """
    memory = np.asarray(memory, np.float32)
    return [(-2.0 * memory.T)[None, None], np.square(memory).sum(axis=1)]


def coreset(
    patches: np.ndarray, size: int, seed: int = 0, progress: Callable[[int], None] | None = None
) -> np.ndarray:
    """Choose patches that cover all others, by the greedy k-center algorithm.

    Each next patch is the one furthest from all chosen so far (Sener & Savarese 2018, arXiv 1708.00489), measured in a
    random projection, which nearly preserves distances (Johnson & Lindenstrauss 1984).

    Args:
        patches: (N, D) float.
        size: patches to choose.
        seed: seed of the projection and the first choice.
        progress: called with the number chosen so far, every 64 patches.

    Returns:
        (min(size, N),) int, rows of `patches`.

    Example:
        >>> coreset(np.array([[0.0], [0.1], [5.0], [9.0]]), 3, seed=1).tolist()
        [1, 3, 2]
    """
    rng = np.random.default_rng(seed)
    points = np.asarray(patches, np.float32)
    if points.shape[1] > PROJECTED:
        points = points @ rng.normal(size=(points.shape[1], PROJECTED)).astype(np.float32)
    squares = np.square(points).sum(axis=1)
    chosen = [int(rng.integers(len(points)))]
    nearest = np.full(len(points), np.inf, np.float32)
    while len(chosen) < min(size, len(points)):
        last = points[chosen[-1]]
        np.minimum(nearest, squares - 2 * (points @ last) + squares[chosen[-1]], out=nearest)
        nearest[chosen[-1]] = -np.inf  # never chosen again, also among equal patches
        chosen.append(int(nearest.argmax()))
        if progress and len(chosen) % 64 == 0:
            progress(len(chosen))
    return np.array(chosen)
