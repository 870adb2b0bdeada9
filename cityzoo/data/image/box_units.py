"""Unit of boxes, pixels or relative to the image, where the annotations do not state it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.image.raw import RELATIVE_XYXY, RawImage
from cityzoo.errors import InputError

LARGEST_RELATIVE = 1.5  # relative boxes end at 1, bad ones a little beyond it
TOLERATED = 0.01  # fraction of boxes below a pixel among boxes in pixels: slips, not another unit


def resolve_box_units(images: Sequence[RawImage], path: str) -> tuple[list[RawImage], list[tuple[str, str]]]:
    """Return the images of one annotation file, with boxes marked as relative if all lie in 0..1, and notes.

    A box in pixels that lies in 0..1 is smaller than one pixel.

    Args:
        images: images with boxes x1, y1, x2, y2, of the kind PIXELS_XYXY.
        path: the annotation file, for notes and messages.

    Raises:
        InputError: some boxes lie in 0..1, others do not.

    Example:
        >>> from cityzoo.data.image.raw import PIXELS_XYXY, RawBox
        >>> image = RawImage("a.jpg", (RawBox((0.1, 0.2, 0.5, 1.0), "car", ":1"),), PIXELS_XYXY, "boxes.csv")
        >>> images, notes = resolve_box_units([image], "boxes.csv")
        >>> images[0].kind, notes
        ('relative x1, y1, x2, y2', [('relative', 'boxes.csv')])
    """
    marks = [f"{image.source}{box.mark}" for image in images for box in image.boxes]
    boxes = np.array([box.numbers for image in images for box in image.boxes], np.float64).reshape(-1, 4)
    finite = np.isfinite(boxes).all(1)
    small = finite & (np.abs(boxes) <= LARGEST_RELATIVE).all(1)
    if not small.any():
        return list(images), []
    if (small == finite).all():
        return [replace(image, kind=RELATIVE_XYXY) for image in images], [("relative", path)]
    if small.sum() > TOLERATED * finite.sum():
        first, other = (marks[int(np.flatnonzero(rows)[0])] for rows in (small, finite & ~small))
        raise InputError(
            f"{small.sum()} of {finite.sum()} boxes lie in 0..1 ({first}), as if relative to the image, others do "
            f"not ({other}): write all in pixels, or all relative"
        )
    return list(images), [("below a pixel", marks[row]) for row in np.flatnonzero(small)]
