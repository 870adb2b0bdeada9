"""Findings of the check of an image data set: skipped images and boxes, and leaks between train and val.

Data that is too bad to use, and splits that cannot be trained on, are errors.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.data.findings import FIRST, BaseFindings
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

__all__ = ["FIRST", "KINDS", "Findings", "brief"]

# In the order of the report: images that are skipped, boxes that are skipped, then notes.
KINDS = {
    "missing": "missing images",
    "unreadable": "unreadable images",
    "contradiction": "images with contradictory labels",
    "unreadable label": "images with an unreadable label file",
    "unknown label": "images with a class that is not in the class list",
    "no label": "images without a class label (skipped)",
    "class left out": "images without a selected class (skipped)",
    "unknown class": "boxes with a class that is not in the class list",
    "bad row": "rows that name no image",
    "malformed": "malformed boxes",
    "not finite": "boxes with non-finite coordinates",
    "inverted": "inverted boxes",
    "no area": "boxes without area",
    "outside": "boxes outside the image",
    "over edge": "boxes far beyond the image edge",
    "clipped": "boxes beyond the image edge by a rounding error (clipped)",
    "assumed columns": "tables without a header (columns read as path,x1,y1,x2,y2,class_name)",
    "relative": "files with boxes in 0..1 (read as relative to the image)",
    "below a pixel": "boxes in 0..1 of a pixel (kept)",
    "crowd": "crowd boxes (skipped)",
    "ignored class": "boxes of ignored classes (skipped)",
    "other class": "boxes of classes that are not selected (skipped)",
    "difficult": "boxes marked difficult (kept)",
    "unlabelled": "images without a label file (read as images without boxes)",
    "duplicate": "images in both train and val (val metrics are too optimistic)",
    "near duplicate": "val images similar to a train image (val metrics are too optimistic: use --split-by scene)",
    "scene on both sides": "scenes in both train and val (val metrics are too optimistic)",
    "bad mask": "masks that are unreadable or differ in size from their image (skipped)",
    "other size": "images that differ in size from their annotations",
    "no size": "images with an unreadable declared size (ignored)",
    "rotated": "images with EXIF rotation (rotated upright)",
    "stored frame": "images with EXIF rotation whose boxes were rotated too",
    "grey": "grayscale images",
    "palette": "palette images",
    "cmyk": "CMYK images",
    "alpha": "images with transparency (composited on white)",
    "16-bit": "16-bit images (scaled to 8 bits)",
    "test split": "images of the test split (not used)",
    "no boxes in val": "val splits without boxes (no metrics)",
    "absent in val": "classes without images in val (no metrics)",
}
REQUESTED = ("ignored class", "other class", "class left out", "test split")  # listed without places
BAD_IMAGES = ("missing", "unreadable")
BAD_LABELS = ("contradiction", "unreadable label", "unknown label")
BAD_BOXES = ("bad row", "malformed", "not finite", "inverted", "no area", "outside", "over edge")
TOLERATED = 0.01  # fraction of bad boxes that is skipped and reported rather than refused
SKIPPED = (*BAD_IMAGES, *BAD_LABELS, *BAD_BOXES, "unknown class")


def brief(path: str, root: str) -> str:
    """Return a path relative to the folder of the data if it is inside.

    Example:
        >>> brief("roads/train/a.jpg", "roads"), brief("roads/train/a.jpg", "roads/data.yaml")
        ('train/a.jpg', 'train/a.jpg')
    """
    folder = root if os.path.isdir(root) or not os.path.splitext(root)[1] else os.path.dirname(root)
    relative = os.path.relpath(path, folder or ".") if os.path.isabs(path) == os.path.isabs(folder) else path
    return path if relative.startswith("..") else relative


@dataclass
class Findings(BaseFindings):
    """Findings in an image data set, and a description of its splits.

    Example:
        >>> findings = Findings("roads", "yolo")
        >>> findings.add("inverted", "a.txt:3")
        >>> print(findings.text())
        data: roads (yolo)
          inverted boxes (skipped): 1 (a.txt:3)
    """

    kinds = KINDS
    splits: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self, split: ImageSet) -> None:
        """Record the number of images of a split, and of boxes or images of each class."""
        labels = Counter(int(label) for image in split.examples for label in image.labels)
        boxes = {name: labels[number] for number, name in enumerate(split.class_names)}
        empty = sum(not len(image.labels) for image in split.examples)
        described = {"images": len(split), "without_boxes": empty, "boxes": boxes}
        targets = [image.target for image in split.examples if image.target is not None]
        # Other targets are numbers, such as a count.
        if targets and len(targets[0]) == len(split.class_names):
            counts = (np.array(targets) > 0).sum(0).tolist()
            described["labels"] = dict(zip(split.class_names, counts, strict=True))
            described["without_labels"] = sum(not (row > 0).any() for row in targets)
        self.splits[split.split] = described

    def places(self, kind: str) -> str:
        """Return the first places of a kind of finding; none for what the user requested."""
        return "" if kind in REQUESTED else super().places(kind)

    def remark(self, kind: str) -> str:
        """Return what `text` adds to the meaning of a kind."""
        return " (skipped)" if kind in SKIPPED else ""

    def header(self) -> list[str]:
        """Return one line per split."""
        return [f"{name}: {split['images']} images {_content(split)}" for name, split in self.splits.items()]

    def summary(self) -> dict[str, Any]:
        """Return the description of the splits, for JSON."""
        return {"splits": self.splits}


def _content(split: dict[str, Any]) -> str:
    boxes = split["boxes"]
    if "labels" not in split:
        each = ", ".join(f"{name} {count}" for name, count in boxes.items())
        return f"({split['without_boxes']} without boxes), {sum(boxes.values())} boxes: {each}"
    each = ", ".join(f"{name} {count}" for name, count in split["labels"].items())
    return f"({split['without_labels']} without labels), labels: {each or 'none'}"


def raise_on_bad_data(findings: Findings, labels: str, boxes_seen: int) -> None:
    """Raise InputError for findings that `labels` (see `load`) does not allow.

    boxes_seen: number of boxes of the selected classes, good and bad.
    """
    if labels == "drop":
        return
    for kind in (*BAD_IMAGES, "unreadable label", "unknown class", "unknown label"):
        if findings.counts[kind]:
            raise InputError(f"{findings.line(kind)}; correct the data, or skip them with --bad-boxes drop")
    if findings.counts["contradiction"]:
        raise InputError(
            f"{findings.line('contradiction')}; correct them, or skip them with --bad-boxes drop"
        )
    boxes_seen += findings.counts["bad row"]
    bad = findings.total(BAD_BOXES)
    if bad > (TOLERATED * boxes_seen if labels == "clip" else 0):
        each = "; ".join(findings.line(k) for k in BAD_BOXES if findings.counts[k])
        rotated = findings.counts["rotated"] - findings.counts["stored frame"]
        hint = " (were EXIF-rotated images annotated as stored? --exif stored)" if rotated else ""
        raise InputError(
            f"{bad} of {boxes_seen} boxes are bad ({bad / boxes_seen:.1%}): {each}; "
            f"correct the data{hint}, or skip them with --bad-boxes drop"
        )


def require_content(
    train: ImageSet,
    val: ImageSet,
    findings: Findings,
    every_class: bool,
    split_by: str,
    to_train: bool = True,
) -> None:
    """Raise InputError if a split is empty or train has no labels; report what val lacks, and describe the splits.

    Args:
        train, val: checked images.
        findings: receives the report and the description.
        every_class: whether train must have every class, if whole images are labeled.
        split_by: "file" or "scene": what a new split kept together.
        to_train: False if the images only evaluate a model: then one image in either split is enough.
    """
    for split in (train, val):
        findings.describe(split)
    if not to_train and (train.examples or val.examples):
        return
    for split in (train, val):
        if not split.examples:
            raise InputError(
                f"the {split.split} split of '{findings.source}' has no image that can be {_describe_use(findings)}"
            )
    if any(image.target is not None for image in train.examples):
        _require_classes(findings, every_class, split_by)
    else:
        _require_boxes(train, val, findings)


def _describe_use(findings: Findings) -> str:
    skipped = findings.total(("class left out", "no label", "contradiction", "unknown label"))
    return "used: no readable image has a label of the classes" if skipped else "read"


def _require_boxes(train: ImageSet, val: ImageSet, findings: Findings) -> None:
    if not any(len(image.labels) for image in train.examples):
        names = ", ".join(train.class_names)
        raise InputError(
            f"no box of the classes {names} in the train split of '{findings.source}': check the labels"
        )
    if not any(len(image.labels) for image in val.examples):
        findings.add("no boxes in val", findings.source)


def _require_classes(findings: Findings, every_class: bool, split_by: str) -> None:
    train, val = (findings.splits[name].get("labels", {}) for name in ("train", "val"))
    absent = [name for name, count in train.items() if not count]
    if absent and every_class:
        shown = ",".join(name for name in train if name not in absent)
        hint = f"or exclude them with --classes {shown}" if shown else "or check the labels"
        # Numbered files have the scene of their folder, which in class folders is their class.
        if split_by == "scene" and any(val[name] for name in absent):
            hint = "or split by file (--split-by file): all scenes with it are in val"
        raise InputError(
            f"no image of {'the class' if len(absent) == 1 else 'the classes'} {', '.join(absent)} in the "
            f"train split of '{findings.source}': add images (--limit may have excluded them), {hint}"
        )
    for name, count in val.items():
        if not count:
            findings.add("absent in val", name)
