"""Annotations as a format module reads them, before any image is opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

from cityzoo.errors import InputError

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


def split_of(word: str) -> str | None:
    """Return the split that a folder or file name stands for, or None.

    Example:
        >>> split_of("valid"), split_of("train2017"), split_of("photos")
        ('val', 'train', None)
    """
    bare = word.lower().rstrip("0123456789").strip("_-. ")
    return next((split for split, names in SPLIT_NAMES.items() if bare in names), None)
