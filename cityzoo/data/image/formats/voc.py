"""Pascal VOC: one XML per image, in Annotations/ with JPEGImages/ and ImageSets/Main/, or anywhere below the folder.

VOC counts pixels from 1, and both corners are inclusive: `xmin` 1 is the left edge, `xmax` = width the right one. So
x1 = xmin - 1 and x2 = xmax. Boxes marked difficult are kept and counted.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from cityzoo.data.files import files_under
from cityzoo.data.image.box_units import resolve_box_units
from cityzoo.data.image.image_files import is_image
from cityzoo.data.image.image_index import ImageIndex
from cityzoo.data.image.raw import PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.data.image.raw_values import is_path, parse_size, read_text, require_unique
from cityzoo.data.image.voc_xml import read_annotation
from cityzoo.errors import InputError

_PEEKED = 50  # files that are read to detect the format of a folder
_ANNOTATIONS = ("annotations", "annotation", "xml", "xmls")
_LISTS = {"train": "train", "val": "val", "trainval": None, "test": "test"}
_CLASS_FLAG = re.compile(r"(.*\S)\s+-?[01]")  # a list of one class states whether an image has it


def matches(source: str) -> bool:
    """Return whether `source` is a VOC folder, a folder of XML annotations, or one such file."""
    files = _xml_files(Path(source))
    first_of_folders = {file.parent: file for file in reversed(files)}.values()
    return any(map(_is_annotation, (*first_of_folders, *files[:: len(files) // _PEEKED + 1])))


def read(source: str) -> RawDataset:
    """Return the annotations of a Pascal VOC data set; classes are in alphabetical order.

    Raises:
        InputError: a file that is not valid XML, or two files about one image.
    """
    path = Path(source)
    images: list[RawImage] = []
    lists: list[Path] = []
    if path.is_file():
        folder = path.parent.parent if path.parent.name.lower() in _ANNOTATIONS else path.parent
        images += _read_root(folder, [path], {})
    for root in [] if path.is_file() else _roots(path):
        files = _xml_files(root)
        listed, found = _read_lists(root, files)
        images += _read_root(root, files, listed)
        lists += found
    uses = ((os.path.relpath(each.path, path), os.path.relpath(each.source, path)) for each in images)
    require_unique(uses, "image", "files", source)
    names = {box.name for image in images for box in image.boxes if box.problem != "malformed"}
    images, notes = resolve_box_units(images, source)
    images = [_count_from_zero(image) if image.kind == PIXELS_XYXY else image for image in images]
    return RawDataset(tuple(sorted(names)), tuple(images), tuple(notes), tuple(map(str, lists)))


def _count_from_zero(image: RawImage) -> RawImage:
    boxes = (box._replace(numbers=_zero_based(*box.numbers)) for box in image.boxes)
    return replace(image, boxes=tuple(boxes))


def _zero_based(x1: float, y1: float, x2: float, y2: float) -> tuple[float, ...]:
    return x1 - 1, y1 - 1, x2, y2


def _xml_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".xml" else []
    found = (each for each in files_under(path) if each.suffix.lower() == ".xml")
    return sorted(each for each in found if not each.name.startswith(".") and each.is_file())


def _is_annotation(path: Path) -> bool:
    try:
        return read_annotation(path) is not None
    except InputError:
        return True  # `read` says what is wrong with it


def _roots(path: Path) -> list[Path]:
    """Return the folders with lists, such as those of several years, or the folder itself."""
    roots = [*sorted(path.glob("VOC*/")), *sorted(path.glob("VOCdevkit/VOC*/"))]
    found = [root for root in roots if _child(root, "imagesets") or _child(root, "annotations")]
    return [path] if _child(path, "imagesets") or not found else found


def _child(folder: Path | None, name: str) -> Path | None:
    """Return the entry of a folder with a name in any case."""
    if folder is None or not folder.is_dir():
        return None
    return next((each for each in sorted(folder.iterdir()) if each.name.lower() == name), None)


def _read_lists(root: Path, files: Iterable[Path]) -> tuple[dict[str, str | None], list[Path]]:
    """Return names and splits from ImageSets/Main (trainval adds what train and val lack), and the lists."""
    folder = _child(root, "imagesets")
    folder = _child(folder, "main") or folder
    stems = {file.stem for file in files}
    splits: dict[str, str | None] = {}
    found = []
    for list_name, split in _LISTS.items():
        path = _child(folder, f"{list_name}.txt")
        if path is not None and path.is_file():
            found.append(path)
            for line in read_text(path).splitlines():
                if line.strip():
                    splits.setdefault(_listed_name(line.strip(), stems), split)
    return splits, found


def _listed_name(line: str, stems: set[str]) -> str:
    """Return the name of an image in a list; it may have blanks, a folder, a suffix, or a flag behind it.

    Example:
        >>> [_listed_name(line, {"north gate 1", "a"}) for line in ("north gate 1", "a  -1", "JPEGImages/a.jpg")]
        ['north gate 1', 'a', 'a']
    """
    flagged = _CLASS_FLAG.fullmatch(line)
    names = [line, *([flagged[1]] if flagged else [])]
    stem = [Path(name).stem if is_image(Path(name)) else Path(name).name for name in names]
    return next((name for name in (*names, *stem) if name in stems), stem[-1])


def _read_root(root: Path, files: list[Path], listed: dict[str, str | None]) -> list[RawImage]:
    index, by_stem = ImageIndex(root), {file.stem: file for file in files}
    if not listed:
        found = (_image(file, index, _split_of_folder(file, root)) for file in files)
        return [image for image in found if image is not None]
    place = next((file.parent for file in files), root)
    images = []
    for name, split in listed.items():
        file = by_stem.get(name)
        image = None if file is None else _image(file, index, split)
        remark = "unlabelled" if file is None else "unreadable label"
        path = str(index.find(name, split) or root / "JPEGImages" / f"{name}.jpg")
        source = str(file or place / f"{name}.xml")
        images.append(image or RawImage(path, (), PIXELS_XYXY, source, None, split, (remark,)))
    return images


def _split_of_folder(path: Path, root: Path) -> str | None:
    return next((each for each in map(split_of, path.relative_to(root).parts[:-1]) if each), None)


def _image(path: Path, index: ImageIndex, split: str | None) -> RawImage | None:
    """Return the annotations of one XML, or None if it is not an annotation."""
    annotation = read_annotation(path)
    if annotation is None:
        return None
    tree, lines = annotation
    objects = tree.findall("object")
    marks = [f":{line}" for line in lines] or [""] * len(objects)
    boxes = tuple(_box(each, mark) for each, mark in zip(objects, marks, strict=True))
    declared = parse_size(tree.findtext("size/height"), tree.findtext("size/width"))
    file = _file_of(path, (tree.findtext("filename") or "").strip(), index, split)
    return RawImage(file, boxes, PIXELS_XYXY, str(path), declared, split)


def _file_of(path: Path, name: str, index: ImageIndex, split: str | None) -> str:
    """Return the image of an XML: the declared file next to it, or one with the name of the XML."""
    adjacent = [path.with_name(name)] if is_path(name) and is_image(Path(name)) and "/" not in name else []
    if adjacent and adjacent[0].is_file():
        return str(adjacent[0])
    found = index.find_near(path, name, split) or index.find(name, split)
    return str(found or (adjacent[0] if adjacent else path.with_suffix(".jpg")))


def _box(element: ElementTree.Element, mark: str) -> RawBox:
    name = (element.findtext("name") or "").strip()
    try:
        tags = ("xmin", "ymin", "xmax", "ymax")
        x1, y1, x2, y2 = (float(element.findtext(f"bndbox/{tag}", "")) for tag in tags)
    except ValueError:
        return RawBox((math.nan,) * 4, name, mark, "malformed")
    difficult = (element.findtext("difficult") or "0").strip() == "1"
    return RawBox((x1, y1, x2, y2), name, mark, "difficult" if difficult else "")
