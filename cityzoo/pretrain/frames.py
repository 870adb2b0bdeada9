"""Images to pretrain on, and which of them are neighbouring frames of one camera."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.cli import flag
from cityzoo.data import image as datasets
from cityzoo.data.groups import SIMILAR_BITS
from cityzoo.data.image import derived_labels
from cityzoo.errors import InputError, NoAnnotations
from cityzoo.modalities.image import IMAGE
from cityzoo.sample import ImageExample, ImageSet, no_boxes, no_labels

NEIGHBOUR_BITS = 16  # of the 64 of a perceptual hash; unrelated images differ in about 32
GAP = 64  # on the time line, between frames that are no neighbours; places stay exact in float32
MOST_NEIGHBOURS = 32
LEAST_DISTINCT = 8  # images that are no near duplicates


def parse_neighbours(text: str) -> int:
    """Read how many frames apart neighbours may be.

    Raises:
        InputError: not a whole number from 0 to 32.
    """
    if not text.isdecimal() or int(text) > MOST_NEIGHBOURS:
        raise InputError(
            f"'{text}' is no distance of frames: give a whole number from 0 to {MOST_NEIGHBOURS}"
        )
    return int(text)


@dataclass(frozen=True)
class FramesReader:
    """Read images with or without labels, which are ignored; the target is each one's place on a time line."""

    # 0: pairs are views of one image alone
    neighbours: int = flag(
        2,
        "half of the pairs are frames of one camera that are at most this many frames apart, found by names and "
        "perceptual hashes; 0: none",
        parse_neighbours,
        "N",
    )

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source.

        Raises:
            InputError: nothing that can be used.
        """
        found = datasets.load(source, wants="frames", **how)
        return replace(found, train=_place(found.train), val=_place(found.val))


@dataclass(frozen=True)
class ClassReader:
    """Read images with a class each, labeled as a whole or cropped by their boxes."""

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source.

        Raises:
            InputError: no labels, or nothing else that can be used.
        """
        try:
            found = datasets.load(source, wants="either", **how)
        except NoAnnotations as error:
            raise InputError(
                f"--method supcon learns from labels, '{source}' has none: give labeled --data, or --method simclr"
            ) from error
        return found if found.labeled else derived_labels.map_splits(found, derived_labels.crop_boxes)


def _place(images: ImageSet) -> ImageSet:
    """Return images in the order of time, with their place on the time line as target (1,) and without labels."""
    order = sorted(images.examples, key=_order)
    ordered = replace(images, class_names=("frame",), examples=tuple(order))
    places = place_on_time_line([_order(each)[0] for each in order], IMAGE.hashes(ordered))
    pairs = zip(order, places.tolist(), strict=True)
    return replace(ordered, examples=tuple(_without_labels(each, place) for each, place in pairs))


def _order(image: ImageExample) -> tuple[str, list[tuple[int, str]]]:
    path = Path(image.path)
    words = re.findall(r"\d+|\D+", path.name)
    # Numbers by their value: frame_10 comes after frame_9.
    natural = [(int(word), "") if word.isdecimal() else (-1, word) for word in words]
    return f"{path.parent}/{image.scene}", natural


def _without_labels(image: ImageExample, place: float) -> ImageExample:
    target = np.array([place], np.float32)
    return replace(image, boxes_xyxy=no_boxes(), labels=no_labels(), mask="", target=target)


def place_on_time_line(sequences: Sequence[str], hashes: Sequence[str]) -> np.ndarray:
    """Return the place of each frame on a time line, (N,) float64.

    A frame comes one after the one before it if both are of one sequence and look alike; else far behind it: files that
    are merely numbered are no sequence.

    Args:
        sequences: name of each frame's camera or scene, frames in the order of time.
        hashes: perceptual hash of each, 16 hexadecimal digits.

    Example:
        >>> near, far = ["00000000000000ff", "00000000000001ff"], "ffffffff00000000"
        >>> place_on_time_line(["cam1", "cam1", "cam1", "cam2"], [*near, far, far]).tolist()
        [0.0, 1.0, 65.0, 129.0]
    """
    bits = np.array([int(each or "0", 16) for each in hashes], np.uint64)
    steps = np.zeros(len(bits))
    if len(bits) > 1:
        is_alike = np.bitwise_count(bits[1:] ^ bits[:-1]) <= NEIGHBOUR_BITS
        is_same = np.array(sequences[1:], object) == np.array(sequences[:-1], object)
        steps[1:] = np.where(is_alike & is_same, 1, GAP)
    return np.cumsum(steps)


def require_distinct(images: ImageSet, source: str) -> None:
    """Raise InputError if fewer than eight images are no near duplicates of each other."""
    kept = np.zeros(0, np.uint64)
    for word in IMAGE.hashes(images):
        bits = np.uint64(int(word or "0", 16))
        if (np.bitwise_count(kept ^ bits) > SIMILAR_BITS).all():
            kept = np.append(kept, bits)
        if len(kept) == LEAST_DISTINCT:
            return
    raise InputError(
        f"of {len(images)} images of '{source}' to pretrain on, {len(kept)} differ, the others are near duplicates: "
        f"give {LEAST_DISTINCT} or more that differ, such as frames of other hours or cameras"
    )
