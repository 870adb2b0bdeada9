"""What the data check found: counts, the first offenders with file and line, and what was done about them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from cityzoo.sample import ImageSet

FIRST = 5  # offenders that are named; the rest is counted

# In the order of the report: what costs images, then what costs boxes, then what is good to know.
KINDS = {
    "missing": "images missing",
    "unreadable": "images unreadable",
    "contradiction": "images whose labels contradict",
    "unknown label": "images of a class that the data does not name",
    "no label": "images of which no class is said, left out",
    "class left out": "images of none but ignored classes or classes not asked for, left out",
    "unknown class": "boxes of a class that the data does not name",
    "malformed": "boxes malformed",
    "not finite": "boxes not finite",
    "inverted": "boxes inverted",
    "no area": "boxes without area",
    "outside": "boxes outside the image",
    "over edge": "boxes hanging far over the edge",
    "clipped": "boxes over the edge by rounding, clipped",
    "crowd": "crowd boxes left out",
    "ignored class": "boxes of ignored classes left out",
    "other class": "boxes of classes not asked for left out",
    "difficult": "boxes marked difficult, kept",
    "unlabelled": "images without a label file, taken as without boxes",
    "duplicate": "images in train and val at once: val scores are flattered",
    "near duplicate": "images of val that look like one of train: val scores are flattered, split by scene",
    "scene on both sides": "scenes in train and val at once: val scores are flattered",
    "bad mask": "masks that cannot be read or are not as large as their image, left out",
    "other size": "images of another size than their annotation declares",
    "rotated": "images with EXIF rotation, turned upright",
    "stored frame": "images whose boxes were turned with them",
    "grey": "grey images",
    "palette": "palette images",
    "cmyk": "CMYK images",
    "alpha": "images with alpha, laid over white",
    "16-bit": "16-bit images, scaled to 8",
    "test split": "images of the test split left alone",
    "no boxes in val": "val split without any box: no score can be had",
    "absent in val": "classes without an image in val: no score can be had for them",
}
AS_ASKED = ("ignored class", "other class", "class left out", "test split")  # nobody needs to look these up
BAD_IMAGES = ("missing", "unreadable")
BAD_LABELS = ("contradiction", "unknown label")
BAD_BOXES = ("malformed", "not finite", "inverted", "no area", "outside", "over edge")
GONE = (*BAD_IMAGES, *BAD_LABELS, *BAD_BOXES, "unknown class")


def brief(path: str, root: str) -> str:
    """Return a path relative to the data's folder where it lies within.

    Example:
        >>> brief("roads/train/a.jpg", "roads"), brief("roads/train/a.jpg", "roads/data.yaml")
        ('train/a.jpg', 'train/a.jpg')
    """
    folder = root if os.path.isdir(root) or not os.path.splitext(root)[1] else os.path.dirname(root)
    relative = os.path.relpath(path, folder or ".") if os.path.isabs(path) == os.path.isabs(folder) else path
    return path if relative.startswith("..") else relative


@dataclass
class Findings:
    """Gather what the check finds; `text` is for the terminal, `as_dict` for report.json.

    Example:
        >>> findings = Findings("roads", "yolo")
        >>> findings.add("inverted", "a.txt:3")
        >>> print(findings.text())
        data: roads (yolo)
          boxes inverted, left out: 1 (a.txt:3)
    """

    source: str
    format: str
    counts: Counter = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=dict)
    splits: dict[str, dict] = field(default_factory=dict)

    def add(self, kind: str, place: str, count: int = 1) -> None:
        """Count a finding of a kind in `KINDS`, at a place such as "labels/a.txt:3"."""
        self.counts[kind] += count
        places = self.first.setdefault(kind, [])
        if len(places) < FIRST:
            places.append(place)

    def describe(self, split: ImageSet) -> None:
        """Take note of a finished split: how many images, how many boxes, or images, of each class."""
        labels = Counter(int(label) for image in split.examples for label in image.labels)
        boxes = {name: labels[number] for number, name in enumerate(split.class_names)}
        empty = sum(not len(image.labels) for image in split.examples)
        described = {"images": len(split), "without_boxes": empty, "boxes": boxes}
        targets = [image.target for image in split.examples if image.target is not None]
        if targets and len(targets[0]) == len(
            split.class_names
        ):  # else they are no classes, but a count, say
            counts = (np.array(targets) > 0).sum(0).tolist()
            described["labels"] = dict(zip(split.class_names, counts, strict=True))
            described["without_labels"] = sum(not (row > 0).any() for row in targets)
        self.splits[split.split] = described

    def total(self, kinds: Iterable[str]) -> int:
        """Return how many findings there are of some kinds together."""
        return sum(self.counts[kind] for kind in kinds)

    def line(self, kind: str, remark: str = "") -> str:
        """Return a kind of finding in one line: meaning, count, first places."""
        if kind in AS_ASKED:
            return f"{KINDS[kind]}: {self.counts[kind]}"
        return f"{KINDS[kind]}{remark}: {self.counts[kind]} ({self.places(kind)})"

    def places(self, kind: str) -> str:
        """Return the first places of a kind of finding, with an ellipsis where there are more."""
        places = self.first.get(kind, [])
        return ", ".join(places) + (", ..." if self.counts[kind] > len(places) else "")

    def text(self) -> str:
        """Return the report, a line a split and a line a kind of finding."""
        lines = [f"data: {self.source} ({self.format})"]
        for name, split in self.splits.items():
            lines.append(f"  {name}: {split['images']} images {_contents(split)}")
        for kind in KINDS:
            if self.counts[kind]:
                gone = ", left out" if kind in GONE else ""
                lines.append(f"  {self.line(kind, gone)}")
        return "\n".join(lines)

    def as_dict(self) -> dict:
        """Return the report as plain dicts and lists, for JSON."""
        found = {k: {"count": self.counts[k], "first": list(self.first[k])} for k in KINDS if self.counts[k]}
        return {"source": self.source, "format": self.format, "splits": self.splits, "findings": found}


def _contents(split: dict) -> str:
    """What a described split holds, in words."""
    boxes = split["boxes"]
    if "labels" not in split:
        each = ", ".join(f"{name} {count}" for name, count in boxes.items())
        return f"({split['without_boxes']} without boxes), {sum(boxes.values())} boxes: {each}"
    each = ", ".join(f"{name} {count}" for name, count in split["labels"].items())
    return f"({split['without_labels']} without labels), labels: {each or 'none'}"
