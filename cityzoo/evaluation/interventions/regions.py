"""Places of an image that no answer should depend on: its border in patches, and what is constant within a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

GRID = 4  # patches per side
SIDE = 64  # pixels of a mask
LEAST_IMAGES = 10  # of a class
MUCH_LESS = 0.35  # share of the spread of other classes that counts as constant
DIFFERENT = 12.0  # gray levels between the medians of a class and of the others
AREA = (0.002, 0.25)  # of the image, least and most


class Region(NamedTuple):
    """A part of every image."""

    name: str
    mask: np.ndarray  # (SIDE, SIDE) bool, stretched to each image


def border_patches() -> list[Region]:
    """Return the patches of a 4 x 4 grid that touch the border, where overlays are.

    Example:
        >>> patches = border_patches()
        >>> len(patches), patches[3].name, int(patches[3].mask.sum())
        (12, 'row 1, column 4', 256)
    """
    found, step = [], SIDE // GRID
    for row in range(GRID):
        for column in range(GRID):
            if {row, column} & {0, GRID - 1}:
                mask = np.zeros((SIDE, SIDE), bool)
                mask[row * step : (row + 1) * step, column * step : (column + 1) * step] = True
                found.append(Region(f"row {row + 1}, column {column + 1}", mask))
    return found


def constant_regions(
    images: Sequence[np.ndarray], labels: np.ndarray, class_names: Sequence[str]
) -> list[Region]:
    """Return for each class the pixels that hardly change within it, and are different and changing in other classes.

    Args:
        images: N of (h, w, 3) uint8, of any size.
        labels: (N,) int, the class of each; negative: not one class.
        class_names: of the classes.
    """
    thumbs = np.stack([cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in images])
    found = []
    for label, name in enumerate(class_names):
        own, others = thumbs[labels == label].astype(np.float32), thumbs[(labels >= 0) & (labels != label)]
        if min(len(own), len(others)) < LEAST_IMAGES:
            continue
        (middle, spread), (middle_others, spread_others) = map(_describe, (own, others.astype(np.float32)))
        mask = (spread < MUCH_LESS * spread_others) & (np.abs(middle - middle_others).mean(-1) > DIFFERENT)
        mask = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        if AREA[0] <= mask.mean() <= AREA[1]:
            found.append(Region(f"constant in {name}", mask))
    return found


def _describe(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = np.median(images, axis=0)
    return middle, np.median(np.abs(images - middle).mean(axis=-1), axis=0)
