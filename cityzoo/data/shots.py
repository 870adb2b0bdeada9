"""A few pictures of each class, drawn by a seed: what do so few labels give?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cityzoo.errors import InputError
from cityzoo.sample import Picture, PictureSet


def few(side: PictureSet, shots: int, seed: int) -> PictureSet:
    """Return `shots` pictures of each class, in the order that they came in; another seed draws others.

    A picture that shows several classes counts for each of them. Where pictures may show none of the classes, as many
    of those are drawn. Pictures with counts alone are drawn without regard to anything.

    Args:
        side: pictures with targets or boxes.
        shots: pictures a class.
        seed: of the draw.

    Raises:
        InputError: a class has fewer pictures than that.

    Example:
        >>> pictures = tuple(Picture(f"{i}.jpg", (8, 8), target=np.eye(2, dtype="f4")[i % 2]) for i in range(8))
        >>> drawn = few(PictureSet("train", ("bus", "car"), pictures), 2, seed=0)
        >>> len(drawn), np.sum([each.target for each in drawn.pictures], axis=0).tolist()
        (4, [2.0, 2.0])
    """
    rng = np.random.default_rng([seed, shots])
    there = np.stack([_classes(picture, len(side.class_names)) for picture in side.pictures])
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
                f"--shots {shots} wants {shots} pictures of each class, '{name}' has {len(rows)}: give fewer shots, or "
                "more pictures"
            )
        drawn |= set(rng.permutation(rows)[:shots].tolist())
    return replace(side, pictures=tuple(side.pictures[row] for row in sorted(drawn)))


def _classes(picture: Picture, classes: int) -> np.ndarray:
    if picture.target is not None and len(picture.target) == classes and not len(picture.labels):
        return picture.target > 0
    return np.bincount(picture.labels, minlength=classes) > 0
