"""Draw what a backbone is pretrained on."""

from __future__ import annotations

from typing import Any

import numpy as np

GRAY = 127


def draw_target(image: np.ndarray, target: np.ndarray, output: Any) -> np.ndarray:
    """Return a view as the network gets it: with gray patches where something is hidden.

    Args:
        image: (H, W, 3) uint8.
        target: of `output`; (H / 32, W / 32, V + 1) where patches are hidden.
        output: of the pretraining.

    Example:
        >>> target = np.array([[[0.0, 1.0]], [[0.0, 0.0]]])  # the upper of two patches
        >>> draw_target(np.zeros((4, 2, 3), np.uint8), target, None)[:, 0, 0].tolist()
        [127, 127, 0, 0]
    """
    if target.ndim != 3:
        return image
    scale = image.shape[0] // target.shape[0], image.shape[1] // target.shape[1]
    hidden = np.kron(target[..., -1] > 0, np.ones(scale, bool))
    return np.where(hidden[..., None], np.uint8(GRAY), image)


def draw(image: np.ndarray, example: Any, result: Any, output: Any) -> np.ndarray:
    """Return the image as it is: projections cannot be drawn."""
    return image
