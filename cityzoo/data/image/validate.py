"""Errors for data that is too bad to use, and for splits that cannot be trained on."""

from __future__ import annotations

from cityzoo.data.image.findings import BAD_BOXES, BAD_IMAGES, Findings
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

TOLERATED = 0.01  # fraction of bad boxes that is skipped and reported rather than refused


def raise_on_bad_data(findings: Findings, labels: str, boxes_seen: int) -> None:
    """Raise InputError for findings that `labels` does not allow.

    Args:
        findings: findings of the check.
        labels: "clip", "drop" or "fail", see `load`.
        boxes_seen: number of boxes of the selected classes, good and bad.
    """
    if labels == "drop":
        return
    for kind in (*BAD_IMAGES, "unknown class", "unknown label"):
        if findings.counts[kind]:
            raise InputError(f"{findings.line(kind)}; correct the data, or skip them with --bad-boxes drop")
    if findings.counts["contradiction"]:
        raise InputError(
            f"{findings.line('contradiction')}; correct them, or skip them with --bad-boxes drop"
        )
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
    """Raise InputError if a split is empty or train has no labels; report what val lacks.

    Args:
        train: checked images.
        val: checked images.
        findings: receives what val lacks, and a description of the splits.
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
