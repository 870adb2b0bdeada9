"""Which raw images are train and which are val: as the data says, or divided."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from cityzoo.data.image.classes import OTHER
from cityzoo.data.image.findings import Findings, brief
from cityzoo.data.image.hash_split import divide, scene_of, take_first
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawDataset, RawImage

SPLIT_BY = ("file", "scene", "auto")
ENOUGH_SCENES = 8  # for "auto": fewer would make a val of one or two
LOG = logging.getLogger(__name__)
Opener = Callable[[Sequence[RawImage]], dict[str, ImageInfo]]
Side = list[RawImage]


def split_train_val(
    raw: RawDataset,
    val_fraction: float,
    limit: int | None,
    findings: Findings,
    opener: Opener,
    split_by: str,
) -> tuple[Side, Side]:
    """Return train and val out of one source; test is left alone where there is anything else.

    Args:
        raw: annotations of the source.
        val_fraction: share of val where the source brings none.
        limit: images wanted on each side, or None for all.
        findings: where notes go.
        opener: opens images and returns their facts by path.
        split_by: "file" or "scene", see `split.divide`.
    """
    sides: dict[str | None, Side] = {"train": [], "val": [], "test": [], None: []}
    for each in raw.images:
        sides[each.split].append(each)
    if not (sides["train"] or sides["val"] or sides[None]):
        return divide(sides["test"], val_fraction, limit, opener, split_by)
    for each in sides["test"]:
        findings.add("test split", brief(each.path, findings.source))
    train, val = sides["train"] + sides[None], sides["val"]
    if train and val:
        return take_first(train, limit), take_first(val, limit)
    return divide(train or val, val_fraction, limit, opener, split_by)


def resolve_split_by(split_by: str, raw: RawDataset) -> str:
    """Return "file" or "scene" for "auto": by scene where file names tell enough of them, else by file, with a warning.

    Folders of a class each, with numbered files in them, tell classes and no scenes.
    """
    if split_by != "auto":
        return split_by
    classes = {name.lower() for name in raw.class_names}
    scenes = {scene_of(each.path) for each in raw.images}
    telling = {scene for scene in scenes if scene.split("/")[0].lower() not in classes}
    if len(telling) >= ENOUGH_SCENES:
        return "scene"
    if not any(each.split == "val" for each in raw.images):
        LOG.warning(
            "file names tell no scenes: divided file by file; where frames of one scene are alike, held-out figures "
            "are flattered: give --val, or name files SCENE_NUMBER.jpg"
        )
    return "file"


def splits_from_two_sources(raw: RawDataset, other: RawDataset, limit: int | None) -> tuple[Side, Side]:
    """Return train out of one source and val out of another: the part of that name, or everything."""
    return take_first(_part(raw, "train"), limit), take_first(_part(other, "val"), limit)


def labels_of_both(
    label_of: Mapping[str, int | str],
    class_names: Sequence[str],
    picked: bool,
    class_map: Mapping[str, str],
    other: RawDataset,
) -> dict[str, int | str]:
    """Return the labels of train's names, and of the names that only another source's val has.

    Args:
        label_of: labels of train's names.
        class_names: names that labels point to.
        picked: whether the classes were asked for by name; others are then left out rather than unknown.
        class_map: from names of the data to others.
        other: annotations of the source of val.
    """
    labels = dict(label_of)
    position = {name: number for number, name in enumerate(class_names)}
    for name in other.class_names:
        new = class_map.get(name, name)
        if name not in labels and (new in position or picked):
            labels[name] = position.get(new, OTHER)
    return labels


def find_shared_scenes(train: Sequence[RawImage], val: Sequence[RawImage], findings: Findings) -> None:
    """Take note of scenes with images in train and in val."""
    in_train = {scene_of(each.path) for each in train}
    for scene in dict.fromkeys(scene_of(each.path) for each in val):
        if scene in in_train:
            findings.add("scene on both sides", scene)


def _part(raw: RawDataset, split: str) -> Side:
    """The images of one split, or all when the data has no such split."""
    return [each for each in raw.images if each.split == split] or list(raw.images)
