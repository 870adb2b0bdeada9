"""Brightness and sharpness of images."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from cityzoo.data.image.decode import DECODING, open_header, read_image
from cityzoo.sample import ImageExample

SIDE = 256  # pixels of the longer side at which sharpness is measured
BLACK, LIT = 10, 0.02  # in a row of a black bar, at most this share of pixels is above that luma


class ImageStatistics(NamedTuple):
    """Statistics of N images."""

    # (N,) float64, 0..255, median over the whole file without black bars, also for a window of it: a crop of
    # a black car is not night
    luma: np.ndarray
    sharpness: np.ndarray  # (N,) float64, see `sharpness`, of the image or its window


def measure_images(
    images: Sequence[ImageExample], progress: Callable[[int, int], object] | None = None
) -> ImageStatistics:
    """Measure images; each file is read once for all its windows.

    Args:
        images: N of them.
        progress: called with the number of measured images and N.

    Raises:
        OSError, ValueError: a file that cannot be read.
    """
    places = defaultdict(list)
    for place, image in enumerate(images):
        places[image.path].append(place)
    found, done = np.zeros((2, len(images))), 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        files = ([images[place] for place in group] for group in places.values())
        for group, measured in zip(places.values(), pool.map(_measure, files), strict=True):
            found[:, group] = measured
            done += len(group)
            if progress:
                progress(done, len(images))
    return ImageStatistics(*found)


def _measure(images: Sequence[ImageExample]) -> np.ndarray:
    """Return luma and sharpness of each image of one file, (2, P)."""
    luma = _luma(images)
    content = crop_black_bars(luma)
    parts = (content if each.window_xyxy is None else _cut(luma, each.window_xyxy) for each in images)
    return np.array([(np.median(content), sharpness(part)) for part in parts]).T


def _luma(images: Sequence[ImageExample]) -> np.ndarray:
    """Decode a file, (H, W) uint8; without windows at a reduced size, at least twice `SIDE`."""
    import cv2

    path = images[0].path
    if not images[0].plain:
        with DECODING.hold(math.prod(images[0].size_hw)):
            return cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY)
    with open_header(path) as image:
        whole = any(each.window_xyxy for each in images)
        reduction = 1 if whole else max(1, max(image.size) // (2 * SIDE))
        # Decodes only the luma of a JPEG, with no more frequencies than needed.
        image.draft("L", (image.width // reduction, image.height // reduction))
        with DECODING.hold(image.width * image.height):
            return np.array(image.convert("L"))


def _cut(luma: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    x1, y1, x2, y2 = window
    return luma[y1:y2, x1:x2]


def crop_black_bars(luma: np.ndarray) -> np.ndarray:
    """Return an image without the black bars of letterboxing.

    Both sides are cut equally, to keep a black sky above a street.

    Args:
        luma: (H, W) uint8.

    Example:
        >>> luma = np.zeros((100, 80), np.uint8)
        >>> luma[30:80] = 90
        >>> crop_black_bars(luma).shape
        (60, 80)
    """
    lit = luma > BLACK
    for axis in (0, 1):
        kept = np.flatnonzero(lit.mean(axis=1 - axis) > LIT)
        bar = min(kept[0], luma.shape[axis] - 1 - kept[-1]) if len(kept) else 0
        luma = luma[bar : luma.shape[0] - bar] if axis == 0 else luma[:, bar : luma.shape[1] - bar]
    return luma


def sharpness(luma: np.ndarray) -> float:
    """Return the variance of the Laplacian of an image resized to 256 pixels on its longer side.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000. Blur and upscaling lower it, and so
    do fog and darkness.

    Args:
        luma: (H, W) uint8.

    Example:
        >>> edge = np.repeat(np.array([[0, 200]], np.uint8), 128, axis=1).repeat(64, axis=0)
        >>> soft = np.linspace(0, 200, 256).astype(np.uint8)[None].repeat(64, axis=0)
        >>> sharpness(edge) > 100 * sharpness(soft)
        True
    """
    import cv2

    scale = SIDE / max(luma.shape)
    size = tuple(max(1, round(side * scale)) for side in luma.shape[::-1])
    scaled = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    return float(cv2.Laplacian(scaled, cv2.CV_32F).var())
