"""What a format module hands over: annotations as they were written, before any image is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

IMAGE_SUFFIXES = frozenset(
    (
        ".jpg",
        ".jpeg",
        ".jpe",
        ".png",
        ".bmp",
        ".webp",
        ".tif",
        ".tiff",
        ".gif",
        ".mpo",
        ".ppm",
        ".pgm",
        ".jp2",
    )
)

PIXELS_XYXY = "pixels x1, y1, x2, y2"
RELATIVE_XYXY = "relative x1, y1, x2, y2"
RELATIVE_CXCYWH = "relative centre x, centre y, width, height"


class RawBox(NamedTuple):
    """Hold one box as it was written.

    Attributes:
        numbers: four floats, in the kind that the image says.
        name: class name, or what stands in its place ("7") when the data does not name it.
        mark: where in the annotation file: ":12" is line 12, " annotation 12" the record of that id.
        problem: kind of finding that the reader met already (see `findings.KINDS`), or "".
    """

    numbers: tuple[float, float, float, float]
    name: str
    mark: str
    problem: str = ""


@dataclass(frozen=True)
class RawImage:
    """Hold one image's annotations.

    Attributes:
        path: file of the image, which may turn out to be missing.
        boxes: boxes in the order of the annotation file.
        kind: one of PIXELS_XYXY, RELATIVE_XYXY, RELATIVE_CXCYWH, for all boxes of the image.
        source: annotation file.
        declared_hw: height and width that the annotation declares, or None.
        split: "train", "val", "test", or None when the data does not say.
        remarks: kinds of finding about the image that the reader alone can see, such as "unlabelled".
        names: classes of the whole image; (): it is said that none of the classes is there; None: not said.
        mask: file of pixel labels, or "".
    """

    path: str
    boxes: tuple[RawBox, ...]
    kind: str
    source: str
    declared_hw: tuple[int, int] | None = None
    split: str | None = None
    remarks: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    mask: str = ""


@dataclass(frozen=True)
class RawDataset:
    """Hold all annotations of a source.

    Attributes:
        class_names: names in the data's own order.
        images: every image with its boxes.
    """

    class_names: tuple[str, ...]
    images: tuple[RawImage, ...]


def is_image(path: Path) -> bool:
    """Tell whether a file's name ends like an image's.

    Example:
        >>> is_image(Path("a.JPG")), is_image(Path("._a.jpg")), is_image(Path("a.txt"))
        (True, False, False)
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def images_under(folder: Path) -> list[Path]:
    """Return the image files of a folder and the folders in it, in alphabetical order."""
    walk = ((Path(parent), names) for parent, _, names in os.walk(folder, followlinks=True))
    return sorted(parent / name for parent, names in walk for name in names if is_image(Path(name)))


def split_of(word: str) -> str | None:
    """Return the split that a folder's or file's name stands for, or None.

    Example:
        >>> split_of("valid"), split_of("train2017"), split_of("photos")
        ('val', 'train', None)
    """
    bare = word.lower().rstrip("0123456789").strip("_-. ")
    for split, names in SPLIT_NAMES.items():
        if bare in names:
            return split
    return None


SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "test-dev"),
}
