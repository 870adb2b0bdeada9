"""Show images of rare classes more often."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cityzoo.sample import ImageSet


def repeat_factors(images: ImageSet, share: float) -> np.ndarray:
    """Return how many times an epoch should show each image, 1 or more.

    A class on a share f of all images has a factor of sqrt(share / f), at least 1; an image has the largest of its
    classes. Gupta et al. 2019, "LVIS: A Dataset for Large Vocabulary Instance Segmentation" (arXiv 1908.03195).

    Args:
        images: labeled by boxes.
        share: share of the images, 0..1, below which a class counts as rare.

    Returns:
        (N,) float64.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> cars = [ImageExample("a.jpg", (8, 8), [[0, 0, 4, 4]], [0])] * 15
        >>> bus = ImageExample("b.jpg", (8, 8), [[0, 0, 4, 4]], [1])
        >>> repeat_factors(ImageSet("train", ("car", "bus"), (*cars, bus)), 0.25)[-2:].tolist()
        [1.0, 2.0]
    """
    present = np.zeros((len(images), len(images.class_names)), bool)
    for row, image in zip(present, images.examples, strict=True):
        row[image.labels] = True
    frequency = np.maximum(present.mean(axis=0), 1e-9)
    factors = np.maximum(1.0, np.sqrt(share / frequency))
    return np.where(present, factors, 1.0).max(axis=1, initial=1.0)


def repeat_rare(images: ImageSet, share: float) -> ImageSet:
    """Return the set with each image as often as `repeat_factors` says, rounded so that the sum is right.

    Copies follow their image; each is augmented in its own way.

    Args:
        images: labeled by boxes.
        share: see `repeat_factors`; 0 returns the set unchanged.
    """
    if not share:
        return images
    until = np.floor(np.cumsum(repeat_factors(images, share)) + 1e-9).astype(int)
    counts = np.diff(until, prepend=0)
    repeated = [image for image, count in zip(images.examples, counts, strict=True) for _ in range(count)]
    return replace(images, examples=tuple(repeated))
