"""A folder for each class: CLASS/*.jpg or SPLIT/CLASS/*.jpg, in alphabetical order; `a+b` is both classes.

Images may lie in folders within a class's own. A folder called normal, none or background is a class as any
other; the task decides what it means. Pixel labels are masks/SPLIT/CLASS/NAME.png, or as MVTec has them
ground_truth/CLASS/NAME_mask.png.
"""

from __future__ import annotations

import os
from pathlib import Path

from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, images_under, is_image, split_of
from cityzoo.errors import InputError

MASKS, GROUND_TRUTH = "masks", "ground_truth"
_OTHER_LAYOUTS = "masks ground_truth labels annotations annotation jpegimages imagesets"
_OF_IMAGES = "images image imgs img pictures photos frames"  # as class folders these say nothing


def matches(source: str) -> bool:
    """Tell whether `source` is a folder of class folders, with nothing that another format reads."""
    path = Path(source)
    return path.is_dir() and bool(_splits(path) or _classes(path)) and not _reads_another(source)


def read(source: str) -> RawDataset:
    """Return the images of all class folders; one without images still names its class.

    Raises:
        InputError: class folders beside splits, so that it is not clear what they are.
    """
    root = Path(source)
    splits = _splits(root)
    beside = [each.name for each in _classes(root) if each not in splits] if splits else []
    if beside:
        raise InputError(
            f"'{source}' holds splits ({', '.join(each.name for each in splits)}) and beside them images "
            f"in '{beside[0]}': move that folder into a split, or elsewhere"
        )
    parts = [(each, split_of(each.name)) for each in splits] or [(root, None)]
    folders = [(folder, split) for part, split in parts for folder in _folders(part)]
    names = sorted({name for folder, _ in folders for name in _names(folder)})
    images = [
        RawImage(str(file), (), PIXELS_XYXY, str(folder), None, split, (), _names(folder), mask)
        for folder, split in folders
        for file in images_under(folder)
        for mask in [_mask(file, folder, root)]
    ]
    return RawDataset(tuple(names), (*images, *_outside(root, splits)))


def _outside(root: Path, splits: list[Path]) -> list[RawImage]:
    """Images beside the class folders, of which no class is said."""
    flat = [each for each in _folders(root) if split_of(each.name)] if splits else []
    return [
        RawImage(
            str(file), (), PIXELS_XYXY, str(folder), None, None if folder == root else split_of(folder.name)
        )
        for folder in dict.fromkeys((root, *flat))
        for file in sorted(folder.iterdir())
        if is_image(file) and file.is_file()
    ]


def _reads_another(source: str) -> bool:
    from cityzoo.data.image import formats

    others = (module for module in formats.detectable().values() if module.__name__ != __name__)
    return any(module.matches(source) for module in others)


def _folders(path: Path) -> list[Path]:
    """Folders that may be classes, empty ones too."""
    without = {*_OTHER_LAYOUTS.split(), *_OF_IMAGES.split()}
    return [
        each
        for each in sorted(path.iterdir())
        if each.is_dir() and not each.name.startswith((".", "__")) and each.name.lower() not in without
    ]


def _splits(root: Path) -> list[Path]:
    """The folders that are splits: called so, with class folders in them."""
    return [each for each in _folders(root) if split_of(each.name) and _classes(each)]


def _classes(path: Path) -> list[Path]:
    """The class folders in a folder; none where all are called like splits: those then lack classes."""
    found = [each for each in _folders(path) if _is_class(each)]
    return found if any(split_of(each.name) is None for each in found) else []


def _is_class(folder: Path) -> bool:
    """Whether images lie in a folder, and none of its own folders is a split or of another layout."""
    others = _OTHER_LAYOUTS.split()
    for parent, inner, files in os.walk(folder, followlinks=True):
        if Path(parent) == folder and any(split_of(each) or each.lower() in others for each in inner):
            return False
        if any(is_image(Path(name)) for name in files):
            return True
    return False


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in folder.name.split("+") if name.strip()))


def _mask(file: Path, folder: Path, root: Path) -> str:
    """The mask of an image, or "". The root may be one split of a data set, whose masks lie beside it."""
    of_class = file.parent.relative_to(folder.parent)
    for base in (root, root.parent) if split_of(root.name) else (root,):
        candidates = (
            base / MASKS / file.parent.relative_to(base) / f"{file.stem}.png",
            base / GROUND_TRUTH / of_class / f"{file.stem}_mask.png",
            base / GROUND_TRUTH / of_class / f"{file.stem}.png",
        )
        found = next((each for each in candidates if each.is_file()), None)
        if found:
            return str(found)
    return ""
