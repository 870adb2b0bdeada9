"""A path -> checked pictures: annotations read, every picture opened once, boxes checked, splits made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cityzoo.data import check, formats
from cityzoo.data.classes import OTHER, class_labels
from cityzoo.data.facts import PictureFacts, open_pictures
from cityzoo.data.findings import Findings
from cityzoo.data.raw import PIXELS_XYXY, RawDataset, RawPicture, is_picture, pictures_under
from cityzoo.data.split import divide, first
from cityzoo.errors import InputError, unknown
from cityzoo.sample import PictureSet

LOG = logging.getLogger(__name__)
LABELS = ("clip", "drop", "fail")
EXIF = ("auto", "stored", "upright")
Opener = Callable[[Sequence[RawPicture]], dict[str, PictureFacts]]
Side = list[RawPicture]


@dataclass(frozen=True)
class Dataset:
    """Hold the two splits of a data set and what the check found in it."""

    train: PictureSet
    val: PictureSet
    findings: Findings


def load(
    source: str,
    *,
    format: str | None = None,
    classes: Sequence[str] = (),
    class_map: Mapping[str, str] | None = None,
    labels: str = "clip",
    val: str | None = None,
    val_fraction: float = 0.2,
    exif: str = "auto",
    limit: int | None = None,
    progress: bool = True,
) -> Dataset:
    """Read a detection data set, check it, and return its train and val pictures.

    Splits are what the data calls train and val; test is left alone. Where it brings no val (or val alone),
    pictures are divided by the hash of their files.

    Args:
        source: folder, annotation file, or "tfds:NAME[:split]".
        format: one of `formats.names()`; None finds it from what lies there.
        classes: class names to keep, in the order wanted; none keeps the data's own.
        class_map: from the data's class names to others, or to "ignore".
        labels: "clip" cuts boxes that hang over the edge by rounding, leaves other bad boxes out while they
            are 1 % or less, and raises beyond; "drop" leaves out bad boxes, bad pictures and unknown classes,
            however many; "fail" raises on one bad box.
        val: another source that gives the val pictures; `source` then gives its train split, or everything.
        val_fraction: share of val where the data brings none, above 0 and below 1.
        exif: "auto", "stored" or "upright": the frame that the boxes of EXIF-rotated pictures were drawn in.
        limit: keep this many pictures of each split, chosen by hash.
        progress: show a bar when opening the pictures takes long.

    Raises:
        InputError: anything about the input that cannot be used; one line.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for shade in range(4):
        ...         Image.new("RGB", (64, 48), (shade, 0, 0)).save(f"{folder}/{shade}.png")
        ...     rows = [f"{shade}.png,8,8,40,32,car" for shade in range(4)]
        ...     _ = Path(folder, "roads.csv").write_text("\\n".join(rows))
        ...     data = load(folder)
        >>> len(data.train) + len(data.val), data.train.class_names, data.val.pictures[0].size_hw
        (4, ('car',), (48, 64))
    """
    _require("--labels", labels, LABELS)
    _require("--exif", exif, EXIF)
    _require_limit(limit)
    name, raw = formats.read(source, format)
    class_names, label_of = class_labels(raw.class_names, classes, class_map)
    findings = Findings(source, name)
    opener = _opener(source, progress)
    if val is None:
        sides = _own_sides(raw, val_fraction, limit, findings, opener)
    else:
        other = formats.read(val)[1]
        label_of = _labels_of_both(label_of, class_names, bool(classes), class_map or {}, other)
        sides = first(_part(raw, "train"), limit), first(_part(other, "val"), limit)
    facts = opener([*sides[0], *sides[1]])
    checker = check.Checker(label_of, exif, findings, source)
    train, val_set = (
        PictureSet(split, class_names, checker.pictures(side, facts))
        for split, side in zip(("train", "val"), sides, strict=True)
    )
    check.find_duplicates(*sides, facts, findings, source)
    check.judge(findings, labels, checker.boxes_seen)
    return _finish(train, val_set, findings)


def brings_val(source: str) -> bool:
    """Return whether a source itself says which of its pictures are train and which are val.

    Raises:
        InputError: no data set there.
    """
    splits = {picture.split for picture in formats.read(source)[1].pictures}
    return "val" in splits and len(splits - {"test"}) > 1


def load_pictures(
    path: str, *, labels: str = "clip", limit: int | None = None, progress: bool = True
) -> PictureSet:
    """Read one picture, or all in a folder and the folders in it, without annotations.

    Args:
        path: a picture or a folder.
        labels: "drop" leaves out pictures that cannot be read, with a warning; the others raise on them.
        limit: keep this many pictures, chosen by hash.
        progress: show a bar when opening the pictures takes long.

    Returns:
        A set of the split "predict" with no class names and no boxes.

    Raises:
        InputError: nothing there, no pictures, or unreadable ones.
    """
    _require("--labels", labels, LABELS)
    _require_limit(limit)
    origin = Path(path)
    if not origin.exists():
        raise InputError(f"'{path}' does not exist: give a picture or a folder of pictures")
    files = pictures_under(origin) if origin.is_dir() else [origin] if is_picture(origin) else []
    if not files:
        what = "holds no pictures" if origin.is_dir() else "is no picture"
        raise InputError(f"'{path}' {what}: give a picture (.jpg, .png, ...) or a folder of pictures")
    side = first([RawPicture(str(file), (), PIXELS_XYXY, str(file)) for file in files], limit)
    findings = Findings(path, "pictures")
    pictures = check.Checker({}, "auto", findings, path).pictures(side, _opener(path, progress)(side))
    check.judge(findings, labels, 0)
    if findings.total(check.BAD_PICTURES):
        LOG.warning("%s", findings.text())
    if not pictures:
        raise InputError(f"'{path}' holds no picture that can be read: {findings.line('unreadable')}")
    return PictureSet("predict", (), pictures)


def _require(flag: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise unknown(f"value of {flag}", value, allowed)


def _require_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise InputError(f"--limit is {limit}, allowed is 1 or more; leave it out for all pictures")


def _opener(source: str, progress: bool) -> Opener:
    known: dict[str, PictureFacts] = {}

    def open_new(pictures: Sequence[RawPicture]) -> dict[str, PictureFacts]:
        new = [each.path for each in pictures if each.path not in known]
        known.update(open_pictures(new, str(Path(source).absolute()), progress))
        return known

    return open_new


def _own_sides(
    raw: RawDataset, val_fraction: float, limit: int | None, findings: Findings, opener: Opener
) -> tuple[Side, Side]:
    """Train and val out of one source."""
    sides: dict[str | None, Side] = {"train": [], "val": [], "test": [], None: []}
    for each in raw.pictures:
        sides[each.split].append(each)
    if not (sides["train"] or sides["val"] or sides[None]):
        return divide(sides["test"], val_fraction, limit, opener)
    for each in sides["test"]:
        findings.add("test split", check.brief(each.path, findings.source))
    train, val = sides["train"] + sides[None], sides["val"]
    if train and val:
        return first(train, limit), first(val, limit)
    return divide(train or val, val_fraction, limit, opener)


def _part(raw: RawDataset, split: str) -> Side:
    """The pictures of one split, or all when the data has no such split."""
    return [each for each in raw.pictures if each.split == split] or list(raw.pictures)


def _labels_of_both(
    label_of: Mapping[str, int | str],
    class_names: Sequence[str],
    picked: bool,
    class_map: Mapping[str, str],
    other: RawDataset,
) -> dict[str, int | str]:
    """Labels of train's names, and of the names that only another source's val has."""
    labels = dict(label_of)
    position = {name: number for number, name in enumerate(class_names)}
    for name in other.class_names:
        new = class_map.get(name, name)
        if name not in labels and (new in position or picked):
            labels[name] = position.get(new, OTHER)
    return labels


def _finish(train: PictureSet, val: PictureSet, findings: Findings) -> Dataset:
    for split in (train, val):
        findings.describe(split)
        if not split.pictures:
            raise InputError(
                f"the {split.split} split of '{findings.source}' has no picture that can be read"
            )
    if not any(len(picture.labels) for picture in train.pictures):
        names = ", ".join(train.class_names)
        raise InputError(
            f"no box of the classes {names} in the train split of '{findings.source}': check the labels"
        )
    if not any(len(picture.labels) for picture in val.pictures):
        findings.add("no boxes in val", findings.source)
    LOG.info("%s", findings.text())
    return Dataset(train, val, findings)
