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
            name: "faces", FOLDER or FOLDER:CLASS,CLASS of an exported detector, "pixelate", "blur" or "fill"; such as
                "faces+models/plates:plate+models/street:person+fill".

        Raises:
            InputError: an empty name, no such folder or class, or a missing package.
        """
        from cityzoo.redact.detector import DetectorFinder
        from cityzoo.redact.faces import FaceFinder

        parts = [part for part in name.split("+") if part]
        drawings = [part for part in parts if part in DRAWINGS]
        detectors = [part for part in parts if part not in DRAWINGS]
        if not detectors:
            raise InputError(
                f"'{name}' finds nothing: give faces or folders of exported detectors, joined by +"
            )
        finders = [
            FaceFinder() if part == FACES else DetectorFinder(*split_classes(part)) for part in detectors
        ]
        return cls(finders, drawings[-1] if drawings else DRAWINGS[0])

    def find(self, image: np.ndarray) -> list[Region]:
        """Return the grown regions of an image, (H, W, 3) uint8 RGB, in whole pixels."""
        size_hw = (image.shape[0], image.shape[1])
        return [each.grow(self.grow, size_hw) for finder in self.finders for each in finder.find(image)]

    def redact(self, image: np.ndarray) -> tuple[np.ndarray, list[Region]]:
        """Return a covered copy of an image, (H, W, 3) uint8 RGB, and its regions."""
        regions = self.find(image)
        return cover(image, regions, self.drawing), regions


def split_classes(name: str) -> tuple[Path, tuple[str, ...]]:
    """Return the folder and the classes of FOLDER:CLASS,CLASS.

    Example:
        >>> folder, classes = split_classes("models/street:person,car")
        >>> folder.as_posix(), classes
        ('models/street', ('person', 'car'))
        >>> split_classes("models/street")[1]
        ()
    """
    found = re.fullmatch(r"(.+?):([^:/\\]+)", name)
    if not found:
        return Path(name), ()
    return Path(found[1]), tuple(part.strip() for part in found[2].split(","))
