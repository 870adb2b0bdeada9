"""Occlusion maps: the score of a prediction with parts of the image covered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GRID = 10  # positions of the patch along each side
SHARE = 1 / 6  # of the image's sides covered by the patch at most
BATCH = 16


def occlusion_map(
    number: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    area_xyxy: tuple[int, int, int, int],
    box_xyxy: np.ndarray | None = None,
) -> np.ndarray:
    """Return the score of a prediction with a patch of the image's mean color at each position.

    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks" (arXiv 1311.2901). The patch is
    centered at `GRID` x `GRID` positions. It covers a sixth of each side, or the size of a smaller box, but at least
    one step.

    Args:
        number: images (B, h, w, 3) float32 -> (B,) scores.
        image: (h, w, 3) uint8 or float32, at the network's input.
        area_xyxy: of the image without padding, whole pixels, x2 and y2 exclusive.
        box_xyxy: of the prediction, pixels.

    Returns:
        (GRID, GRID) float32 over the area.
    """
    x1, y1, x2, y2 = area_xyxy
    width, height = x2 - x1, y2 - y1
    color = image[y1:y2, x1:x2].mean(axis=(0, 1))
    size_wh = np.array([width, height])
    sides = size_wh if box_xyxy is None else box_xyxy[2:] - box_xyxy[:2]
    reach = np.clip(sides, size_wh / GRID, size_wh * SHARE) / 2
    rows, columns = np.divmod(np.arange(GRID**2), GRID)
    middles = np.stack([x1 + (columns + 0.5) * width / GRID, y1 + (rows + 0.5) * height / GRID], axis=1)
    patches = np.concatenate([middles - reach, middles + reach], axis=1).round().astype(int)
    patches = np.clip(patches, [x1, y1, x1, y1], [x2, y2, x2, y2])
    left = []
    for start in range(0, GRID**2, BATCH):
        covered = np.repeat(image[None].astype(np.float32), len(patches[start : start + BATCH]), axis=0)
        for each, (left_x, top, right, bottom) in zip(covered, patches[start : start + BATCH], strict=True):
            each[top:bottom, left_x:right] = color
        left.append(number(covered))
    return np.concatenate(left).reshape(GRID, GRID).astype(np.float32)
