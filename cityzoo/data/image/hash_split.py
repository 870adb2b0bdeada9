"""Divide images into train and val by hash: the same file always lands on the same side."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from cityzoo.data.image.image_info import ImageInfo
from cityzoo.data.image.raw import RawImage, split_of
from cityzoo.errors import InputError


def fraction_of(text: str) -> float:
    """Return a number in 0..1 that depends on nothing but the text, evenly spread.

    Example:
        >>> round(fraction_of("a.jpg"), 4) == round(fraction_of("a.jpg"), 4) != round(fraction_of("b.jpg"), 4)
        True
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def in_hash_order(images: Sequence[RawImage]) -> list[RawImage]:
    """Return images shuffled by a hash of name and folder: the same on every machine."""
    # Files of the same name in several folders: the folder's own name tells them apart.
    return sorted(images, key=lambda each: (fraction_of("/".join(Path(each.path).parts[-2:])), each.path))


def take_first(images: Sequence[RawImage], limit: int | None) -> list[RawImage]:
    """Return at most `limit` images, the first in hash order, in the order that they came in."""
    if limit is None or limit >= len(images):
        return list(images)
    kept = {id(each) for each in in_hash_order(images)[:limit]}
    return [each for each in images if id(each) in kept]


def scene_of(path: str) -> str:
    """Return the camera or scene that an image comes from, as far as its file's name tells.

    That is the name without what exporting tools append, and without the frame's number or the time of day at
    its end; a date stays, since one camera sees other things on another day. Names that are nothing but a
    number, or a number with a word such as "frame" or "IMG", tell no scene: theirs is the folder's, the
    nearest that is not called "images" or after a split.

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
    if re.search(r"[^\W\d_]", words) and not _SAYS_NOTHING.fullmatch(words):
        return words
    return "/".join(each for each in (scene_folder(file), words) if each)


_EXPORT = re.compile(r"([_.](jpe?g|png|bmp|webp))?(\.rf\.\w+)?$", re.IGNORECASE)
_COPY = re.compile(r"(--\d+-| ?\(\d+\))$")  # "img_66--2-", "img_66 (2)": the second file of that name
_DATE = re.compile(r"(?<!\d)(\d{4}[-_.]\d{2}[-_.]\d{2}|\d{2}[-_.]\d{2}[-_.]\d{4})$")
_FRAME_WORDS = "frame|frm|f|img|image|im|pic|picture|photo|shot|snapshot|snap|dsc|dscn"
_FRAME = re.compile(
    rf"((?<=\d)[_-]\d{{2}}-\d{{2}}-\d{{2}}|[_\-. ]({_FRAME_WORDS})\d+|[_\-. ]*(?<!\d)\d+)$", re.IGNORECASE
)
_SAYS_NOTHING = re.compile(rf"({_FRAME_WORDS})", re.IGNORECASE)
_SAY_NOTHING = (
    "images",
    "image",
    "img",
    "imgs",
    "frames",
    "pictures",
    "photos",
    "jpegimages",
    "data",
)


def scene_folder(file: Path) -> str:
    """Return the name of the nearest folder of a file that is not called "images" or after a split, "" for none.

    Example:
        >>> scene_folder(Path("cam3/val/images/000123.jpg"))
        'cam3'
    """
    names = (each.name for each in file.parents)
    return next((name for name in names if not split_of(name) and name.lower() not in _SAY_NOTHING), "")


def divide(
    images: Sequence[RawImage],
    val_fraction: float,
    limit: int | None,
    open_all: Callable[[Sequence[RawImage]], dict[str, ImageInfo]],
    split_by: str = "file",
) -> tuple[list[RawImage], list[RawImage]]:
    """Divide images that bring no split, by hash.

    By file, that is by the hash of the content, copies of one file never part; but frames of one video differ
    in content and may. By scene, that is by the hash of `scene_of`, whole scenes fall on one side.

    Args:
        images: all of them.
        val_fraction: share of val, above 0 and below 1.
        limit: images wanted on each side, or None for all; no more are opened than that takes.
        open_all: opens images and returns their facts by path; by scene it is not asked.
        split_by: "file" or "scene".

    Returns:
        train and val, each in the order that the images came in, neither empty.

    Raises:
        InputError: fewer than two different images or scenes, or a fraction out of range.
    """
    if not 0 < val_fraction < 1:
        raise InputError(
            f"--val-fraction is {val_fraction}, allowed is above 0 and below 1 (0.2 keeps a fifth for val)"
        )
    if split_by == "scene":
        _require_scenes(images)
    order = list(images) if limit is None else in_hash_order(images)
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
    return tuple(sorted(side[:limit], key=lambda each: rank[id(each)]) for side in (train, val))


def _require_scenes(images: Sequence[RawImage]) -> None:
    scenes = {scene_of(each.path) for each in images}
    if len(scenes) < 2:
        raise InputError(
            f"all {len(images)} images are of one scene ('{next(iter(scenes), '')}'), splitting by scene "
            "takes two or more: give val images of their own with --val, or split by file (--split-by file)"
        )


def _fill_empty(train: list[RawImage], val: list[RawImage], place: dict[str, float]) -> None:
    """Few images may all fall on one side: move those nearest to the other."""
    if len(set(place.values())) < 2:
        raise InputError(
            "one image cannot be split into train and val: give more images, or others with --val"
        )
    if not val:
        nearest = min(place[each.path] for each in train)
        _move(train, val, place, nearest)
    elif not train:
        nearest = max(place[each.path] for each in val)
        _move(val, train, place, nearest)


def _move(origin: list[RawImage], target: list[RawImage], place: dict[str, float], spot: float) -> None:
    target += [each for each in origin if place[each.path] == spot]
    origin[:] = [each for each in origin if place[each.path] != spot]
