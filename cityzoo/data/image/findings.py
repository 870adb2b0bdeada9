"""Findings of the check of an image data set: skipped images and boxes, and leaks between train and val."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.data.findings import FIRST, BaseFindings
from cityzoo.sample import ImageSet

__all__ = ["FIRST", "KINDS", "Findings", "brief"]

# In the order of the report: images that are skipped, boxes that are skipped, then notes.
KINDS = {
    "missing": "missing images",
    "unreadable": "unreadable images",
    "contradiction": "images with contradictory labels",
    "unknown label": "images with a class that is not in the class list",
    "no label": "images without a class label (skipped)",
    "class left out": "images without a selected class (skipped)",
    "unknown class": "boxes with a class that is not in the class list",
    "malformed": "malformed boxes",
    "not finite": "boxes with non-finite coordinates",
    "inverted": "inverted boxes",
    "no area": "boxes without area",
    "outside": "boxes outside the image",
    "over edge": "boxes far beyond the image edge",
    "clipped": "boxes beyond the image edge by a rounding error (clipped)",
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
BAD_LABELS = ("contradiction", "unknown label")
BAD_BOXES = ("malformed", "not finite", "inverted", "no area", "outside", "over edge")
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
        if targets and len(targets[0]) == len(
            split.class_names
        ):  # other targets are numbers, such as a count
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
