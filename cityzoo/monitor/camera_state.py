"""Whether a fixed camera still looks at the same scene: its images against their median image at evaluation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SIZE_WH = (160, 120)  # of images: vehicles are small, lanes and buildings are not
FIXED = 0.5  # median likeness of the images of a camera that does not move
MOVED = 0.015  # of the width
LEAST_PEAK = 0.04  # of a phase correlation; two unrelated scenes have 0.01 to 0.03


class Registration(NamedTuple):
    """How far one image is displaced from another.

    Attributes:
        shift_xy: shares of width and height, positive to the right and downwards.
        peak: of the phase correlation, 0..1.
    """

    shift_xy: tuple[float, float]
    peak: float

    @property
    def is_moved(self) -> bool:
        """Return whether the displacement is certain, and larger than wind makes it."""
        return self.peak >= LEAST_PEAK and float(np.hypot(*self.shift_xy)) >= MOVED


def make_thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image as a gray thumbnail, (120, 160) uint8.

    Args:
        image: (H, W, 3) uint8 RGB.
    """
    import cv2

    return cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), SIZE_WH, interpolation=cv2.INTER_AREA)


def median_image(images: np.ndarray) -> np.ndarray:
    """Return the median of images, (h, w) float32: what moves is not in it.

    Args:
        images: (N, h, w) uint8.
    """
    return np.median(images, axis=0).astype(np.float32)


def measure_likeness(images: np.ndarray, median: np.ndarray) -> np.ndarray:
    """Return the correlation of the edges of each image with those of a median image, (N,) float32, -1..1.

    Edges hardly depend on light; those of another view are elsewhere.

    Args:
        images: (N, h, w) uint8.
        median: (h, w) float32.

    Example:
        >>> scene = np.random.default_rng(0).integers(0, 255, (1, 12, 16)).astype(np.uint8)
        >>> measure_likeness(np.concatenate([scene, 255 - scene // 2]), scene[0].astype(np.float32)).round(2).tolist()
        [1.0, 1.0]
    """
    rows = [_edges(image.astype(np.float32)).ravel() for image in images]
    wanted = _edges(median).ravel()
    stacked = np.stack([row - row.mean() for row in rows])
    wanted = wanted - wanted.mean()
    norms = np.linalg.norm(stacked, axis=1) * np.linalg.norm(wanted)
    return (stacked @ wanted / np.maximum(norms, 1e-6)).astype(np.float32)


def register(image: np.ndarray, median: np.ndarray) -> Registration:
    """Return how far an image is displaced, by the phase correlation of edges.

    Kuglin & Hines, "The phase correlation image alignment method", IEEE Conf. Cybernetics and Society 1975.

    Args:
        image: (h, w), of what does not move: the median of new images.
        median: (h, w), of the reference.

    Example:
        >>> scene = np.random.default_rng(0).integers(0, 255, (60, 80)).astype(np.float32)
        >>> found = register(np.roll(scene, 8, axis=1), scene)
        >>> round(found.shift_xy[0], 2), found.is_moved
        (0.1, True)
    """
    import cv2

    height, width = median.shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    first, second = _edges(median.astype(np.float32)), _edges(image.astype(np.float32))
    (x, y), peak = cv2.phaseCorrelate(first, second, window)
    return Registration((x / width, y / height), float(peak))


def _edges(image: np.ndarray) -> np.ndarray:
    import cv2

    smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
    edges = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    return edges / (edges.mean() + 1e-6)
