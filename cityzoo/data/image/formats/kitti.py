"""KITTI: image_2/ and label_2/, or images/ and labels/, with one text file per image and one line per object.

A line is a class, 3 numbers, the box x1 y1 x2 y2 in pixels, and 7 numbers about the object in space. Regions called
DontCare are skipped. Folders without labels, such as testing/, are not read.
"""

from __future__ import annotations

from pathlib import Path

from cityzoo.data.image.image_files import images_under
from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, split_of
from cityzoo.data.image.text_labels import LabelFinder, has_kitti_row, read_kitti_labels

_PEEKED = 50  # images whose labels are looked for


def matches(source: str) -> bool:
    """Return whether `source` is a folder of images with label files of KITTI."""
    path, finder = Path(source), LabelFinder()
    images = images_under(path) if path.is_dir() else []
    return any(has_kitti_row(finder.find(image)) for image in images[:: len(images) // _PEEKED + 1])


def read(source: str) -> RawDataset:
    """Return the annotations as written; classes are in alphabetical order."""
    root, finder = Path(source), LabelFinder()
    files = [(image, finder.find(image)) for image in images_under(root)]
    folders = {labels.parent for _, labels in files if labels.is_file()}
    images = tuple(_image(image, labels, root) for image, labels in files if labels.parent in folders)
    names = {box.name for image in images for box in image.boxes if not box.problem}
    return RawDataset(tuple(sorted(names)), images)


def _image(path: Path, labels: Path, root: Path) -> RawImage:
    boxes, remark = read_kitti_labels(labels)
    split = next((each for each in map(split_of, path.relative_to(root).parts[:-1]) if each), None)
    return RawImage(str(path), boxes, PIXELS_XYXY, str(labels), None, split, (remark,) if remark else ())
