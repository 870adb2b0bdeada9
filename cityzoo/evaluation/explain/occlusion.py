"""What an answer loses when a part of the image is covered: an explanation that needs no gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GRID = 10  # places of the patch along each side
SHARE = 1 / 6  # of the image's sides that the patch covers at most
BATCH = 16


def occlusion_map(
    number: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    area_xyxy: tuple[int, int, int, int],
    box_xyxy: np.ndarray | None = None,
) -> np.ndarray:
    """Slide a patch of the image's mean colour over it and see what an answer's number becomes.

    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks" (arXiv 1311.2901). The patch's
    middle takes `GRID` x `GRID` places. It covers a sixth of each side; of an answer with a smaller box no more
    than the box, but one step at least.

    Args:
        number: images (B, h, w, 3) float32 -> (B,), the answer's number in each.
        image: (h, w, 3) uint8 or float32, as the network gets it.
        area_xyxy: where the image lies in it, whole pixels, x2 and y2 exclusive; the rest is padding.
        box_xyxy: where the answer lies in it, pixels.

    Returns:
        (GRID, GRID) float32 over the area: the number with the patch there.

    Example:
        >>> image = np.zeros((60, 60, 3), np.uint8)
        >>> image[3, 40] = 255
        >>> left = occlusion_map(lambda images: images[:, 3, 40, 0], image, (0, 0, 60, 60))
        >>> np.argwhere(left < 255).tolist()  # patches of ten pixels, six apart
        [[0, 6], [0, 7]]
    """
    x1, y1, x2, y2 = area_xyxy
    width, height = x2 - x1, y2 - y1
    colour = image[y1:y2, x1:x2].mean(axis=(0, 1))
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
            each[top:bottom, left_x:right] = colour
        left.append(number(covered))
    return np.concatenate(left).reshape(GRID, GRID).astype(np.float32)
