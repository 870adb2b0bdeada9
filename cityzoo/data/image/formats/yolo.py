"""YOLO: `data.yaml` with images/ and labels/ folders, or images/, labels/ and classes.txt.

A label file has one line per box, `class cx cy w h` relative to the image, or `class x1 y1 x2 y2 x3 y3 ...`, a
polygon that is replaced by its bounding box. An image without a label file is an image without boxes.
"""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from pathlib import Path

from cityzoo.data.image.raw import RELATIVE_CXCYWH, RawBox, RawDataset, RawImage, images_under, split_of
from cityzoo.errors import InputError

_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_CLASSES = ("classes.txt", "labels/classes.txt", "obj.names", "predefined_classes.txt")
_NAMES = re.compile(r"^names\s*:", re.MULTILINE)
_NO_BOX = (math.nan,) * 4


def matches(source: str) -> bool:
    """Return whether `source` is a data.yaml, a folder with one, or a folder with images/ and labels/."""
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() in (".yaml", ".yml")
    return bool(_yaml_in(path)) or all((path / name).is_dir() for name in ("images", "labels"))


def read(source: str) -> RawDataset:
    """Return the annotations of a YOLO data set.

    Raises:
        InputError: missing class names, or as many as `nc` does not allow, or missing folders.
    """
    path = Path(source)
    yaml_path = path if path.is_file() else _yaml_in(path)
    if yaml_path:
        names, splits, keypoints = _read_yaml(yaml_path)
    else:
        names, splits, keypoints = _names_of_folder(path), _splits_of_folder(path / "images"), False
    images = [_image(file, split, names, keypoints) for split, files in splits for file in files]
    return RawDataset(tuple(dict.fromkeys(names.values())), tuple(images))


def _yaml_in(folder: Path) -> Path | None:
    for name in _YAML:
        if (folder / name).is_file():
            return folder / name
    return next(
        (path for path in sorted(folder.glob("*.y*ml")) if _NAMES.search(path.read_text("utf-8", "replace"))),
        None,
    )


def _read_yaml(path: Path) -> tuple[dict[int, str], list[tuple[str | None, list[Path]]], bool]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} has no keys: add train, val and names")
    names = _names(content, path)
    splits: list[tuple[str | None, list[Path]]] = []
    for key, split in (("train", "train"), ("val", "val"), ("valid", "val"), ("test", "test")):
        entries = content.get(key) or []
        needed = split != "test"
        for entry in [entries] if isinstance(entries, str) else entries:
            splits.append((split, _images_of(str(entry), str(content.get("path") or ""), path, needed)))
    if not splits:
        raise InputError(f"{path} lists no images: add the keys train and val (a folder, folders or a .txt)")
    return names, splits, "kpt_shape" in content


def _names(content: dict, path: Path) -> dict[int, str]:
    names = content.get("names")
    if isinstance(names, dict) and all(str(key).isdigit() for key in names):
        named = {int(key): str(name) for key, name in names.items()}
    elif isinstance(names, list):
        named = {number: str(name) for number, name in enumerate(names)}
    else:
        raise InputError(
            f"{path} has no usable 'names': write names: [car, bus] or names: {{0: car, 1: bus}}"
        )
    if not named:
        raise InputError(f"{path} has no class names: write names: [car, bus]")
    declared = content.get("nc", len(named))
    if declared != len(named):
        raise InputError(f"{path} has nc: {declared} but {len(named)} class names: correct one of them")
    return named


def _images_of(entry: str, base: str, yaml_path: Path, needed: bool) -> list[Path]:
    """Return the files of a `train` or `val` entry; exports may write "../train/images" for "train/images"."""
    folder = yaml_path.parent
    inside = entry
    while inside.startswith(("../", "./")):
        inside = inside.partition("/")[2]
    candidates = [folder / base / entry, folder / entry, folder / base / inside, folder / inside]
    found = next((path for path in candidates if path.exists()), None)
    if found is None and needed:
        raise InputError(f"{yaml_path}: '{entry}' does not exist (tried {candidates[0]}): correct the path")
    if found is None:
        return []
    if found.is_file():
        return _listed_images(found, folder / base)
    images = images_under(found)
    if not images and needed:
        raise InputError(f"{yaml_path}: the folder {found} has no images: add them or correct the path")
    return images


def _listed_images(list_path: Path, base: Path) -> list[Path]:
    """Return the images in a .txt, one path per line, relative to the list or to the data set's path."""
    images = []
    for line in list_path.read_text("utf-8").splitlines():
        if line.strip():
            adjacent, based = list_path.parent / line.strip(), base / line.strip()
            images.append(based if based.exists() and not adjacent.exists() else adjacent)
    return images


def _names_of_folder(folder: Path) -> dict[int, str]:
    for name in _CLASSES:
        if (folder / name).is_file():
            lines = (folder / name).read_text("utf-8").splitlines()
            return dict(enumerate(line.strip() for line in lines if line.strip()))
    raise InputError(
        f"'{folder}' has images/ and labels/ but no class names: add classes.txt (one name per line) or data.yaml"
    )


def _splits_of_folder(images: Path) -> list[tuple[str | None, list[Path]]]:
    parts: dict[str | None, list[Path]] = defaultdict(list)
    for image in images_under(images):
        parts[split_of(image.relative_to(images).parts[0])].append(image)
    return list(parts.items())


@functools.lru_cache(maxsize=256)
def _label_folder(folder: Path) -> Path:
    parts = list(folder.parts)
    for position in range(len(parts) - 1, -1, -1):
        if parts[position] == "images":
            parts[position] = "labels"
            return Path(*parts)
    return folder


def _image(path: Path, split: str | None, names: dict[int, str], keypoints: bool) -> RawImage:
    label_path = _label_folder(path.parent) / f"{path.stem}.txt"
    boxes = _read_labels(label_path, names, keypoints)
    remarks = ("unlabelled",) if boxes is None else ()
    return RawImage(str(path), boxes or (), RELATIVE_CXCYWH, str(label_path), None, split, remarks)


def _read_labels(path: Path, names: dict[int, str], keypoints: bool) -> tuple[RawBox, ...] | None:
    """Return the boxes of a label file, or None if it does not exist."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    return tuple(_box(fields, names, f":{number}", keypoints) for number, fields in rows)


def _box(fields: list[str], names: dict[int, str], mark: str, keypoints: bool) -> RawBox:
    try:
        class_id, *numbers = (float(text) for text in fields)
    except ValueError:
        return RawBox(_NO_BOX, fields[0], mark, "malformed")
    if keypoints:
        numbers = numbers[:4]
    name = names.get(int(class_id)) if class_id.is_integer() else None
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        numbers = _around_polygon(numbers)
    if len(numbers) != 4:
        return RawBox(_NO_BOX, name or fields[0], mark, "malformed")
    return RawBox(tuple(numbers), name or fields[0], mark, "" if name else "unknown class")


def _around_polygon(numbers: list[float]) -> list[float]:
    left, right = min(numbers[::2]), max(numbers[::2])
    top, bottom = min(numbers[1::2]), max(numbers[1::2])
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
