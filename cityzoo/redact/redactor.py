"""Find and cover what identifies people in an image; the order is decode, redact, everything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from cityzoo.errors import InputError
from cityzoo.redact.regions import DRAWINGS, Region, cover

FACES = "faces"
GROW = 0.15  # margin on each side, as a share of a region's width and height


class Finder(Protocol):
    """What finds regions in an image."""

    def find(self, image: np.ndarray) -> list[Region]:
        """Return the regions of an image, (H, W, 3) uint8 RGB."""


class Redactor:
    """Cover the regions that some detectors find, with a margin.

    Args:
        finders: all of them are asked; an image without any is returned as it is.
        drawing: how regions are covered, see `cover`.
        grow: margin on each side, as a share of a region's width and height.
    """

    def __init__(self, finders: Sequence[Finder], drawing: str = "pixelate", grow: float = GROW) -> None:
        self.finders, self.drawing, self.grow = tuple(finders), drawing, grow

    @classmethod
    def from_name(cls, name: str) -> Redactor:
        """Return the redactor of a name: parts that are joined by "+".

        Args:
            name: "faces", FOLDER or FOLDER:CLASS,CLASS of an exported detector, each with its lowest score behind an @
                if wanted; "pixelate", "blur" or "fill". Such as "faces+models/plates@0.2+models/street:person+fill".

        Raises:
            InputError: an empty name, no such folder or class, or a missing package.
        """
        parts = [part for part in name.split("+") if part]
        drawings = [part for part in parts if part in DRAWINGS]
        finders = [make_finder(part) for part in parts if part not in DRAWINGS]
        if not finders:
            raise InputError(
                f"'{name}' finds nothing: give faces or folders of exported detectors, joined by +"
            )
        return cls(finders, drawings[-1] if drawings else DRAWINGS[0])

    def find(self, image: np.ndarray) -> list[Region]:
        """Return the grown regions of an image, (H, W, 3) uint8 RGB, in whole pixels."""
        size_hw = (image.shape[0], image.shape[1])
        return [each.grow(self.grow, size_hw) for finder in self.finders for each in finder.find(image)]

    def draw(self, image: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
        """Return a copy of an image whose regions are covered."""
        return cover(image, regions, self.drawing)

    def redact(self, image: np.ndarray) -> tuple[np.ndarray, list[Region]]:
        """Return a covered copy of an image, (H, W, 3) uint8 RGB, and its regions."""
        regions = self.find(image)
        return self.draw(image, regions), regions


def make_finder(name: str) -> Finder:
    """Return the finder of "faces" or FOLDER:CLASS,CLASS@SCORE; see `Redactor.from_name`."""
    from cityzoo.redact.detector import DetectorFinder
    from cityzoo.redact.faces import FaceFinder

    place, classes, score = split_name(name)
    given = {} if score is None else {"score": score}
    return FaceFinder(**given) if place == FACES else DetectorFinder(Path(place), classes, **given)


def split_name(name: str) -> tuple[str, tuple[str, ...], float | None]:
    """Return the folder, the classes and the score of FOLDER:CLASS,CLASS@SCORE.

    Raises:
        InputError: a score that is not between 0 and 1.

    Example:
        >>> split_name("models/street:person,car@0.3")
        ('models/street', ('person', 'car'), 0.3)
        >>> split_name("faces")
        ('faces', (), None)
    """
    place, at, score = name.rpartition("@")
    place = place if at else name
    if at and not (re.fullmatch(r"\d*\.?\d+", score) and 0 < float(score) < 1):
        raise InputError(
            f"'{name}': '{score}' is not a score: give a number between 0 and 1 behind @, e.g. @0.1"
        )
    found = re.fullmatch(r"(.+?):([^:/\\]+)", place)
    classes = tuple(part.strip() for part in found[2].split(",")) if found else ()
    return found[1] if found else place, classes, float(score) if at else None
