"""Class names and images of a YOLO data set: data.yaml, darknet's obj.data, or classes.txt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cityzoo.data.files import is_allowed
from cityzoo.data.image.image_files import images_under
from cityzoo.data.image.raw_values import is_path, quote, read_text, require_unique
from cityzoo.data.markup import load_yaml
from cityzoo.errors import InputError

YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
CLASS_FILES = ("classes.txt", "obj.names", "predefined_classes.txt", "_darknet.labels")
_KEYS = (("train", "train"), ("val", "val"), ("valid", "val"), ("test", "test"))
_HAS_NAMES = re.compile(r"^\ufeff?names\s*[:=]", re.MULTILINE)
_NOTHING = ("", "null", "~")


@dataclass
class YoloConfig:
    """Names of the classes by id, image files by split, whether labels have keypoints, and the files that were read."""

    names: dict[int, str]
    splits: list[tuple[str | None, list[Path]]]
    keypoints: bool = False
    files: list[str] = field(default_factory=list)


def find_config(folder: Path) -> Path | None:
    """Return the data.yaml or obj.data in a folder, under a usual name or with the key `names`."""
    named = (folder / name for name in YAML_NAMES)
    other = (path for pattern in ("*.y*ml", "*.data") for path in sorted(folder.glob(pattern)))
    return next((path for path in named if path.is_file()), None) or next(
        (path for path in other if path.is_file() and _has_names(path)), None
    )


def _has_names(path: Path) -> bool:
    try:
        return bool(_HAS_NAMES.search(read_text(path)))
    except (OSError, ValueError):
        return False


def read_config(path: Path) -> YoloConfig:
    """Return what data.yaml or obj.data says.

    Raises:
        InputError: missing or repeated class names, as many as `nc` does not allow, or missing folders.
    """
    is_yaml = path.suffix.lower() != ".data"
    content = _load_yaml(path) if is_yaml else _load_pairs(path)
    files = [str(path)]
    if is_yaml:
        names = _names(content, path)
    else:
        name_file = _resolve(str(content.get("names")), path.parent)
        if name_file is None:
            raise InputError(f"{path}: the class names '{content.get('names')}' do not exist: correct names")
        names = read_class_file(name_file)
        files.append(str(name_file))
    _require_count(content.get("nc" if is_yaml else "classes"), len(names), path)
    splits: list[tuple[str | None, list[Path]]] = []
    for key, split in _KEYS:
        for entry in _entries(content.get(key), key, path):
            images, list_file = _images_of(entry, content.get("path"), path, split != "test")
            splits.append((split, images))
            files += [str(list_file)] if list_file else []
    if not splits:
        raise InputError(f"{path} lists no images: add the keys train and val (a folder, folders or a .txt)")
    return YoloConfig(names, splits, "kpt_shape" in content, files)


def read_class_file(path: Path) -> dict[int, str]:
    """Return the class names of a file with one name per line.

    Raises:
        InputError: a name twice, or an empty line between names, which leaves the ids after it open.
    """
    try:
        lines = [line.strip() for line in read_text(path).rstrip().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): write one class name per line") from error
    if "" in lines:
        raise InputError(f"{path}:{lines.index('') + 1}: an empty line between class names: remove it")
    require_unique(((name, number) for number, name in enumerate(lines)), "class", "ids", str(path))
    return dict(enumerate(lines))


def find_class_names(root: Path, folders: Iterable[Path]) -> tuple[dict[int, str], list[str]]:
    """Return the class names of a data set without data.yaml, and the files that have them.

    Raises:
        InputError: no file of class names in any folder, or files that differ.
    """
    found = [
        folder / name
        for folder in dict.fromkeys((root, *folders))
        for name in CLASS_FILES
        if (folder / name).is_file()
    ]
    if not found:
        raise InputError(
            f"'{root}' has YOLO labels but no class names: add classes.txt (one name per line) or data.yaml"
        )
    names = read_class_file(found[0])
    other = next((path for path in found if read_class_file(path) != names), None)
    if other:
        raise InputError(f"{found[0]} and {other} list different classes: keep one")
    return names, [str(path) for path in found]


def _load_yaml(path: Path) -> dict[str, Any]:
    """Return the content with every value as written: `no` and `on` are names, not truth values."""
    import yaml

    class Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
            marks = [(str(key.value), key.start_mark) for key, _ in node.value]
            places = ((key, f"line {mark.line + 1} column {mark.column + 1}") for key, mark in marks)
            require_unique(places, "key", "entries", str(path))
            return super().construct_mapping(node, deep)

    content = load_yaml(path, Loader)
    if not isinstance(content, dict):
        raise InputError(f"{path} has no keys: add train, val and names")
    return content


def _load_pairs(path: Path) -> dict[str, Any]:
    pairs = (line.partition("=") for line in read_text(path).splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs if value.strip()}


def _names(content: dict[str, Any], path: Path) -> dict[int, str]:
    names = content.get("names")
    if isinstance(names, dict) and all(str(key).isdecimal() for key in names):
        pairs = [(int(key), name) for key, name in names.items()]
    elif isinstance(names, list):
        pairs = list(enumerate(names))
    else:
        pairs = [(0, None)]
    if not all(isinstance(name, str) for _, name in pairs):
        raise InputError(
            f"{path} has no usable 'names': write names: [car, bus] or names: {{0: car, 1: bus}}"
        )
    if not pairs:
        raise InputError(f"{path} has no class names: write names: [car, bus]")
    require_unique(((name.strip(), number) for number, name in pairs), "class", "ids", str(path))
    require_unique(((number, name) for number, name in pairs), "class id", "names", str(path))
    return {number: name.strip() for number, name in sorted(pairs)}


def _require_count(declared: Any, count: int, path: Path) -> None:
    try:
        is_count = declared is None or float(declared) == count
    except (TypeError, ValueError):
        is_count = False
    if not is_count:
        raise InputError(f"{path} has nc: {str(declared)[:40]} but {count} class names: correct one of them")


def _entries(value: Any, key: str, path: Path) -> list[str]:
    entries = value if isinstance(value, list) else [] if value is None or value in _NOTHING else [value]
    wrong = next((each for each in entries if not is_path(each)), None)
    if wrong is not None:
        raise InputError(f"{path}: {key}: {quote(wrong)} is not a path: write a folder, folders or a .txt")
    return entries


def _resolve(entry: str, folder: Path) -> Path | None:
    """Return the file that the end of a path names in a folder: exports name theirs, such as data/obj.names."""
    parts = PurePosixPath(entry.replace("\\", "/")).parts
    ends = (folder.joinpath(*parts[start:]) for start in range(len(parts)) if parts[start] not in ("/", ".."))
    return next((path for path in ends if is_path(str(path)) and path.exists()), None)


def _images_of(entry: str, base: Any, config: Path, needed: bool) -> tuple[list[Path], Path | None]:
    """Return the images of a `train` or `val` entry, and the list file; "../train/images" may be "train/images"."""
    folder = config.parent
    base = base if isinstance(base, str) else ""
    inside = entry
    while inside.startswith(("../", "./")):
        inside = inside.partition("/")[2]
    candidates = [folder / base / entry, folder / entry, folder / base / inside, folder / inside]
    present = [path for path in candidates if path.exists()]
    found = next((path for path in present if is_allowed(path)), present[0] if present else None)
    if found is None and config.suffix.lower() == ".data":
        found = _resolve(entry, folder)
    if found is None and needed:
        raise InputError(f"{config}: '{entry}' does not exist (tried {candidates[0]}): correct the path")
    if found is None:
        return [], None
    if found.is_file():
        return _listed_images(found, folder / base), found
    images = images_under(found)
    if not images and needed:
        raise InputError(f"{config}: the folder {found} has no images: add them or correct the path")
    return images, None


def _listed_images(list_path: Path, base: Path) -> list[Path]:
    """Return the images in a .txt, one path per line, relative to the list or to the data set's path."""
    images = []
    for number, line in enumerate(read_text(list_path).splitlines(), 1):
        if not line.strip():
            continue
        if not is_path(line.strip()):
            raise InputError(f"{list_path}:{number}: {quote(line)} is not the path of an image: correct it")
        adjacent, based = list_path.parent / line.strip(), base / line.strip()
        found = next((path for path in (adjacent, based) if path.exists()), None)
        images.append(found or _resolve(line.strip(), list_path.parent) or adjacent)
    return images
