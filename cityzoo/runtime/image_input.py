"""Images as an exported model takes them, fitted pixel for pixel as in evaluation, and boxes back on the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augment import affine
from augment.warp import GRAY, warp


def is_image_input(about: Mapping[str, Any]) -> bool:
    """Return whether a model takes images.

    Args:
        about: its preprocessing.json.
    """
    return "resize" in about["inputs"][0]


def fit_images(
    about: Mapping[str, Any], images: Sequence[np.ndarray]
) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Return the model's input for some images, and for each the matrix that maps its pixels to the input's.

    Args:
        about: the model's preprocessing.json.
        images: (H, W, 3) uint8 each.

    Returns:
        {name: (N, h, w, 3)} of the input's dtype, 0..255; (3, 3) float32 each.
    """
    tensor = about["inputs"][0]
    size_hw = tuple(tensor["size_hw"])
    fit, fill = affine.FITS[tensor["resize"]["mode"]], tensor["resize"].get("pad_value", GRAY)
    matrices = [fit(image.shape[:2], size_hw) for image in images]
    batch = np.empty((len(images), *size_hw, 3), tensor["dtype"])
    for row, image, matrix in zip(batch, images, matrices, strict=True):
        row[...] = warp(image, matrix, size_hw, fill)
    return {tensor["name"]: batch}, matrices


def boxes_on_image(boxes: np.ndarray, matrix: np.ndarray, image_hw: tuple[int, int]) -> np.ndarray:
    """Return boxes in pixels of the image, within it.

    Args:
        boxes: (N, 4) xyxy in pixels of the network's input.
        matrix: as `fit_images` returns it.
        image_hw: height and width of the image, pixels.

    Example:
        >>> boxes = np.array([[0.0, 56.0, 256.0, 200.0]])
        >>> boxes_on_image(boxes, affine.letterbox((720, 1280), (256, 256)), (720, 1280)).round().tolist()
        [[0.0, 0.0, 1280.0, 720.0]]
    """
    scale, offset = np.diag(matrix)[:2], matrix[:2, 2]
    corners = (boxes.reshape(-1, 2, 2) - offset) / scale
    return np.clip(corners, 0, image_hw[::-1]).reshape(-1, 4)
