"""Where objects of a class cannot stand, as a mask that goes through augmentation with its image."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.data.image.polygons import Points
from cityzoo.data.image.scene_rules import Rules, SceneRules
from cityzoo.errors import InputError

BITS = 8  # of a pixel of the mask
KEPT = 16  # masks in memory
SUBPIXEL_BITS = 6


@dataclass(frozen=True)
class PlaceMask:
    """The mask of an image, made when it is called.

    A bit of a pixel is 1 if no object of its classes can stand there; one on the border of a place is a part of it.

    Attributes:
        places: the polygons of each bit, 0..1 of the image; no polygon: anywhere.
        size_hw: of the image in pixels.

    Example:
        >>> left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
        >>> PlaceMask(((left,), ()), (1, 6))()[..., 0].tolist()
        [[0, 0, 0, 0, 1, 1]]
    """

    places: tuple[tuple[Points, ...], ...]
    size_hw: tuple[int, int]

    def __call__(self) -> np.ndarray:
        """Return (H, W, 1) uint8."""
        return _draw(self)


@functools.lru_cache(KEPT)
def _draw(mask: PlaceMask) -> np.ndarray:
    import cv2

    found = np.zeros((*mask.size_hw, 1), np.uint8)
    for bit, polygons in enumerate(mask.places):
        outside = np.full(mask.size_hw, bool(polygons), np.uint8)
        for points in polygons:
            corners = np.array(points) * mask.size_hw[::-1] - 0.5  # centers of pixels are whole numbers there
            corners = np.rint(corners * 2**SUBPIXEL_BITS).astype(np.int32)
            cv2.fillPoly(outside, [corners], 0, shift=SUBPIXEL_BITS)
        found[..., 0] |= outside << bit
    return found


@dataclass(frozen=True)
class ClassBits:
    """Classes that can stand in the same places share a bit.

    Attributes:
        bits: of each class; `BITS` for a class that can stand anywhere on all cameras.
        named: a class of each bit.
    """

    bits: tuple[int, ...]
    named: tuple[str, ...]

    def mask(self, rules: SceneRules, size_hw: tuple[int, int]) -> PlaceMask:
        """Return the mask of an image by the rules of its scene."""
        places = (tuple(each.points for each in rules.places if name in each.classes) for name in self.named)
        return PlaceMask(tuple(places), size_hw)


def assign_bits(rules: Rules, class_names: Sequence[str]) -> ClassBits:
    """Return the bits of classes in the masks of all scenes.

    Raises:
        InputError: no places, or more different ones than a mask has bits.

    Example:
        >>> road = {"points": [[0, 0], [1, 0], [1, 1]], "classes": ["car", "bus"]}
        >>> from cityzoo.data.image.scene_rules import parse_rules
        >>> names = ("bike", "bus", "car")
        >>> assign_bits(parse_rules({"places": [road]}, names), names)
        ClassBits(bits=(8, 0, 0), named=('bus',))
    """
    scenes = (rules.general, *rules.scenes.values())
    own = [tuple(tuple(name in place.classes for place in s.places) for s in scenes) for name in class_names]
    known = list(dict.fromkeys(each for each in own if any(map(any, each))))
    if not known:
        raise InputError("the rules have no places, and only places can be learned: add some")
    if len(known) > BITS:
        raise InputError(
            f"the rules have {len(known)} groups of classes with places of their own: at most {BITS} can be learned; "
            "give similar classes the same places"
        )
    named = tuple(class_names[own.index(each)] for each in known)
    return ClassBits(tuple(known.index(each) if each in known else BITS for each in own), named)
