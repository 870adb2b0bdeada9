"""A patch that is pasted into images at random places, and the search for one that raises a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cityzoo import backend
from cityzoo.evaluation.network_inputs import NetworkInputs

if TYPE_CHECKING:
    import keras

STEPS, BATCH = 300, 16  # of the search; images in a step
STEP_LEVELS, MOMENTUM = 16.0, 0.9  # gray levels that the first step changes a pixel; they fall to 0
SCALES, BRIGHTNESS = (0.8, 1.2), (0.7, 1.3)  # of a placed patch's side and its pixels


class Placement(NamedTuple):
    """Where a patch lies in an image, and how bright it is: its upper left corner and its side, pixels."""

    y: int
    x: int
    side: int
    brightness: float


def draw_placement(rng: np.random.Generator, size_hw: tuple[int, int], side: int) -> Placement:
    """Return a random place, scale and brightness for a patch of about `side` pixels."""
    side = int(np.clip(round(side * rng.uniform(*SCALES)), 1, min(size_hw)))
    y, x = (int(rng.integers(0, length - side + 1)) for length in size_hw)
    return Placement(y, x, side, float(rng.uniform(*BRIGHTNESS)))


def paste_patch(image: np.ndarray, patch: np.ndarray, place: Placement) -> np.ndarray:
    """Return an image with a patch on it.

    Args:
        image: (h, w, 3) float32 of 0..255.
        patch: (p, p, 3) float32 of 0..255.
        place: of the patch.

    Example:
        >>> found = paste_patch(np.zeros((3, 3, 3)), np.full((2, 2, 3), 100.0), Placement(1, 0, 2, 1.2))
        >>> found[..., 0].tolist()
        [[0.0, 0.0, 0.0], [120.0, 120.0, 0.0], [120.0, 120.0, 0.0]]
    """
    pasted, (y, x, side, brightness) = image.copy(), place
    rows = _pixels(len(patch), side)
    pasted[y : y + side, x : x + side] = np.clip(patch[rows[:, None], rows] * brightness, 0, 255)
    return pasted


def collect_gradient(slope: np.ndarray, patch: np.ndarray, place: Placement) -> np.ndarray:
    """Return the gradient of a loss with respect to a patch, of that with respect to the image: `paste_patch` reversed.

    Example:
        >>> slope = np.arange(12.0).reshape(2, 2, 3)
        >>> collect_gradient(slope, np.zeros((1, 1, 3)), Placement(0, 0, 2, 0.5)).ravel().tolist()  # half the sum
        [9.0, 11.0, 13.0]
    """
    found, (y, x, side, brightness) = np.zeros(patch.shape, np.float64), place
    rows = _pixels(len(patch), side)
    own = slope[y : y + side, x : x + side] * brightness
    own = own * (patch[rows[:, None], rows] * brightness <= 255)  # brighter than white it does not change
    np.add.at(found, (rows[:, None], rows[None, :]), own)
    return found


def _pixels(length: int, side: int) -> np.ndarray:
    # Nearest pixel of the patch for each pixel that it covers.
    return ((np.arange(side) + 0.5) * length / side).astype(int)


def search_patch(
    model: keras.Model, inputs: NetworkInputs, side: int, seed: int, steps: int = STEPS
) -> np.ndarray:
    """Return a patch that raises the loss in random places: expectation over transformation.

    Brown et al. 2017, "Adversarial Patch" (arXiv 1712.09665), without a target class: each step pastes the patch into
    some images at random places, scales and brightnesses, and follows the sign of the gradient with momentum; every
    image counts alike, also one whose answer is wrong already and whose loss is high.

    Args:
        model: a loaded model.
        inputs: images to search on.
        side: of the patch, pixels of the network's input.
        seed: of images and places.
        steps: of the search.

    Returns:
        (side, side, 3) float32 of 0..255.
    """
    from keras.utils import Progbar

    gradient = backend.gradient(model, inputs.output.loss(inputs.size_hw), inputs.mirrored)
    rng, bar = np.random.default_rng(seed), Progbar(steps, unit_name="step")
    patch, moved = rng.uniform(0, 255, (side, side, 3)).astype(np.float32), np.zeros((side, side, 3))
    for number in range(steps):
        rows = rng.choice(len(inputs), min(BATCH, len(inputs)), replace=False)
        places = [draw_placement(rng, inputs.size_hw, side) for _ in rows]
        images = [
            paste_patch(inputs.images[r].astype(np.float32), patch, p)
            for r, p in zip(rows, places, strict=True)
        ]
        slopes = gradient(np.stack(images), inputs.targets[rows])[1]
        slopes = slopes / (np.abs(slopes).mean(axis=(1, 2, 3), keepdims=True) + 1e-12)
        total = sum(collect_gradient(s, patch, p) for s, p in zip(slopes, places, strict=True))
        moved = MOMENTUM * moved + total / max(np.abs(total).mean(), 1e-12)
        length = STEP_LEVELS * (1 - number / steps)
        patch = np.clip(patch + length * np.sign(moved), 0, 255).astype(np.float32)
        bar.add(1)
    return patch
