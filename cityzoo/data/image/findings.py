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
from cityzoo.data.image.finding_kinds import (
    BAD_BOXES,
    BAD_IMAGES,
    KINDS,
    REQUESTED,
    SKIPPED,
    TOLERATED,
    UNUSED,
)
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

__all__ = ["FIRST", "KINDS", "Findings", "brief"]


def brief(path: str, root: str) -> str:
    """Return a path relative to the folder of the data, or its name alone if it is far away.

    Reports are passed on, and whole paths tell of the machine and its user.

    Example:
        >>> brief("roads/train/a.jpg", "roads"), brief("roads/train/a.jpg", "roads/data.yaml")
        ('train/a.jpg', 'train/a.jpg')
        >>> brief("/data/val/a.jpg", "/data/roads"), brief("/etc/passwd", "/data/roads")
        ('../val/a.jpg', 'passwd')
    """
    folder = root if os.path.isdir(root) or not os.path.splitext(root)[1] else os.path.dirname(root)
    path, folder = os.path.abspath(path), os.path.abspath(folder)
    is_near = len(os.path.commonpath([path, os.path.dirname(folder)])) > 1
    return os.path.relpath(path, folder) if is_near else os.path.basename(path)


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
    unused = UNUSED
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
    _report_absent_classes(findings)
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


def _report_absent_classes(findings: Findings) -> None:
    """Report classes without an example in either split."""
    counts: Counter[str] = Counter()
    for split in findings.splits.values():
        counts.update(split.get("labels", split["boxes"]))
    for name, count in counts.items():
        if not count:
            findings.add("absent class", name)


def _describe_use(findings: Findings) -> str:
    skipped = findings.total(("class left out", "no label", "contradiction", "unknown label"))
    return "used: no readable image has a label of the classes" if skipped else "read"


def _require_boxes(train: ImageSet, val: ImageSet, findings: Findings) -> None:
    if not any(len(image.labels) for image in train.examples):
        names = ", ".join(train.class_names)
        hint = f"; {findings.line('unlabelled')}, looked for next to them and in labels/, the folder besides images/"
        raise InputError(
            f"no box of the classes {names} in the train split of '{findings.source}': check the labels"
            f"{hint if findings.counts['unlabelled'] else ''}"
        )
    if not any(len(image.labels) for image in val.examples):
        findings.add("no boxes in val")
    in_train, in_val = (findings.splits[name]["boxes"] for name in ("train", "val"))
    for name, count in in_train.items():
        if not count and in_val[name]:
            findings.add("absent in train", name)


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
