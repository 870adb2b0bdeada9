"""One folder per class: CLASS/*.jpg or SPLIT/CLASS/*.jpg, in alphabetical order; `a+b` stands for both classes.

Class folders may have subfolders. A folder called normal, none or background is a class like any other; the task
decides what it means. Pixel labels are in masks/SPLIT/CLASS/NAME.png, or, as in MVTec AD, in
ground_truth/CLASS/NAME_mask.png.
"""

from __future__ import annotations

from pathlib import Path

from cityzoo.data.files import walk
from cityzoo.data.image.image_files import images_under, is_image
from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, split_of
from cityzoo.errors import InputError

MASKS, GROUND_TRUTH = "masks", "ground_truth"
_OTHER_LAYOUTS = "masks ground_truth labels annotations annotation jpegimages imagesets"
_GENERIC = "images image imgs img pictures photos frames"  # not classes


def matches(source: str) -> bool:
    """Return whether `source` is a folder of class folders that no other format reads."""
    path = Path(source)
    return path.is_dir() and bool(_splits(path) or _classes(path)) and not _is_other_format(source)


def read(source: str) -> RawDataset:
    """Return the images of all class folders; an empty folder is a class too.

    Raises:
        InputError: class folders next to split folders, which is ambiguous.
    """
    root = Path(source)
    splits = _splits(root)
    others = [each.name for each in _classes(root) if each not in splits] if splits else []
    if others:
        raise InputError(
            f"'{source}' has splits ({', '.join(each.name for each in splits)}), but also images in "
            f"'{others[0]}': move that folder into a split, or elsewhere"
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
    return RawDataset(tuple(names), (*images, *_unlabeled(root, splits)))


def _unlabeled(root: Path, splits: list[Path]) -> list[RawImage]:
    """Return the images next to the class folders, which have no class."""
    flat = [each for each in _folders(root) if split_of(each.name)] if splits else []
    parts = {root: None} | {folder: split_of(folder.name) for folder in flat}
    return [
        RawImage(str(file), (), PIXELS_XYXY, str(folder), None, split)
        for folder, split in parts.items()
        for file in sorted(folder.iterdir())
        if is_image(file) and file.is_file()
    ]


def _is_other_format(source: str) -> bool:
    from cityzoo.data.image import formats

    others = (module for module in formats.detectable().values() if module.__name__ != __name__)
    return any(module.matches(source) for module in others)


def _folders(path: Path) -> list[Path]:
    """Return the folders that may be classes, including empty ones."""
    skipped = {*_OTHER_LAYOUTS.split(), *_GENERIC.split()}
    return [
        each
        for each in sorted(path.iterdir())
        if each.is_dir() and not each.name.startswith((".", "__")) and each.name.lower() not in skipped
    ]


def _splits(root: Path) -> list[Path]:
    """Return the folders that are named like a split and have class folders."""
    return [each for each in _folders(root) if split_of(each.name) and _classes(each)]


def _classes(path: Path) -> list[Path]:
    """Return the class folders in a folder; none if all are named like splits."""
    found = [each for each in _folders(path) if _is_class(each)]
    return found if any(split_of(each.name) is None for each in found) else []


def _is_class(folder: Path) -> bool:
    """Return whether a folder has images, and no subfolder that is a split or of another layout."""
    others = _OTHER_LAYOUTS.split()
    for parent, inner, files in walk(folder):
        if parent == folder and any(split_of(each) or each.lower() in others for each in inner):
            return False
        if any(is_image(parent / name) for name in files):
            return True
    return False


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in folder.name.split("+") if name.strip()))


def _mask(file: Path, folder: Path, root: Path) -> str:
    """Return the mask of an image, or "". If the root is one split of a data set, masks are next to it."""
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
