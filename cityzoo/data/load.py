"""A path -> checked pictures: annotations read, every picture opened once, boxes checked, splits made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cityzoo.data import formats
from cityzoo.data.check import Checker
from cityzoo.data.classes import class_labels
from cityzoo.data.copies import find_duplicates, without_contradictions
from cityzoo.data.facts import PictureFacts, open_pictures
from cityzoo.data.findings import BAD_PICTURES, Findings
from cityzoo.data.near_duplicates import find_near_duplicates
from cityzoo.data.raw import PIXELS_XYXY, RawDataset, RawPicture, is_picture, pictures_under
from cityzoo.data.sides import (
    SPLIT_BY,
    Opener,
    Side,
    find_shared_scenes,
    labels_of_both,
    own_sides,
    settled,
    sides_of_both,
)
from cityzoo.data.split import first
from cityzoo.data.verdict import judge, require_content
from cityzoo.data.wants import WANTS, chosen
from cityzoo.errors import InputError, unknown
from cityzoo.sample import PictureSet

LOG = logging.getLogger(__name__)
LABELS = ("clip", "drop", "fail")
EXIF = ("auto", "stored", "upright")


@dataclass(frozen=True)
class Dataset:
    """Hold the two splits of a data set and what the check found in it."""

    train: PictureSet
    val: PictureSet
    findings: Findings

    @property
    def labelled(self) -> bool:
        """Whether pictures carry targets, labels of the whole picture, rather than boxes."""
        return any(picture.target is not None for picture in (*self.train.pictures, *self.val.pictures))


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
    wants: str = "boxes",
    split_by: str = "file",
    to_train: bool = True,
) -> Dataset:
    """Read a data set, check it, and return its train and val pictures.

    Splits are what the data calls train and val; test is left alone. Where it brings no val (or val alone),
    pictures are divided by the hash of their files, or of their scenes. Class names, `classes` and
    `class_map` are those of boxes or of whole pictures, whichever is read.

    Args:
        source: folder, annotation file, or "tfds:NAME[:split]".
        format: one of `formats.names()`; None finds it from what lies there.
        classes: class names to keep, in the order wanted; none keeps the data's own.
        class_map: from the data's class names to others, or to "ignore".
        labels: "clip" cuts boxes that hang over the edge by rounding, leaves other bad boxes out while they
            are 1 % or less, and raises beyond; "drop" leaves out bad boxes, bad pictures and unknown classes,
            however many, and copies whose labels contradict; "fail" raises on one bad box.
        val: another source that gives the val pictures; `source` then gives its train split, or everything.
        val_fraction: share of val where the data brings none, above 0 and below 1.
        exif: "auto", "stored" or "upright": the frame that the boxes of EXIF-rotated pictures were drawn in.
        limit: keep this many pictures of each split, chosen by hash.
        progress: show a bar when opening the pictures takes long.
        wants: "boxes"; "labels", of whole pictures, which become `Picture.target`; "either", labels of whole
            pictures where the source has them, boxes otherwise; "frames", as "either", but a folder of
            pictures without any annotation is read too, its targets being empty, and train need not show
            every class.
        split_by: "file" or "scene": what is kept together where pictures are divided, see `split.scene_of`; "auto":
            scenes where file names tell enough of them.
        to_train: False where pictures only judge a model: train may then lack classes, or be empty.

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
    _require("--split-by", split_by, SPLIT_BY)
    _require("wants", wants, WANTS)
    _require_limit(limit)
    name, raw = _read(source, format, wants)
    other = None if val is None else _read_val(val, raw, wants)
    raw = raw if other is None or wants != "frames" else _with_classes_of(raw, other)
    split_by = settled(split_by, raw)
    class_names, label_of = class_labels(raw.class_names, classes, class_map, may_be_none=_labelled(raw))
    findings, opener = Findings(source, name), _opener(source, progress)
    if other is None:
        sides = own_sides(raw, val_fraction, limit, findings, opener, split_by)
    else:
        label_of = labels_of_both(label_of, class_names, bool(classes), class_map or {}, other)
        sides = sides_of_both(raw, other, limit)
    checker = Checker(label_of, exif, findings, source, _labelled(raw))
    train, val_set = _checked(sides, class_names, checker, opener, findings)
    if split_by == "scene":
        find_shared_scenes(*sides, findings)
    judge(findings, labels, checker.boxes_seen)
    require_content(train, val_set, findings, wants != "frames", split_by, to_train)
    LOG.info("%s", findings.text())
    return Dataset(train, val_set, findings)


def brings_val(source: str, *, format: str | None = None) -> bool:
    """Return whether a source itself says which of its pictures are train and which are val.

    Args:
        source: as `load` takes it, with boxes, labels of whole pictures or neither.
        format: as `load` takes it.

    Raises:
        InputError: no data set there.
    """
    splits = {picture.split for picture in formats.read(source, format, "frames")[1].pictures}
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
    pictures = Checker({}, "auto", findings, path).pictures(side, _opener(path, progress)(side))
    judge(findings, labels, 0)
    if findings.total(BAD_PICTURES):
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


def _read(source: str, format: str | None, wants: str) -> tuple[str, RawDataset]:
    name, raw = formats.read(source, format, "frames" if wants == "frames" else None)
    return name, chosen(raw, wants, source, name)


def _read_val(val: str, raw: RawDataset, wants: str) -> RawDataset:
    """The annotations of another source's val, which must be of the same sort as train's."""
    name, other = formats.read(val, None, "frames" if wants == "frames" else None)
    return chosen(other, "labels" if _labelled(raw) else "boxes", val, name)


def _labelled(raw: RawDataset) -> bool:
    return any(each.names is not None for each in raw.pictures)


def _with_classes_of(raw: RawDataset, other: RawDataset) -> RawDataset:
    """Who trains on what is normal may judge pictures of classes that train does not know."""
    if not _labelled(raw):
        return raw
    return replace(raw, class_names=tuple(dict.fromkeys((*raw.class_names, *other.class_names))))


def _checked(
    sides: tuple[Side, Side],
    class_names: tuple[str, ...],
    checker: Checker,
    opener: Opener,
    findings: Findings,
) -> tuple[PictureSet, PictureSet]:
    facts = opener([*sides[0], *sides[1]])
    train, val = (
        PictureSet(split, class_names, checker.pictures(side, facts))
        for split, side in zip(("train", "val"), sides, strict=True)
    )
    train, val = without_contradictions(train, val, facts, findings)
    find_duplicates(*sides, facts, findings)
    find_near_duplicates(*sides, facts, findings)
    return train, val
