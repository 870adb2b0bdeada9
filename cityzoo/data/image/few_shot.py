"""Random few-shot subsets: a few images per class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet


def sample_shots(image_set: ImageSet, shots: int, seed: int) -> ImageSet:
    """Return `shots` random images of each class, in their original order.

    An image with several classes counts for each of them. If some images have none of the classes, `shots` of those
    are sampled too. If no image has classes, but only counts, `shots` of all are sampled.

    Args:
        image_set: images with targets or boxes.
        shots: images per class.
        seed: seed of the sample.

    Raises:
        InputError: a class has fewer images.

    Example:
        >>> images = tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i % 2]) for i in range(8))
        >>> few = sample_shots(ImageSet("train", ("bus", "car"), images), 2, seed=0)
        >>> len(few), np.sum([each.target for each in few.examples], axis=0).tolist()
        (4, [2.0, 2.0])
    """
    rng = np.random.default_rng([seed, shots])
    present = np.stack([_classes(image, len(image_set.class_names)) for image in image_set.examples])
    groups: dict[str, np.ndarray] = {"any": np.ones(len(present), bool)}
    if present.any():
        groups = dict(zip(image_set.class_names, present.T, strict=True))
    if present.any() and not present.any(axis=1).all():
        groups["none of the classes"] = np.asarray(~present.any(axis=1))
    rows_kept: set[int] = set()
    for name, chosen in groups.items():
        rows = np.flatnonzero(chosen)
        if len(rows) < shots:
            raise InputError(
                f"--shots {shots} requires {shots} images of each class, but '{name}' has {len(rows)}: use fewer "
                "shots or add images"
            )
        rows_kept |= set(rng.permutation(rows)[:shots].tolist())
    return replace(image_set, examples=tuple(image_set.examples[row] for row in sorted(rows_kept)))


def _classes(image: ImageExample, classes: int) -> np.ndarray:
    if image.target is not None and len(image.target) == classes and not len(image.labels):
        return image.target > 0
    return np.bincount(image.labels, minlength=classes) > 0
