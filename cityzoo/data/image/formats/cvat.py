"""CVAT: annotations.xml of "CVAT for images 1.1" with its images in images/ or next to it.

Boxes are pixels of the upright image; of a polygon its bounding box counts. Tags are labels of whole images. Classes
are in the order of the task's labels.
"""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

from cityzoo.data.files import read_bytes
from cityzoo.data.image.image_index import ImageIndex
from cityzoo.data.image.raw import PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.data.image.raw_values import parse_size
from cityzoo.data.markup import LARGEST_XML, parse_xml
from cityzoo.errors import InputError

_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_PEEKED_BYTES = 4096


def matches(source: str) -> bool:
    """Return whether `source` is such a file, or a folder with one."""
    return bool(_files(Path(source)))


def read(source: str) -> RawDataset:
    """Return the annotations of one file, or of all in a folder.

    Raises:
        InputError: a file that is not valid XML, or numbers that are none.
    """
    files, names, images = _files(Path(source)), dict[str, None](), list[RawImage]()
    for file in files:
        root = parse_xml(read_bytes(file, LARGEST_XML), str(file))
        names |= dict.fromkeys(each.text or "" for each in root.iterfind("meta//labels/label/name"))
        index = ImageIndex(file.parent)
        images += [_image(element, file, index) for element in root.iterfind("image")]
    names |= dict.fromkeys(box.name for image in images for box in image.boxes)
    names |= dict.fromkeys(name for image in images for name in image.names or ())
    return RawDataset(tuple(names), tuple(images), (), tuple(map(str, files)))


def _files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.glob("*.xml"))
    return [each for each in found if each.suffix.lower() == ".xml" and _is_cvat(each)]


def _is_cvat(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"<annotations" in file.read(_PEEKED_BYTES)
    except OSError:
        return False


def _image(element: ElementTree.Element, file: Path, index: ImageIndex) -> RawImage:
    name, split = element.get("name", ""), split_of(element.get("subset", ""))
    near = [folder / name for folder in (file.parent, file.parent / "images")]
    path = next((each for each in near if each.is_file()), None) or index.find(name, split) or near[0]
    shapes = [each for each in element if each.tag in ("box", "polygon")]
    boxes = tuple(_box(each, f" image {name} shape {place}", file) for place, each in enumerate(shapes))
    tags = tuple(each.get("label", "") for each in element.iterfind("tag"))
    size = parse_size(element.get("height"), element.get("width"))
    return RawImage(os.path.normpath(path), boxes, PIXELS_XYXY, str(file), size, split, (), tags or None)


def _box(element: ElementTree.Element, mark: str, file: Path) -> RawBox:
    try:
        if element.tag == "box":
            numbers = tuple(float(element.get(name, "")) for name in _CORNERS)
        else:
            points = [tuple(map(float, each.split(","))) for each in element.get("points", "").split(";")]
            xs, ys = zip(*points, strict=True)
            numbers = (min(xs), min(ys), max(xs), max(ys))
    except ValueError as error:
        raise InputError(f"{file}:{mark} has corners that are not numbers ({error}): correct them") from error
    return RawBox(numbers, element.get("label", ""), mark)
