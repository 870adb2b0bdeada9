"""A plain folder of images without any annotation: what a camera saw, without any class in it.

Read only when asked for. Folders called like splits are splits; those of masks are passed over.
"""

from __future__ import annotations

from pathlib import Path

from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, images_under, is_image, split_of

ON_REQUEST = True
_PASSED_OVER = {"masks", "ground_truth"}


def matches(source: str) -> bool:
    """Tell whether `source` is a folder with an image somewhere in it."""
    path = Path(source)
    return path.is_dir() and any(is_image(each) for each in path.rglob("*"))


def read(source: str) -> RawDataset:
    """Return all images, none of any class."""
    root = Path(source)
    return RawDataset((), tuple(_image(file, root) for file in images_under(root) if _counts(file, root)))


def _counts(file: Path, root: Path) -> bool:
    return not _PASSED_OVER & {each.lower() for each in file.relative_to(root).parts[:-1]}


def _image(file: Path, root: Path) -> RawImage:
    outer = file.relative_to(root).parts[:-1]
    split = split_of(outer[0]) if outer else None
    return RawImage(str(file), (), PIXELS_XYXY, str(root), None, split, (), ())
