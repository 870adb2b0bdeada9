"""Conversion of annotated boxes to pixels of the upright image, and detection of bad boxes."""

from __future__ import annotations

import numpy as np

from cityzoo.data.image.raw import PIXELS_XYXY, RELATIVE_CXCYWH

# Larger overhang is an error: relative coordinates of three digits are off by up to this much.
ROUNDING_PX = 2.0
FLOAT_NOISE_PX = 0.01  # smaller overhang is not reported


def to_pixels(numbers: np.ndarray, kind: str, size_hw: tuple[int, int]) -> np.ndarray:
    """Convert boxes (N, 4) of any kind to float64 pixels x1, y1, x2, y2 of the frame in which they were annotated.

    kind: PIXELS_XYXY, RELATIVE_XYXY or RELATIVE_CXCYWH. size_hw: height and width of that frame in pixels.

    Example:
        >>> to_pixels(np.array([[0.5, 0.5, 0.5, 1.0]]), RELATIVE_CXCYWH, (100, 200)).tolist()
        [[50.0, 0.0, 150.0, 100.0]]
    """
    boxes = np.asarray(numbers, np.float64).reshape(-1, 4)
    if kind == PIXELS_XYXY:
        return boxes
    if kind == RELATIVE_CXCYWH:
        half = boxes[:, 2:] / 2
        with np.errstate(invalid="ignore"):  # infinite boxes are found later
            boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    height, width = size_hw
    return boxes * np.array([width, height, width, height])


def to_upright(boxes: np.ndarray, orientation: int, stored_hw: tuple[int, int]) -> np.ndarray:
    """Apply an image's EXIF orientation to boxes of the stored image.

    Args:
        boxes: (N, 4) float64, pixels x1, y1, x2, y2 of the image as stored.
        orientation: EXIF orientation, 1..8 (CIPA DC-008, tag 0x0112).
        stored_hw: height and width in pixels as stored.

    Returns:
        (N, 4) float64, pixels of the upright image. Inverted boxes stay inverted.

    Example:
        >>> to_upright(np.array([[0.0, 0, 10, 20]]), 6, (100, 200)).tolist()  # a quarter turn clockwise
        [[80.0, 0.0, 100.0, 10.0]]
    """
    height, width = stored_hw
    x1, y1, x2, y2 = boxes.T
    mirrored_x, mirrored_y = (width - x2, width - x1), (height - y2, height - y1)
    x, y = {
        1: ((x1, x2), (y1, y2)),
        2: (mirrored_x, (y1, y2)),
        3: (mirrored_x, mirrored_y),
        4: ((x1, x2), mirrored_y),
        5: ((y1, y2), (x1, x2)),
        6: (mirrored_y, (x1, x2)),
        7: (mirrored_y, mirrored_x),
        8: ((y1, y2), mirrored_x),
    }[orientation]
    return np.stack([x[0], y[0], x[1], y[1]], axis=1)


def is_annotated_as_stored(exif: str, declared_hw: object, stored_hw: object, upright_hw: object) -> bool:
    """Return whether boxes refer to the image as stored rather than upright.

    exif: "stored", "upright", or "auto": compare the size declared in the annotations, which may be None, and assume
    upright if that is not conclusive.
    """
    if exif == "auto":
        return declared_hw == stored_hw and stored_hw != upright_hw
    return exif == "stored"


def find_problems(boxes: np.ndarray, size_hw: tuple[int, int]) -> list[str]:
    """Return the problem of each box: a kind of finding ("clipped" if clipping fixes it), or "" for a good box.

    boxes: (N, 4) float64, pixels x1, y1, x2, y2.

    Example:
        >>> find_problems(np.array([[0.0, 0, 5, 5], [5, 0, 0, 5], [-1, 0, 5, 5], [3, 3, 40, 5]]), (10, 20))
        ['', 'inverted', 'clipped', 'over edge']
    """
    height, width = size_hw
    x1, y1, x2, y2 = boxes.T
    overhang = np.max([-x1, -y1, x2 - width, y2 - height], axis=0, initial=-np.inf)
    tests = {
        "not finite": ~np.isfinite(boxes).all(1),
        "inverted": (x2 < x1) | (y2 < y1),
        "no area": (x2 == x1) | (y2 == y1),
        "outside": (x2 <= 0) | (y2 <= 0) | (x1 >= width) | (y1 >= height),
        "over edge": overhang > ROUNDING_PX,
        "clipped": overhang > FLOAT_NOISE_PX,
    }
    return np.select(list(tests.values()), list(tests), default="").tolist()


def clip(boxes: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """Return boxes clipped to the image: (N, 4) float32, pixels x1, y1, x2, y2."""
    height, width = size_hw
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)
