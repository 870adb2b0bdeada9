"""Annotations as a format module reads them, before any image is opened."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from cityzoo.data.files import files_under, read_bytes
from cityzoo.errors import InputError

LARGEST_TEXT = 256 << 20  # bytes

IMAGE_SUFFIXES = frozenset(
    [
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
    ]
)
LONGEST_NAME, LONGEST_PATH = 255, 4000  # bytes that file systems allow
PIXELS_XYXY = "pixels x1, y1, x2, y2"
RELATIVE_XYXY = "relative x1, y1, x2, y2"
RELATIVE_CXCYWH = "relative centre x, centre y, width, height"
SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "test-dev"),
}
Wants = Literal["boxes", "labels", "either", "frames"]
WANTS = get_args(Wants)


class RawBox(NamedTuple):
    """One box as written in the annotations.

    Attributes:
        numbers: four floats, in the coordinates that the image declares.
        name: class name, or what stands in its place ("7") if the data does not name the class.
        mark: place in the annotation file: ":12" is line 12, " annotation 12" the record with that id.
        problem: kind of finding that the reader noticed (see `findings.KINDS`), or "".
    """

    numbers: tuple[float, ...]
    name: str
    mark: str
    problem: str = ""


@dataclass(frozen=True)
class RawImage:
    """Annotations of one image.

    Attributes:
        path: image file; it may be missing.
        boxes: boxes in the order of the annotation file.
        kind: PIXELS_XYXY, RELATIVE_XYXY or RELATIVE_CXCYWH, for all boxes of the image.
        source: annotation file.
        declared_hw: height and width declared in the annotations, or None.
        split: "train", "val", "test", or None if unspecified.
        remarks: kinds of finding about the image that only the reader can see, such as "unlabelled".
        names: classes of the whole image; (): labeled as none of the classes; None: not labeled.
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
    """All annotations of a source.

    Attributes:
        class_names: names in the data's own order.
        images: every image with its annotations.
        notes: what the reader found apart from single images: kind of finding (see `findings.KINDS`) and place.
        files: other files that were read, such as class lists.
    """

    class_names: tuple[str, ...]
    images: tuple[RawImage, ...]
    notes: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()

    @property
    def labeled(self) -> bool:
        """Whether at least one image has labels of the whole image."""
        return any(each.names is not None for each in self.images)


def select_annotations(raw: RawDataset, wants: Wants, source: str, format: str) -> RawDataset:
    """Return a data set with either boxes or labels of whole images; for `wants` see `load`.

    `source` and `format` are named in messages. The images are without labels (`names` is None), or without boxes if
    at least one image of the source has labels and `wants` is not "boxes".

    Raises:
        InputError: the source lacks the requested annotations.
    """
    if wants == "boxes" and raw.labeled and not any(each.boxes for each in raw.images):
        raise InputError(
            f"'{source}' ({format}) has labels of whole images but no boxes: give boxes (YOLO, COCO, VOC, "
            "CSV), or use a --task for such data (vehicle_classify, incident_classify, traffic_state)"
        )
    if wants == "labels" and not raw.labeled:
        raise InputError(
            f"'{source}' ({format}) has boxes but no labels of whole images: give one folder per class, "
            "or a CSV with the columns path,label"
        )
    if wants == "boxes" or not raw.labeled:
        return replace(raw, images=tuple(replace(each, names=None) for each in raw.images))
    return replace(raw, images=tuple(replace(each, boxes=()) for each in raw.images))


def parse_size(height: object, width: object) -> tuple[int, int] | None:
    """Return a declared image size (height, width) in pixels, numbers or text, or None if it is no size.

    Example:
        >>> parse_size("120.0", 160), parse_size(None, 160), parse_size("inf", [3])
        ((120, 160), None, None)
    """
    try:
        size = int(float(str(height))), int(float(str(width)))
    except (ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def is_image(path: Path) -> bool:
    """Return whether a file name has an image's suffix and does not start with a dot.

    Example:
        >>> is_image(Path("a.JPG")), is_image(Path("._a.jpg")), is_image(Path("a.txt"))
        (True, False, False)
    """
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def images_under(folder: Path) -> list[Path]:
    """Return the image files in a folder and its subfolders, in alphabetical order."""
    return sorted(each for each in files_under(folder) if is_image(each))


def split_of(word: str) -> str | None:
    """Return the split that a folder or file name stands for, or None.

    Example:
        >>> split_of("valid"), split_of("train2017"), split_of("photos")
        ('val', 'train', None)
    """
    bare = word.lower().rstrip("0123456789").strip("_-. ")
    return next((split for split, names in SPLIT_NAMES.items() if bare in names), None)


def require_unique(pairs: Iterable[tuple[object, object]], what: str, other: str, place: str) -> None:
    """Raise InputError if one key stands for two values, which would merge or lose annotations.

    Args:
        pairs: keys and values, such as ids and class names.
        what: what the keys are, such as "class id".
        other: what the values are, such as "names".
        place: the annotation file.

    Raises:
        InputError: the first such key, with both values.

    Example:
        >>> require_unique([(1, "car"), (1, "bus")], "class id", "classes", "a.json")
        Traceback (most recent call last):
        cityzoo.errors.InputError: a.json: class id 1 stands for two classes, 'car' and 'bus': correct one of them
    """
    seen: dict[object, object] = {}
    for key, value in pairs:
        first = seen.setdefault(key, value)
        if first != value:
            raise InputError(
                f"{place}: {what} {quote(key)} stands for two {other}, {quote(first)} and {quote(value)}: "
                "correct one of them"
            )


def quote(value: object, length: int = 80) -> str:
    """Return a value of the data for a message, text in quotes, at most `length` characters of it.

    Example:
        >>> quote(7), quote("a" * 9, 4)
        ('7', "'aaaa...'")
    """
    text = str(value)
    short = text if len(text) <= length else f"{text[:length]}..."
    return repr(short) if isinstance(value, str) else short


def is_path(text: object) -> bool:
    """Return whether text can be the path of a file: not empty, no NUL, no overlong name.

    Example:
        >>> is_path("images/a.jpg"), is_path("a" * 300), is_path("a\\0.jpg"), is_path(5)
        (True, False, False, False)
    """
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        return False
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return len(encoded) <= LONGEST_PATH and all(len(each) <= LONGEST_NAME for each in encoded.split(b"/"))


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a byte order mark, which is removed.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is binary, or not one that may be read.
    """
    content = read_bytes(path, LARGEST_TEXT)
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    text = content.decode(encoding, "replace")
    if "\0" in text:
        raise ValueError(f"{path} is not text")
    return text
