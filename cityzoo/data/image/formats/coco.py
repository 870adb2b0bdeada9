"""COCO: annotations/instances_train*.json and instances_val*.json with their image folders, or one .json.

Boxes are x, y, width, height in pixels. Category ids need not be contiguous; classes are in the order of their ids.
Crowd boxes are skipped, images without annotations kept. The declared `width` and `height` determine whether boxes of
EXIF-rotated images refer to the image before or after rotation.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from pathlib import Path

from cityzoo.data.image.raw import PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.errors import InputError

_KEYS = ("images", "annotations", "categories")
_PEEK_BYTES = 1 << 16
_PATTERNS = ("*.json", "annotations/*.json", "*/_annotations.coco.json")
_OTHER_KINDS = ("captions_", "panoptic_", "person_keypoints_", "stuff_", "image_info_")
_TRIED = 20  # images that are looked up in a folder before another folder is tried


def matches(source: str) -> bool:
    """Return whether `source` is a COCO .json or a folder with one in a usual place."""
    return bool(_json_files(Path(source)))


def read(source: str) -> RawDataset:
    """Return the annotations of a COCO data set.

    Raises:
        InputError: invalid JSON, missing keys, annotations of images that are not listed.
    """
    files = _json_files(Path(source))
    names: dict[int, str] = {}
    images: list[RawImage] = []
    for path in files:
        content = _load(path)
        own = {int(each["id"]): str(each["name"]) for each in content["categories"]}
        names |= {key: name for key, name in own.items() if key not in names}
        images += _images(path, content, own)
    return RawDataset(tuple(dict.fromkeys(names[key] for key in sorted(names))), tuple(images))


def _json_files(path: Path) -> list[Path]:
    listed = [each for pattern in _PATTERNS for each in sorted(path.glob(pattern))]
    found = [path] if path.is_file() else listed
    found = [each for each in found if each.suffix.lower() == ".json" and _is_coco(each)]
    instances = [each for each in found if each.name.startswith("instances_")]
    return instances or [each for each in found if not each.name.startswith(_OTHER_KINDS)] or found


def _is_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_PEEK_BYTES)
        file.seek(max(0, path.stat().st_size - _PEEK_BYTES))
        both = head + file.read(_PEEK_BYTES)
    return head.lstrip()[:1] == b"{" and sum(f'"{key}"'.encode() in both for key in _KEYS) >= 2


def _load(path: Path) -> dict:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    parts = content if isinstance(content, dict) else {}
    lacking = [key for key in _KEYS if not isinstance(parts.get(key), list)]
    if lacking:
        raise InputError(
            f"{path} lacks the list '{lacking[0]}': COCO requires images, annotations and categories"
        )
    return content


def _images(path: Path, content: dict, names: dict[int, str]) -> list[RawImage]:
    try:
        boxes = defaultdict(list)
        for each in content["annotations"]:
            boxes[each["image_id"]].append(_box(each, names))
        images = {each["id"]: each for each in content["images"]}
        folder = _image_folder(path, [str(each["file_name"]) for each in content["images"]])
    except KeyError as error:
        raise InputError(f"{path}: a record lacks the key {error}: add it") from error
    stray = next((key for key in boxes if key not in images), None)
    if stray is not None:
        raise InputError(
            f"{path}: annotation of image_id {stray}, which 'images' does not list: add it there"
        )
    split = _split_and_word(path)[0]
    files = {key: str(folder / str(each["file_name"])) for key, each in images.items()}
    return [
        RawImage(files[key], tuple(boxes[key]), PIXELS_XYXY, str(path), _declared(each), split)
        for key, each in images.items()
    ]


def _declared(image: dict) -> tuple[int, int] | None:
    height, width = image.get("height"), image.get("width")
    return (int(height), int(width)) if height and width else None


def _box(annotation: dict, names: dict[int, str]) -> RawBox:
    key = annotation["category_id"]
    name, mark = names.get(key, str(key)), f" annotation {annotation.get('id', '?')}"
    try:
        x, y, width, height = (float(each) for each in annotation.get("bbox") or ())
    except (TypeError, ValueError):
        return RawBox((math.nan,) * 4, name, mark, "malformed")
    problem = "unknown class" if key not in names else "crowd" if annotation.get("iscrowd") else ""
    return RawBox((x, y, x + width, y + height), name, mark, problem)


def _split_and_word(path: Path) -> tuple[str | None, str]:
    """Return the split in the name of the file or its folder, and the word for it ("val2017")."""
    for word in [*reversed(re.split(r"[_\-. ]", path.stem)), path.parent.name]:
        if split_of(word):
            return split_of(word), word
    return None, ""


def _image_folder(path: Path, files: list[str]) -> Path:
    """Return the folder to which file names are relative: the usual ones are tried with the first images."""
    split, word = _split_and_word(path)
    roots = [path.parent]
    if path.parent.name.lower() in ("annotations", "annotation", "labels"):
        roots.insert(0, path.parent.parent)
    inside = dict.fromkeys(each for each in (word, split, "") if each is not None)
    folders = [
        root / part / each
        for root in roots
        for part in ("", "images", "JPEGImages", "data")
        for each in inside
    ]
    for folder in dict.fromkeys(folders):
        if any((folder / name).is_file() for name in files[:_TRIED]):
            return folder
    return folders[0]
