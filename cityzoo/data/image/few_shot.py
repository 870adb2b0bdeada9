"""A few images of each class, drawn by a seed: what do so few labels give?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet


def sample_shots(side: ImageSet, shots: int, seed: int) -> ImageSet:
    """Return `shots` images of each class, in the order that they came in; another seed draws others.

    An image that shows several classes counts for each of them. Where images may show none of the classes, as many
    of those are drawn. Images with counts alone are drawn without regard to anything.

    Args:
        side: images with targets or boxes.
        shots: images a class.
        seed: of the draw.

    Raises:
        InputError: a class has fewer images than that.

    Example:
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i % 2]) for i in range(8))
        >>> drawn = sample_shots(ImageSet("train", ("bus", "car"), images), 2, seed=0)
        >>> len(drawn), np.sum([each.target for each in drawn.examples], axis=0).tolist()
        (4, [2.0, 2.0])
    """
    rng = np.random.default_rng([seed, shots])
    there = np.stack([_classes(image, len(side.class_names)) for image in side.examples])
    groups = (
        dict(zip(side.class_names, there.T, strict=True))
        if there.any()
        else {"any": np.ones(len(there), bool)}
    )
    if not there.any(axis=1).all() and there.any():
        groups["none of the classes"] = ~there.any(axis=1)
    drawn: set[int] = set()
    for name, chosen in groups.items():
        rows = np.flatnonzero(chosen)
        if len(rows) < shots:
            raise InputError(
                f"--shots {shots} wants {shots} images of each class, '{name}' has {len(rows)}: give fewer shots, or "
                "more images"
            )
        drawn |= set(rng.permutation(rows)[:shots].tolist())
    return replace(side, examples=tuple(side.examples[row] for row in sorted(drawn)))


def _classes(image: ImageExample, classes: int) -> np.ndarray:
    if image.target is not None and len(image.target) == classes and not len(image.labels):
        return image.target > 0
    return np.bincount(image.labels, minlength=classes) > 0
