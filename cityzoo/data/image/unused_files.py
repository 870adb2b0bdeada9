"""Files of an image data set that its reader does not use: images in no list, labels without an image, others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cityzoo.data.files import OWN_FILES, walk
from cityzoo.data.image.image_files import is_image
from cityzoo.data.image.raw import RawDataset

_CONFIG_SUFFIXES = (".yaml", ".yml", ".data")
_LINE = re.compile(r":\d+( and \d+)*$")
_EXPECTED = re.compile(
    r"(readme|licen[cs]e|changelog|citation|thumbs\.db|desktop\.ini)|.*\.(md|cache)$", re.IGNORECASE
)


def find_unused(source: str, datasets: Sequence[RawDataset]) -> Iterator[tuple[str, Path]]:
    """Yield the kind of finding and the path of each file that lies in a source and is in none of its data sets.

    Of an annotation file, the folders of its images are searched, and for images only. Hidden files, texts about the
    data such as README, and caches are expected, and left out.
    """
    root = Path(source)
    if root.suffix.lower() in _CONFIG_SUFFIXES and root.is_file():
        root = root.parent
    used = {_real(path) for dataset in datasets for path in _used_files(dataset)}
    shared = {_real(path) for dataset in datasets for path in dataset.files}
    sources = {_real(_LINE.sub("", image.source)) for each in datasets for image in each.images}
    label_places = {(path.parent, path.suffix.lower()) for path in sources - shared}  # of one file per image
    if root.is_dir():
        candidates, only_images = _files_under(root), False
    else:
        folders = {Path(image.path).parent for each in datasets for image in each.images}
        candidates, only_images = _files_in(folders), True
    for path in candidates:
        if (
            path.name in OWN_FILES
            or path.name.startswith(".")
            or _EXPECTED.match(path.name)
            or _real(path) in used
        ):
            continue
        if is_image(path):
            yield "unlisted image", path
        elif not only_images:
            is_label = path.suffix and (_real(path).parent, path.suffix.lower()) in label_places
            yield "orphan label" if is_label else "other file", path


def _used_files(dataset: RawDataset) -> Iterator[str]:
    yield from (path for path in dataset.files if path)
    for image in dataset.images:
        yield image.path
        yield _LINE.sub("", image.source)
        if image.mask:
            yield image.mask


def _real(path: str | Path) -> Path:
    """Return a path that is the same for all ways to write it; links to files are files of their own."""
    return Path(os.path.abspath(path))


def _files_under(root: Path) -> Iterator[Path]:
    for parent, folders, names in walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        yield from (parent / name for name in names)


def _files_in(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in sorted(folders):
        if folder.is_dir():
            yield from sorted(path for path in folder.iterdir() if path.is_file())
