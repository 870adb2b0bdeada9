"""COCO: annotations/instances_train*.json and instances_val*.json with their image folders, or one .json.

Boxes are x, y, width, height in pixels. Ids are numbers or text and need not be contiguous; classes are in the order
of their ids. Crowd boxes are skipped, images without annotations kept. The declared `width` and `height` determine
whether boxes of EXIF-rotated images refer to the image before or after rotation.
"""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from cityzoo.data.files import find_root, open_file
from cityzoo.data.image.box_units import resolve_box_units
from cityzoo.data.image.image_index import ImageIndex
from cityzoo.data.image.raw import PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.data.image.raw_values import is_path, parse_size, quote, require_unique
from cityzoo.data.markup import load_json
from cityzoo.errors import InputError

_KEYS = ("images", "annotations", "categories")
_CHUNK_BYTES = 1 << 20
_PATTERNS = ("*.json", "annotations/*.json", "*/_annotations.coco.json")
_OTHER_KINDS = ("captions_", "panoptic_", "person_keypoints_", "stuff_", "image_info_")
_TRIED = 20  # images that are looked up in a folder before another folder is tried
Record = dict[str, Any]
Key = int | str


def matches(source: str) -> bool:
    """Return whether `source` is a COCO .json or a folder with one in a usual place."""
    return bool(_json_files(Path(source)))


def read(source: str) -> RawDataset:
    """Return the annotations of a COCO data set.

    Raises:
        InputError: invalid JSON, missing keys, ids that are used twice, annotations of images that are not listed.
    """
    pairs: list[tuple[Key, str]] = []
    images: list[RawImage] = []
    notes: list[tuple[str, str]] = []
    files: list[str] = []
    for path in _json_files(Path(source)):
        files.append(str(path))
        content = _load(path)
        own = _categories(path, content)
        pairs += own.items()
        read_images, found = resolve_box_units(_images(path, content, own), str(path))
        images += read_images
        notes += found
    in_order = sorted(pairs, key=lambda pair: (isinstance(pair[0], str), pair[0]))
    return RawDataset(
        tuple(dict.fromkeys(name for _, name in in_order)), tuple(images), tuple(notes), tuple(files)
    )


def _json_files(path: Path) -> list[Path]:
    listed = [each for pattern in _PATTERNS for each in sorted(path.glob(pattern))]
    found = [path] if path.is_file() else listed
    found = [each for each in found if each.suffix.lower() == ".json" and each.is_file() and _is_coco(each)]
    instances = [each for each in found if each.name.startswith("instances_")]
    return instances or [each for each in found if not each.name.startswith(_OTHER_KINDS)] or found


def _is_coco(path: Path) -> bool:
    """Return whether a file has two of the keys, wherever they are: other lists may be of any length."""
    found: set[bytes] = set()
    tail = b""
    with open_file(path) as file:
        while len(found) < 2 and (chunk := file.read(_CHUNK_BYTES)):
            text = tail + chunk.replace(b"\0", b"")  # of UTF-16
            found |= {key for key in _KEY_BYTES if key in text}
            tail = text[-32:]
    return len(found) >= 2


_KEY_BYTES = tuple(f'"{key}"'.encode() for key in _KEYS)


def _load(path: Path) -> dict[str, list[Record]]:
    content = load_json(path)
    parts = content if isinstance(content, dict) else {}
    lacking = [key for key in _KEYS if not isinstance(parts.get(key), list)]
    if lacking:
        raise InputError(
            f"{path} lacks the list '{lacking[0]}': COCO requires images, annotations and categories"
        )
    for name in _KEYS:
        for number, record in enumerate(parts[name]):
            if not isinstance(record, dict):
                raise InputError(
                    f"{path}: {name}[{number}] is {quote(record)}, not a record: write an object with keys"
                )
    return parts


def _get(record: Record, key: str, path: Path) -> Any:
    if key not in record:
        shown = quote(record)
        raise InputError(f"{path}: a record lacks the key '{key}': add it to {shown}")
    return record[key]


def _key(record: Record, name: str, path: Path) -> Key:
    """Return an id: 1, 1.0 and "1" are the same.

    Raises:
        InputError: an id that is neither a number nor text.
    """
    value = _get(record, name, path)
    if isinstance(value, str) and value.strip():
        value = value.strip()
        return int(value) if re.fullmatch(r"-?\d{1,18}", value) else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InputError(f"{path}: the {name} {quote(value)} is neither a number nor text: correct it")


def _categories(path: Path, content: dict[str, list[Record]]) -> dict[Key, str]:
    pairs = [(_key(each, "id", path), str(_get(each, "name", path))) for each in content["categories"]]
    require_unique(pairs, "category id", "classes", str(path))
    used = {_key(each, "category_id", path) for each in content["annotations"]}
    # Exports list a group of classes under the name of one of them, without annotations.
    require_unique(((name, key) for key, name in pairs if key in used), "class", "category ids", str(path))
    return dict(pairs)


def _images(path: Path, content: dict[str, list[Record]], names: dict[Key, str]) -> list[RawImage]:
    listed = [(_key(each, "id", path), _file(each, path), each) for each in content["images"]]
    require_unique(((key, file) for key, file, _ in listed), "image id", "files", str(path))
    require_unique(((os.path.normpath(file), key) for key, file, _ in listed), "file", "image ids", str(path))
    boxes: dict[Key, list[RawBox]] = defaultdict(list)
    known = {key for key, _, _ in listed}
    for number, each in enumerate(content["annotations"]):
        if each.get("image_id") is None or (key := _key(each, "image_id", path)) not in known:
            raise InputError(
                f"{path}: annotations[{number}] has image_id {quote(each.get('image_id'))}, which 'images' does "
                "not list: add it there"
            )
        boxes[key].append(_box(each, names, path))
    folder, split = _image_folder(path, [file for _, file, _ in listed]), _split_and_word(path)[0]
    index = ImageIndex(find_root(str(path))) if folder is None else None
    return [
        _image(path, _find(file, folder or path.parent, index, split), each, boxes[key], split)
        for key, file, each in _first(listed)
    ]


def _find(file: str, folder: Path, index: ImageIndex | None, split: str | None) -> Path:
    return (index.find(file, split) if index else None) or folder / file


def _file(record: Record, path: Path) -> str:
    name = _get(record, "file_name", path)
    if not is_path(name):
        raise InputError(f"{path}: the file_name {quote(name)} is not a path: correct it")
    return name


def _first(listed: list[tuple[Key, str, Record]]) -> list[tuple[Key, str, Record]]:
    """Return each image once: merged files may repeat a record."""
    return list({key: (key, file, each) for key, file, each in reversed(listed)}.values())[::-1]


def _image(path: Path, file: Path, record: Record, boxes: list[RawBox], split: str | None) -> RawImage:
    size = record.get("height"), record.get("width")
    declared = parse_size(*size)
    remarks = ("no size",) if declared is None and any(each not in (None, 0) for each in size) else ()
    return RawImage(str(file), tuple(boxes), PIXELS_XYXY, str(path), declared, split, remarks)


def _box(annotation: Record, names: dict[Key, str], path: Path) -> RawBox:
    key = _key(annotation, "category_id", path)
    name, mark = names.get(key, str(key)), f" annotation {str(annotation.get('id', '?'))[:40]}"
    try:
        x, y, width, height = (float(each) for each in annotation.get("bbox") or ())
    except (TypeError, ValueError, OverflowError):
        return RawBox((math.nan,) * 4, name, mark, "malformed")
    problem = "unknown class" if key not in names else "crowd" if annotation.get("iscrowd") else ""
    return RawBox((x, y, x + width, y + height), name, mark, problem)


def _split_and_word(path: Path) -> tuple[str | None, str]:
    """Return the split in the name of the file or its folder, and the word for it ("val2017")."""
    for word in [*reversed(re.split(r"[_\-. ]", path.stem)), path.parent.name]:
        if split_of(word):
            return split_of(word), word
    return None, ""


def _image_folder(path: Path, files: list[str]) -> Path | None:
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
    return None
