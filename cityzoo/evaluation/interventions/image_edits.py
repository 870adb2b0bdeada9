"""Edits of images for interventions: filled, pasted, recolored; NumPy arrays in, NumPy arrays out."""

from __future__ import annotations

import cv2
import numpy as np

FILL_PX = 64  # long side at which missing pixels are computed: what is filled in has no detail of its own
HUE_STEP = 60  # of OpenCV's 180: a third of the color circle


def fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image with some pixels computed from those around them, without detail.

    Telea 2004, "An Image Inpainting Technique Based on the Fast Marching Method", at a small size.

    Args:
        image: (h, w, 3) uint8.
        mask: (h, w) bool, pixels to fill.

    Example:
        >>> image = np.full((8, 8, 3), 90, np.uint8)
        >>> image[2:4, 2:4] = 255
        >>> int(fill(image, (image == 255).all(axis=2)).max()) < 100
        True
    """
    if not mask.any():
        return image
    if mask.all():
        return np.broadcast_to(image.mean(axis=(0, 1)).astype(np.uint8), image.shape).copy()
    scale = min(1.0, FILL_PX / max(mask.shape))
    size = tuple(max(2, round(side * scale)) for side in mask.shape[::-1])
    holes = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    if holes.all():
        return paint(image, mask)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(small, holes.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return paste(image, cv2.resize(filled, mask.shape[::-1], interpolation=cv2.INTER_LINEAR), mask)


def paint(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image with some pixels in the mean color of the others."""
    others = image[~mask] if not mask.all() else image.reshape(-1, 3)
    return np.where(mask[..., None], others.mean(axis=0).astype(np.uint8), image)


def paste(image: np.ndarray, donor: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image with some pixels of another image of any size, stretched to its own.

    Example:
        >>> image, donor = np.zeros((2, 2, 3), np.uint8), np.full((4, 4, 3), 7, np.uint8)
        >>> paste(image, donor, np.eye(2, dtype=bool))[..., 0].tolist()
        [[7, 0], [0, 7]]
    """
    if donor.shape != image.shape:
        donor = cv2.resize(donor, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.where(mask[..., None], donor, image)


def recolor(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image with the hue of some pixels turned by a third of the color circle."""
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    turned[..., 0] = (turned[..., 0].astype(np.int32) + HUE_STEP) % 180
    return np.where(mask[..., None], cv2.cvtColor(turned, cv2.COLOR_HSV2RGB), image)


def box_mask(boxes_xyxy: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Return which pixels lie in boxes (M, 4), as (h, w) bool.

    Example:
        >>> box_mask(np.array([[1.0, 0.0, 3.0, 1.0]]), (2, 3)).astype(int).tolist()
        [[0, 1, 1], [0, 0, 0]]
    """
    mask = np.zeros(size_hw, bool)
    for x1, y1, x2, y2 in np.rint(boxes_xyxy).astype(int).clip(0).tolist():
        mask[y1:y2, x1:x2] = True
    return mask


def shift(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of the same size at a random place; what leaves the image enters on the other side.

    Example:
        >>> int(shift(np.eye(4, dtype=bool), np.random.default_rng(0)).sum())
        4
    """
    return np.roll(mask, (rng.integers(mask.shape[0]), rng.integers(mask.shape[1])), axis=(0, 1))


def resize_mask(mask: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Return a mask stretched to another size."""
    return cv2.resize(mask.astype(np.uint8), size_hw[::-1], interpolation=cv2.INTER_NEAREST) > 0
