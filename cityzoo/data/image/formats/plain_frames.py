"""A plain folder of images without annotations, such as frames of a camera, which have none of the classes.

Used only on request. Folders named like splits are splits; mask folders are skipped.
"""

from __future__ import annotations

from pathlib import Path

from cityzoo.data.files import files_under
from cityzoo.data.image.image_files import images_under, is_image
from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, split_of

ON_REQUEST = True
_SKIPPED = {"masks", "ground_truth"}


def matches(source: str) -> bool:
    """Return whether `source` is a folder with at least one image, at any depth."""
    path = Path(source)
    return path.is_dir() and any(map(is_image, files_under(path)))


def read(source: str) -> RawDataset:
    """Return all images, without classes."""
    root = Path(source)
    return RawDataset((), tuple(_image(file, root) for file in images_under(root) if _is_used(file, root)))


def _is_used(file: Path, root: Path) -> bool:
    return not _SKIPPED & {each.lower() for each in file.relative_to(root).parts[:-1]}


def _image(file: Path, root: Path) -> RawImage:
    outer = file.relative_to(root).parts[:-1]
    split = split_of(outer[0]) if outer else None
    return RawImage(str(file), (), PIXELS_XYXY, str(root), None, split, (), ())
