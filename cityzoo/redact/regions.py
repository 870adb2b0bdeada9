"""Regions of an image that identify people: growing them, covering them so that nothing can be read back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from cityzoo.errors import unknown

DRAWINGS = ("pixelate", "blur", "fill")
BLOCKS = (
    5  # across a region: block means of a fifth of the width cannot be read, nor be sharpened into a face
)
FILL = 114  # gray, as the border of a detector's input


@dataclass(frozen=True)
class Region:
    """A part of an image that has to be covered.

    Attributes:
        kind: what it shows, such as "face", "person" or "plate".
        box_xyxy: x1, y1, x2, y2 in pixels of the image.
        score: of the detector, 0 to 1.
    """

    kind: str
    box_xyxy: tuple[float, float, float, float]
    score: float = 1.0

    @property
    def width(self) -> float:
        """Return the width in pixels."""
        return self.box_xyxy[2] - self.box_xyxy[0]

    def grow(self, share: float, size_hw: tuple[int, int], least: float = 2.0) -> Region:
        """Return the region with a margin on each side, cut at the edges of the image, in whole pixels.

        Args:
            share: margin as a share of its width and height.
            size_hw: height and width of the image.
            least: smallest margin, pixels.

        Example:
            >>> Region("plate", (10.0, 10.0, 50.0, 20.0)).grow(0.1, (100, 52)).box_xyxy
            (6, 8, 52, 22)
        """
        x1, y1, x2, y2 = self.box_xyxy
        across, down = max(share * (x2 - x1), least), max(share * (y2 - y1), least)
        box = (
            max(math.floor(x1 - across), 0),
            max(math.floor(y1 - down), 0),
            min(math.ceil(x2 + across), size_hw[1]),
            min(math.ceil(y2 + down), size_hw[0]),
        )
        return replace(self, box_xyxy=box)


def cover(image: np.ndarray, regions: Iterable[Region], drawing: str = "pixelate") -> np.ndarray:
    """Return a copy of an image with its regions covered; boxes have to be within the image.

    Args:
        image: (H, W, 3) uint8.
        regions: with boxes of whole pixels, see `Region.grow`.
        drawing: "pixelate", means of blocks of a fifth of the width; "blur", the same with smooth borders; or "fill",
            one gray, from which nothing can be computed, not even over many frames.

    Raises:
        InputError: an unknown drawing.

    Example:
        >>> stripes = np.zeros((10, 10, 3), np.uint8)
        >>> stripes[:, ::2] = 200
        >>> cover(stripes, [Region("plate", (0, 0, 10, 10))])[0, :, 0].tolist()
        [100, 100, 100, 100, 100, 100, 100, 100, 100, 100]
    """
    if drawing not in DRAWINGS:
        raise unknown("drawing", drawing, DRAWINGS)
    covered = image.copy()
    for region in regions:
        x1, y1, x2, y2 = (int(side) for side in region.box_xyxy)
        if x2 > x1 and y2 > y1:
            covered[y1:y2, x1:x2] = FILL if drawing == "fill" else _means(covered[y1:y2, x1:x2], drawing)
    return covered


def _means(patch: np.ndarray, drawing: str) -> np.ndarray:
    import cv2

    height, width = patch.shape[:2]
    across = min(BLOCKS, width)
    down = max(1, height * across // width)
    blocks = cv2.resize(patch, (across, down), interpolation=cv2.INTER_AREA)
    smooth = cv2.INTER_LINEAR if drawing == "blur" else cv2.INTER_NEAREST
    return cv2.resize(blocks, (width, height), interpolation=smooth).reshape(patch.shape)


def mark(size_hw: tuple[int, int], regions: Iterable[Region]) -> np.ndarray:
    """Return a (H, W) bool array of the pixels that the regions cover.

    Example:
        >>> int(mark((4, 6), [Region("face", (1, 1, 3, 3)), Region("plate", (2, 2, 6, 3))]).sum())
        7
    """
    covered = np.zeros(size_hw, bool)
    for region in regions:
        x1, y1, x2, y2 = (int(side) for side in region.box_xyxy)
        covered[y1:y2, x1:x2] = True
    return covered
