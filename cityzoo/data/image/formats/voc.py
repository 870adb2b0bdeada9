"""Pascal VOC: one XML per image, in Annotations/ with JPEGImages/ and ImageSets/Main/, or next to the image.

VOC counts pixels from 1, and both corners are inclusive: `xmin` 1 is the left edge, `xmax` = width the right one. So
x1 = xmin - 1 and x2 = xmax. Boxes marked difficult are kept and counted.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from cityzoo.data.image.raw import IMAGE_SUFFIXES, PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.errors import InputError

_PEEKED = 50  # files that are read to detect the format of a folder
_LISTS = {"train": "train", "val": "val", "trainval": None, "test": "test"}


def matches(source: str) -> bool:
    """Return whether `source` is a VOC folder, a folder of XML annotations, or one such file."""
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() == ".xml" and _is_annotation(path)
    for root in _roots(path):
        first = next((root / "Annotations").glob("*.xml"), None)
        if first and _is_annotation(first):
            return True
    adjacent = itertools.chain(path.glob("*.xml"), path.glob("*/*.xml"))
    return any(_is_annotation(each) for each in itertools.islice(adjacent, _PEEKED))


def read(source: str) -> RawDataset:
    """Return the annotations of a Pascal VOC data set; classes are in alphabetical order.

    Raises:
        InputError: a file that is not valid XML.
    """
    path = Path(source)
    roots = [root for root in _roots(path) if (root / "Annotations").is_dir()]
    if path.is_file():
        images = [_image(path, [path.parent], None)]
    elif roots:
        images = [image for root in roots for image in _read_root(root)]
    else:
        adjacent = (each for each in sorted(path.rglob("*.xml")) if _is_annotation(each))
        images = [_image(each, [each.parent], _split_of_folder(each, path)) for each in adjacent]
    found = {box.name for image in images for box in image.boxes if box.problem != "malformed"}
    return RawDataset(tuple(sorted(found)), tuple(images))


def _roots(path: Path) -> list[Path]:
    return [path, *sorted(path.glob("VOC*")), *sorted(path.glob("VOCdevkit/VOC*"))]


def _is_annotation(path: Path) -> bool:
    with path.open("rb") as file:
        return b"<annotation" in file.read(1000)


def _split_of_folder(path: Path, root: Path) -> str | None:
    return next((each for each in map(split_of, path.relative_to(root).parts[:-1]) if each), None)


def _read_root(root: Path) -> list[RawImage]:
    folders = [root / "JPEGImages", root / "images", root / "Annotations"]
    return [_image(root / "Annotations" / f"{name}.xml", folders, split) for name, split in _list_names(root)]


def _list_names(root: Path) -> list[tuple[str, str | None]]:
    """Return names and splits from ImageSets/Main (trainval adds what train and val lack), or else every XML."""
    splits: dict[str, str | None] = {}
    for list_name, split in _LISTS.items():
        path = root / "ImageSets" / "Main" / f"{list_name}.txt"
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        for line in lines:
            if line.strip():
                splits.setdefault(line.split()[0], split)
    return list(splits.items()) or [(path.stem, None) for path in sorted(root.glob("Annotations/*.xml"))]


def _image(path: Path, folders: list[Path], split: str | None) -> RawImage:
    if not path.is_file():
        file = _file_of(path.stem, "", folders)
        return RawImage(file, (), PIXELS_XYXY, str(path), None, split, ("unlabelled",))
    content = path.read_bytes()
    try:
        tree = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise InputError(f"{path} is not valid XML ({error}): correct or remove it") from error
    # ElementTree has no line numbers; the n-th object is the n-th tag of that name.
    lines = [content.count(b"\n", 0, match.start()) + 1 for match in re.finditer(rb"<object\b", content)]
    objects = tree.findall("object")
    marks = [f":{line}" for line in lines] if len(lines) == len(objects) else [""] * len(objects)
    boxes = tuple(_box(each, mark) for each, mark in zip(objects, marks, strict=True))
    file = _file_of(path.stem, (tree.findtext("filename") or "").strip(), folders)
    return RawImage(file, boxes, PIXELS_XYXY, str(path), _declared(tree), split)


def _file_of(stem: str, name: str, folders: Iterable[Path]) -> str:
    """Return the image of an XML: the declared file if it exists, or one with the name of the XML."""
    suffixes = (".jpg", ".png", *sorted(IMAGE_SUFFIXES), ".JPG", ".PNG", ".JPEG")
    names = [f"{stem}{suffix}" for suffix in suffixes]
    for folder in folders:
        for each in ([name] if name else []) + names:
            if (folder / each).is_file():
                return str(folder / each)
    return str(next(iter(folders)) / (name or f"{stem}.jpg"))


def _declared(tree: ElementTree.Element) -> tuple[int, int] | None:
    try:
        size = int(tree.findtext("size/height", "0")), int(tree.findtext("size/width", "0"))
    except ValueError:
        return None
    return size if all(size) else None


def _box(element: ElementTree.Element, mark: str) -> RawBox:
    name = (element.findtext("name") or "").strip()
    try:
        tags = ("xmin", "ymin", "xmax", "ymax")
        x1, y1, x2, y2 = (float(element.findtext(f"bndbox/{tag}", "")) for tag in tags)
    except ValueError:
        return RawBox((math.nan,) * 4, name, mark, "malformed")
    difficult = (element.findtext("difficult") or "0").strip() == "1"
    return RawBox((x1 - 1, y1 - 1, x2, y2), name, mark, "difficult" if difficult else "")
