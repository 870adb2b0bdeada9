"""Splits into train and val by hash: a file always falls into the same split."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from cityzoo.data.files import fraction_of
from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawImage, split_of
from cityzoo.errors import InputError


def sort_by_hash(images: Sequence[RawImage]) -> list[RawImage]:
    """Return images shuffled by a hash of name and folder: the same on every machine."""
    # The folder name distinguishes files with the same name.
    return sorted(images, key=lambda each: (fraction_of("/".join(Path(each.path).parts[-2:])), each.path))


def take_first(images: Sequence[RawImage], limit: int | None) -> list[RawImage]:
    """Return at most `limit` images, the first in hash order, in their original order."""
    if limit is None or limit >= len(images):
        return list(images)
    kept = {id(each) for each in sort_by_hash(images)[:limit]}
    return [each for each in images if id(each) in kept]


def scene_of(path: str) -> str:
    """Return the camera or scene of an image, derived from its file name.

    That is the name without suffixes of export tools, and without the frame number or time of day at its end; a
    date is kept, since a camera sees different things on different days. Names that consist of a number, or of a
    number and a word such as "frame" or "IMG", do not identify a scene: the folder does, see `scene_folder`.

    Example:
        >>> scene_of("a/cluster000_fire2_mp4-28_jpg.rf.0a1b.jpg"), scene_of("a/cam3_2024-05-01_000123.jpg")
        ('cluster000_fire2_mp4', 'cam3_2024-05-01')
        >>> scene_of("roads/train/images/000123.jpg"), scene_of("roads/frame_12.jpg")
        ('roads', 'roads/frame')
        >>> scene_of("a/cam3_2024-05-01_12-30-05.jpg"), scene_of("a/kerb cam.frame0012.png")
        ('cam3_2024-05-01', 'kerb cam')
    """
    file = Path(path)
    stem = _COPY.sub("", _EXPORT.sub("", file.stem))
    words = stem if _DATE.search(stem) else _FRAME.sub("", stem).strip("_-. ")
    if re.search(r"[^\W\d_]", words) and not _GENERIC.fullmatch(words):
        return words
    return "/".join(each for each in (scene_folder(file), words) if each)


_EXPORT = re.compile(r"([_.](jpe?g|png|bmp|webp))?(\.rf\.\w+)?$", re.IGNORECASE)
_COPY = re.compile(r"(--\d+-| ?\(\d+\))$")  # "img_66--2-", "img_66 (2)": the second file of that name
_DATE = re.compile(r"(?<!\d)(\d{4}[-_.]\d{2}[-_.]\d{2}|\d{2}[-_.]\d{2}[-_.]\d{4})$")
_FRAME_WORDS = "frame|frm|f|img|image|im|pic|picture|photo|shot|snapshot|snap|dsc|dscn"
_FRAME = re.compile(
    rf"((?<=\d)[_-]\d{{2}}-\d{{2}}-\d{{2}}|[_\-. ]({_FRAME_WORDS})\d+|[_\-. ]*(?<!\d)\d+)$", re.IGNORECASE
)
_GENERIC = re.compile(rf"({_FRAME_WORDS})", re.IGNORECASE)
_GENERIC_FOLDERS = ("images", "image", "img", "imgs", "frames", "pictures", "photos", "jpegimages", "data")


def scene_folder(file: Path) -> str:
    """Return the name of the innermost folder of a file that is neither generic ("images") nor a split, or "".

    Example:
        >>> scene_folder(Path("cam3/val/images/000123.jpg"))
        'cam3'
    """
    names = (each.name for each in file.parents)
    return next((name for name in names if not split_of(name) and name.lower() not in _GENERIC_FOLDERS), "")


def split_by_hash(
    images: Sequence[RawImage],
    val_fraction: float,
    limit: int | None,
    open_all: Callable[[Sequence[RawImage]], dict[str, ImageInfo]],
    split_by: str = "file",
) -> tuple[list[RawImage], list[RawImage]]:
    """Split images into train and val by hash.

    By file, the hash of the content decides: copies of a file share a split, but frames of one video may not. By
    scene, the hash of `scene_of` decides: all images of a scene share a split.

    Args:
        images: images without a split.
        val_fraction: fraction of val, above 0 and below 1.
        limit: images per split, or None for all; only as many are opened as needed.
        open_all: opens images and returns their facts by path; not used by scene.
        split_by: "file" or "scene".

    Returns:
        train and val, each in the original order, neither empty.

    Raises:
        InputError: fewer than two different images or scenes, or a fraction out of range.
    """
    if not 0 < val_fraction < 1:
        raise InputError(
            f"--val-fraction must be above 0 and below 1, got {val_fraction} (e.g. 0.2 for a fifth)"
        )
    if split_by == "scene":
        _require_scenes(images)
    order = list(images) if limit is None else sort_by_hash(images)
    step = len(order) if limit is None else math.ceil(limit / min(val_fraction, 1 - val_fraction))
    place: dict[str, float] = {}
    train: list[RawImage] = []
    val: list[RawImage] = []
    for start in range(0, len(order), step):
        chunk = order[start : start + step]
        facts = open_all(chunk) if split_by == "file" else {}
        place |= {
            each.path: fraction_of(facts[each.path].digest or each.path if facts else scene_of(each.path))
            for each in chunk
        }
        train += [each for each in chunk if place[each.path] >= val_fraction]
        val += [each for each in chunk if place[each.path] < val_fraction]
        if limit is not None and min(len(train), len(val)) >= limit:
            break
    _fill_empty(train, val, place)
    rank = {id(each): number for number, each in enumerate(images)}
    train, val = (sorted(split[:limit], key=lambda each: rank[id(each)]) for split in (train, val))
    return train, val


def _require_scenes(images: Sequence[RawImage]) -> None:
    scenes = {scene_of(each.path) for each in images}
    if len(scenes) < 2:
        raise InputError(
            f"all {len(images)} images are of one scene ('{next(iter(scenes), '')}'), but a split by scene requires "
            "two or more: give separate val images with --val, or split by file (--split-by file)"
        )


def _fill_empty(train: list[RawImage], val: list[RawImage], place: dict[str, float]) -> None:
    """Move the images with the nearest hash to a split that is empty, as happens with few images."""
    if len(set(place.values())) < 2:
        raise InputError(
            "one image cannot be split into train and val: add images, or give val images with --val"
        )
    if train and val:
        return
    origin, target, nearest = (train, val, min) if train else (val, train, max)
    spot = nearest(place[each.path] for each in origin)
    target += [each for each in origin if place[each.path] == spot]
    origin[:] = [each for each in origin if place[each.path] != spot]
