"""Loading of image data sets: annotations read, images opened once, boxes checked, splits made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cityzoo.data.files import confine
from cityzoo.data.image import formats, train_val
from cityzoo.data.image.check import Checker
from cityzoo.data.image.classes import add_val_classes, map_classes
from cityzoo.data.image.duplicates import find_duplicates, remove_contradictions
from cityzoo.data.image.finding_kinds import OUTSIDE
from cityzoo.data.image.findings import BAD_IMAGES, Findings, brief, raise_on_bad_data, require_content
from cityzoo.data.image.hash_split import take_first
from cityzoo.data.image.image_files import images_under, is_image
from cityzoo.data.image.image_info import ImageInfo, open_images
from cityzoo.data.image.raw import PIXELS_XYXY, WANTS, RawDataset, RawImage, Wants, select_annotations
from cityzoo.data.image.train_val import Opener, Split
from cityzoo.data.image.unused_files import find_unused
from cityzoo.errors import InputError, unknown
from cityzoo.sample import ImageSet

LOG = logging.getLogger(__name__)
LABELS = ("clip", "drop", "fail")
EXIF = ("auto", "stored", "upright")


@dataclass(frozen=True)
class Dataset:
    """The two splits of a data set and the findings of the check."""

    train: ImageSet
    val: ImageSet
    findings: Findings

    @property
    def held_out(self) -> ImageSet:
        """Return the val split, which metrics are reported for."""
        return self.val

    @property
    def labeled(self) -> bool:
        """Whether images have targets (labels of the whole image) rather than boxes."""
        return any(image.target is not None for image in (*self.train.examples, *self.val.examples))


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
    wants: Wants = "boxes",
    split_by: str = "file",
    to_train: bool = True,
    may_lack_classes: bool = False,
) -> Dataset:
    """Read and check a data set, and return its train and val images.

    The train and val splits of the data are used; test is not. If one of them is missing, images are split by the
    hash of their files or scenes. Class names, `classes` and `class_map` refer to boxes or to labels of whole
    images, whichever is read.

    Args:
        source: folder, annotation file, or "tfds:NAME[:split]".
        format: one of `formats.names()`; None detects it.
        classes: class names to keep, in this order; empty keeps all.
        class_map: from class names of the data to others, or to "ignore".
        labels: "clip" clips boxes that exceed the image by rounding, skips other bad boxes up to 1 % and raises beyond;
            "drop" skips bad boxes and images, unknown classes, copies with contradictory labels; "fail" raises at once.
        val: another source of the val images; `source` then provides its train split, or all its images.
        val_fraction: fraction of val if the data has no val split, above 0 and below 1.
        exif: "auto", "stored" or "upright": the frame in which boxes of EXIF-rotated images were annotated.
        limit: number of images to keep per split, selected by hash.
        progress: whether to show a progress bar if opening the images takes long.
        wants: "boxes"; "labels" of whole images, which become `ImageExample.target`; "either": labels if the source has
            them, else boxes; "frames": like "either", a folder without annotations too, and train may lack classes.
        split_by: "file" or "scene": what a new split keeps together, see `hash_split.scene_of`; "auto": scenes if
            file names identify enough of them.
        to_train: False if the images only evaluate a model: train may then lack classes, or be empty.
        may_lack_classes: whether train may lack classes that val, `classes` or `class_map` name: an earlier run's.

    Raises:
        InputError: the input cannot be used; one line.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for shade in range(4):
        ...         Image.new("RGB", (64, 48), (shade, 0, 0)).save(f"{folder}/{shade}.png")
        ...     rows = [f"{shade}.png,8,8,40,32,car" for shade in range(4)]
        ...     _ = Path(folder, "roads.csv").write_text("\\n".join(rows))
        ...     data = load(folder)
        >>> len(data.train) + len(data.val), data.train.class_names, data.val.examples[0].size_hw
        (4, ('car',), (48, 64))
    """
    for checked in (("--bad-boxes", labels, LABELS), ("--exif", exif, EXIF), ("wants", wants, WANTS)):
        _require(*checked)
    _require("--split-by", split_by, train_val.SPLIT_BY)
    _require_limit(limit)
    name, raw = _read(source, format, wants)
    other = None if val is None else _read_val(val, raw, wants)
    raw = raw if other is None or wants != "frames" else _with_classes_of(raw, other)
    split_by = train_val.resolve_split_by(split_by, raw)
    class_names, label_of = map_classes(raw.class_names, classes, class_map, raw.labeled, may_lack_classes)
    findings, opener = _findings(source, name, raw, other), _opener(source, progress)
    if other is None:
        splits = train_val.split_train_val(raw, val_fraction, limit, findings, opener, split_by)
    else:
        label_of = add_val_classes(label_of, class_names, bool(classes), class_map or {}, other.class_names)
        splits = train_val.splits_from_two_sources(raw, other, limit, findings)
    checker = Checker(label_of, exif, findings, source, raw.labeled)
    train, val_set = _check(splits, class_names, checker, opener, findings)
    if split_by == "scene":
        train_val.find_shared_scenes(*splits, findings)
    raise_on_bad_data(findings, labels, checker.boxes_seen)
    require_content(train, val_set, findings, not (may_lack_classes or wants == "frames"), split_by, to_train)
    LOG.info("%s", findings.text())
    return Dataset(train, val_set, findings)


def read_image_labels(source: str, **how: Any) -> Dataset:
    """Return a data set with labels of whole images; `how` as `load` takes it."""
    return load(source, wants="labels", **how)


def has_val_split(source: str, *, format: str | None = None) -> bool:
    """Return whether a source, with boxes, labels of whole images or neither, has both a train and a val split.

    Raises:
        InputError: no data set at the source.
    """
    splits = {image.split for image in formats.read(source, format, "plain_frames")[1].images}
    return "val" in splits and len(splits - {"test"}) > 1


def load_images(
    path: str, *, labels: str = "clip", limit: int | None = None, progress: bool = True
) -> ImageSet:
    """Read one image, or all images in a folder and its subfolders, without annotations.

    `labels`: "drop" skips unreadable images, with a warning; other values raise on them. The images are a set of the
    split "predict" without class names and boxes.

    Raises:
        InputError: a missing path, no images, or unreadable ones.
    """
    _require("--bad-boxes", labels, LABELS)
    _require_limit(limit)
    origin = Path(path)
    if not origin.exists():
        raise InputError(f"'{path}' does not exist: give an image or a folder of images")
    with confine(path) as folder:
        paths = images_under(origin) if origin.is_dir() else [origin] if is_image(origin) else []
        found = tuple(RawImage(str(path), (), PIXELS_XYXY, str(path)) for path in paths)
        dataset = formats.mark_outside(RawDataset((), found), folder)
    if not found:
        what = "contains no images" if origin.is_dir() else "is not an image"
        raise InputError(f"'{path}' {what}: give an image (.jpg, .png, ...) or a folder of images")
    raw = take_first(dataset.images, limit)
    findings = Findings(path, "images")
    for kind, place in dataset.notes:
        findings.add(kind, brief(place, path))
    images = Checker({}, "auto", findings, path).examples(raw, _opener(path, progress)(raw))
    raise_on_bad_data(findings, labels, 0)
    if findings.total(BAD_IMAGES):
        LOG.warning("%s", findings.text())
    if not images:
        raise InputError(f"'{path}' contains no readable image: {findings.line('unreadable')}")
    return ImageSet("predict", (), images)


def _require(flag: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise unknown(f"value of {flag}", value, allowed)


def _require_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be 1 or more, got {limit}; omit it for all images")


def _opener(source: str, progress: bool) -> Opener:
    known: dict[str, ImageInfo] = {}

    def open_new(images: Sequence[RawImage]) -> dict[str, ImageInfo]:
        known.update((each.path, ImageInfo(defect=OUTSIDE)) for each in images if OUTSIDE in each.remarks)
        new = [each.path for each in images if each.path not in known]
        known.update(open_images(new, str(Path(source).absolute()), progress))
        return known

    return open_new


def _read(source: str, format: str | None, wants: Wants) -> tuple[str, RawDataset]:
    name, raw = formats.read(source, format, "plain_frames" if wants == "frames" else None)
    return name, select_annotations(raw, wants, source, name)


def _read_val(val: str, raw: RawDataset, wants: Wants) -> RawDataset:
    """Return the annotations of a val source, with the same kind of labels as train."""
    name, other = formats.read(val, None, "plain_frames" if wants == "frames" else None)
    return select_annotations(other, "labels" if raw.labeled else "boxes", val, name)


def _findings(source: str, format: str, *read: RawDataset | None) -> Findings:
    """Return findings that start with what the readers found, and with the files that they do not use."""
    findings = Findings(source, format)
    datasets = [each for each in read if each]
    with confine(source):
        notes = [note for each in datasets for note in each.notes]
        for kind, path in (*notes, *find_unused(source, datasets)):
            findings.add(kind, brief(str(path), source))
    return findings


def _with_classes_of(raw: RawDataset, other: RawDataset) -> RawDataset:
    """Add the classes of val: training on normal frames alone, evaluation may use classes that train lacks."""
    if not raw.labeled:
        return raw
    return replace(raw, class_names=tuple(dict.fromkeys((*raw.class_names, *other.class_names))))


def _check(
    splits: tuple[Split, Split],
    class_names: tuple[str, ...],
    checker: Checker,
    opener: Opener,
    findings: Findings,
) -> tuple[ImageSet, ImageSet]:
    facts = opener([*splits[0], *splits[1]])
    train, val = (
        ImageSet(name, class_names, checker.examples(split, facts))
        for name, split in zip(("train", "val"), splits, strict=True)
    )
    train, val = remove_contradictions(train, val, facts, findings)
    find_duplicates(*splits, facts, findings)
    return train, val
