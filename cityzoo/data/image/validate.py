"""What must not be passed over: raise on bad data, and on splits that nothing can be learned from."""

from __future__ import annotations

from cityzoo.data.image.findings import BAD_BOXES, BAD_IMAGES, Findings
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

TOLERATED = 0.01  # share of bad boxes that is left out and said; beyond it somebody must look


def raise_on_bad_data(findings: Findings, labels: str, boxes_seen: int) -> None:
    """Raise InputError when a finding must not be passed over; `load` says what `labels` means.

    Args:
        findings: of the check.
        labels: "clip", "drop" or "fail".
        boxes_seen: boxes of the classes asked for, good and bad.
    """
    if labels == "drop":
        return
    for kind in (*BAD_IMAGES, "unknown class", "unknown label"):
        if findings.counts[kind]:
            raise InputError(f"{findings.line(kind)}; correct the data, or leave them out with --labels drop")
    if findings.counts["contradiction"]:
        raise InputError(
            f"{findings.counts['contradiction']} images carry labels that contradict "
            f"({findings.places('contradiction')}); correct them, or leave them out with --labels drop"
        )
    bad = findings.total(BAD_BOXES)
    if bad > (TOLERATED * boxes_seen if labels == "clip" else 0):
        each = "; ".join(findings.line(k) for k in BAD_BOXES if findings.counts[k])
        turned = findings.counts["rotated"] - findings.counts["stored frame"]
        hint = " (were EXIF-rotated images labelled as stored? --exif stored)" if turned else ""
        raise InputError(
            f"{bad} of {boxes_seen} boxes are bad ({bad / boxes_seen:.1%}): {each}; "
            f"correct the data{hint}, or leave them out with --labels drop"
        )


def require_content(
    train: ImageSet,
    val: ImageSet,
    findings: Findings,
    every_class: bool,
    split_by: str,
    to_train: bool = True,
) -> None:
    """Raise InputError when a split is empty or train shows nothing to learn; note what val lacks.

    Args:
        train: checked images.
        val: checked images.
        findings: where notes go.
        every_class: whether train must show every class, where whole images are labelled.
        split_by: "file" or "scene": what was kept together where images were divided.
        to_train: False where images only judge a model: one image in either split is enough then.
    """
    for split in (train, val):
        findings.describe(split)
    if not to_train and (train.examples or val.examples):
        return
    for split in (train, val):
        if not split.examples:
            raise InputError(
                f"the {split.split} split of '{findings.source}' has no image that can be {_used(findings)}"
            )
    if any(image.target is not None for image in train.examples):
        _require_classes(findings, every_class, split_by)
    else:
        _require_boxes(train, val, findings)


def _used(findings: Findings) -> str:
    left_out = findings.total(("class left out", "no label", "contradiction", "unknown label"))
    return "used: those that can be read carry no label of the classes" if left_out else "read"


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
        hint = f"or do without with --classes {shown}" if shown else "or check the labels"
        # Files called by a number alone are of their folder's scene, which is their class's in class folders.
        if split_by == "scene" and any(val[name] for name in absent):
            hint = "or split by file (--split-by file), for all scenes that show it fell to val"
        raise InputError(
            f"no image of {'the class' if len(absent) == 1 else 'the classes'} {', '.join(absent)} in the "
            f"train split of '{findings.source}': add images (a --limit may have left them out), {hint}"
        )
    for name, count in val.items():
        if not count:
            findings.add("absent in val", name)
