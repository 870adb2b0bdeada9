"""Selection of the train and val images: by the splits of the data, by a new split, or a few per class."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.hash_split import scene_of, split_by_hash, take_first
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawDataset, RawImage
from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet

SPLIT_BY = ("file", "scene", "auto")
ENOUGH_SCENES = 8  # for "auto": with fewer, val would have only one or two
LOG = logging.getLogger(__name__)
Opener = Callable[[Sequence[RawImage]], dict[str, ImageInfo]]
Split = list[RawImage]


def split_train_val(
    raw: RawDataset, val_fraction: float, limit: int | None, findings: Findings, opener: Opener, split_by: str
) -> tuple[Split, Split]:
    """Return train and val of one source; test is used only if there is nothing else.

    For `val_fraction`, `limit`, `opener` (open_all) and `split_by` see `split_by_hash`.
    """
    splits: dict[str | None, Split] = {"train": [], "val": [], "test": [], None: []}
    for each in raw.images:
        splits[each.split].append(each)
    if not (splits["train"] or splits["val"] or splits[None]):
        return split_by_hash(splits["test"], val_fraction, limit, opener, split_by)
    for each in splits["test"]:
        findings.add("test split", brief(each.path, findings.source))
    train, val = splits["train"] + splits[None], splits["val"]
    if train and val:
        return take_first(train, limit), take_first(val, limit)
    return split_by_hash(train or val, val_fraction, limit, opener, split_by)


def resolve_split_by(split_by: str, raw: RawDataset) -> str:
    """Return "scene" for "auto" if file names identify enough scenes, else "file", with a warning.

    Class folders with numbered files identify classes, not scenes.
    """
    if split_by != "auto":
        return split_by
    classes = {name.lower() for name in raw.class_names}
    scenes = {scene_of(each.path) for each in raw.images}
    identified = {scene for scene in scenes if scene.split("/")[0].lower() not in classes}
    if len(identified) >= ENOUGH_SCENES:
        return "scene"
    if not any(each.split == "val" for each in raw.images):
        LOG.warning(
            "file names do not identify scenes, so the split is by file; if frames of a scene are similar, val "
            "metrics are too optimistic: give --val, or name files SCENE_NUMBER.jpg"
        )
    return "file"


def splits_from_two_sources(
    raw: RawDataset, other: RawDataset, limit: int | None, findings: Findings
) -> tuple[Split, Split]:
    """Return train of one source and val of another: the split with that name, or all images."""
    if any(each.split == "train" for each in raw.images):
        for each in raw.images:
            if each.split in ("val", "test"):
                kind = "other split" if each.split == "val" else "test split"
                findings.add(kind, brief(each.path, findings.source))
    return take_first(_part(raw, "train"), limit), take_first(_part(other, "val"), limit)


def find_shared_scenes(train: Sequence[RawImage], val: Sequence[RawImage], findings: Findings) -> None:
    """Report scenes with images in both train and val."""
    in_train = {scene_of(each.path) for each in train}
    for scene in dict.fromkeys(scene_of(each.path) for each in val):
        if scene in in_train:
            findings.add("scene on both sides", scene)


def _part(raw: RawDataset, split: str) -> Split:
    """Return the images of one split, or all if the data has no such split."""
    return [each for each in raw.images if each.split == split] or list(raw.images)


def sample_shots(image_set: ImageSet, shots: int, seed: int) -> ImageSet:
    """Return `shots` random images of each class, in their original order.

    An image with several classes counts for each of them. If some images have none of the classes, `shots` of those
    are sampled too. If no image has classes, but only counts, `shots` of all are sampled.

    Raises:
        InputError: a class has fewer images.
    """
    rng = np.random.default_rng([seed, shots])
    present = np.stack([_classes(image, len(image_set.class_names)) for image in image_set.examples])
    groups: dict[str, np.ndarray] = {"any": np.ones(len(present), bool)}
    if present.any():
        groups = dict(zip(image_set.class_names, present.T, strict=True))
    if present.any() and not present.any(axis=1).all():
        groups["none of the classes"] = np.asarray(~present.any(axis=1))
    rows_kept: set[int] = set()
    for name, chosen in groups.items():
        rows = np.flatnonzero(chosen)
        if len(rows) < shots:
            raise InputError(
                f"--shots {shots} requires {shots} images of each class, but '{name}' has {len(rows)}: use fewer "
                "shots or add images"
            )
        rows_kept |= set(rng.permutation(rows)[:shots].tolist())
    return replace(image_set, examples=tuple(image_set.examples[row] for row in sorted(rows_kept)))


def _classes(image: ImageExample, classes: int) -> np.ndarray:
    if image.target is not None and len(image.target) == classes and not len(image.labels):
        return image.target > 0
    return np.bincount(image.labels, minlength=classes) > 0
