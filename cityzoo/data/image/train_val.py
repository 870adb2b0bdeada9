"""Selection of the train and val images: by the splits of the data, or by a new split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.hash_split import scene_of, split_by_hash, take_first
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawDataset, RawImage

SPLIT_BY = ("file", "scene", "auto")
ENOUGH_SCENES = 8  # for "auto": with fewer, val would have only one or two
LOG = logging.getLogger(__name__)
Opener = Callable[[Sequence[RawImage]], dict[str, ImageInfo]]
Split = list[RawImage]


def split_train_val(
    raw: RawDataset, val_fraction: float, limit: int | None, findings: Findings, opener: Opener, split_by: str
) -> tuple[Split, Split]:
    """Return train and val of one source; test is used only if there is nothing else.

    Args:
        raw: annotations of the source.
        val_fraction: fraction of val if the source has no val split.
        limit: images per split, or None for all.
        findings: receives the images of the test split.
        opener: opens images and returns their facts by path.
        split_by: "file" or "scene", see `split_by_hash`.
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


def splits_from_two_sources(raw: RawDataset, other: RawDataset, limit: int | None) -> tuple[Split, Split]:
    """Return train of one source and val of another: the split with that name, or all images."""
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
