"""Annotation formats, one file each; the file's name is the name of the format.

A module in this folder is a format if it has two functions:

    matches(source: str) -> bool        whether it reads what is at the source. Cheap, never raises.
    read(source: str) -> RawDataset     parse the annotations, open no image. Raises InputError.

Adding a format needs no other edit. A module with ON_REQUEST = True accepts data that other formats read too, so
it is only used if requested by name.
"""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from cityzoo.data.files import DataFolder, confine, files_under, is_allowed, open_file, require_file
from cityzoo.data.image.finding_kinds import OUTSIDE
from cityzoo.data.image.image_files import is_image
from cityzoo.data.image.raw import RawDataset
from cityzoo.errors import InputError, NoAnnotations, escape_control, unknown

LOG = logging.getLogger(__name__)
DEPRECATED = {"csv": "box_csv", "folders": "class_folders", "frames": "plain_frames", "labels": "label_csv"}


def names() -> tuple[str, ...]:
    """Return the names of all formats.

    Example:
        >>> "yolo" in names()
        True
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def replace_deprecated(name: str) -> str:
    """Return the name of a format, with a warning if an old name was given.

    Example:
        >>> replace_deprecated("folders"), replace_deprecated("yolo")
        ('class_folders', 'yolo')
    """
    if name in DEPRECATED:
        LOG.warning("--format %s is deprecated: use --format %s", name, DEPRECATED[name])
    return DEPRECATED.get(name, name)


def find(source: str, name: str | None = None, fallback: str | None = None) -> tuple[str, ModuleType]:
    """Return the name and module of the format that reads `source`.

    Args:
        source: a folder, a file, or a name with a scheme such as "tfds:voc/2007".
        name: the format; None detects it.
        fallback: format to try if no other matches.

    Raises:
        InputError: nothing at the source, an unknown format, no matching format or several.
        NoAnnotations: images without annotations.
    """
    name = None if name is None else replace_deprecated(name)
    if name is not None and name not in names():
        raise unknown("format", name, names())
    with confine(source):
        return _find(source, name, fallback)


def _find(source: str, name: str | None, fallback: str | None) -> tuple[str, ModuleType]:
    if os.path.exists(source) and not os.path.isdir(source):
        require_file(source)
    modules = {name: _module(name)} if name else detectable()
    matching = [each for each, module in modules.items() if module.matches(source)]
    if not matching and name is None and fallback and _module(fallback).matches(source):
        return fallback, _module(fallback)
    if not matching:
        _require_content(source)
        if name is not None:
            raise InputError(f"'{source}' has no annotations in the format {name}; {_EXPECTED}")
        raise _error_for(Path(source))(f"'{source}' {_describe(Path(source))}; {_EXPECTED}")
    if len(matching) > 1:
        raise InputError(
            f"'{source}' has annotations in {' and '.join(matching)} format: choose one with "
            f"--format {matching[0]}, or give a folder with only one"
        )
    return matching[0], modules[matching[0]]


def detectable() -> dict[str, ModuleType]:
    """Return the modules that are tried if no format is given, by name."""
    modules = {each: _module(each) for each in names()}
    return {each: module for each, module in modules.items() if not getattr(module, "ON_REQUEST", False)}


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def read(source: str, name: str | None = None, fallback: str | None = None) -> tuple[str, RawDataset]:
    """Return the format's name and the raw annotations of `source`; for the arguments see `find`.

    Raises:
        InputError: see `find`, or annotations without images.
    """
    name, module = find(source, name, fallback)
    with confine(source) as folder:
        dataset = escape_names(mark_outside(module.read(source), folder))
    if not dataset.images:
        raise InputError(f"'{source}' lists no images ({name}): put images next to the annotations")
    return name, dataset


def escape_names(dataset: RawDataset) -> RawDataset:
    r"""Return a data set without control characters in its class names: they go into models, reports and terminals.

    Example:
        >>> escape_names(RawDataset(("\x1b[31mred", "bus"), ())).class_names
        ('\\x1b[31mred', 'bus')
    """
    names = {*dataset.class_names, *(name for each in dataset.images for name in each.names or ())}
    names |= {box.name for each in dataset.images for box in each.boxes}
    shown = {name: escape_control(name) for name in names}
    if all(name == short for name, short in shown.items()):
        return dataset
    images = (
        replace(
            each,
            boxes=tuple(box._replace(name=shown[box.name]) for box in each.boxes),
            names=None if each.names is None else tuple(shown[name] for name in each.names),
        )
        for each in dataset.images
    )
    return replace(
        dataset, class_names=tuple(shown[name] for name in dataset.class_names), images=tuple(images)
    )


def mark_outside(dataset: RawDataset, folder: DataFolder) -> RawDataset:
    """Return a data set in which images outside of the data folder, which must not be opened, have the remark OUTSIDE.

    Links to folders elsewhere that were not followed, and files elsewhere that were read, are added to its notes.
    """
    images = tuple(
        each
        if all(is_allowed(path) for path in (each.path, each.source, each.mask) if path)
        else replace(each, remarks=(*each.remarks, OUTSIDE))
        for each in dataset.images
    )
    notes = [(OUTSIDE, link) for link in folder.left_out] + [
        ("read outside", path) for path in folder.elsewhere
    ]
    return replace(dataset, images=images, notes=(*dataset.notes, *notes))


_LABEL_SUFFIXES = (".txt", ".xml", ".json", ".csv", ".tsv", ".yaml", ".yml", ".data", ".names")
_TABLES = (".csv", ".tsv", ".json")
_LABEL_WORDS = re.compile(r"annot|label|class|bbox|boxes|instances|coco|^obj\.|^data\.")
_EXPECTED = (
    "expected YOLO (data.yaml), COCO (.json), Pascal VOC (.xml), KITTI (label_2/) or CSV (path,x1,y1,x2,y2,class_name) "
    "for boxes, "
    "CSV (path,label) or CLASS/*.jpg for labels of whole images, or tfds:NAME"
)


def _require_content(source: str) -> None:
    path = Path(source)
    if not path.exists():
        near = [str(path.parent / name) for name in _similar_names(path)]
        if near:
            raise unknown("--data, no such path", source, near)
        raise InputError(f"--data '{source}' does not exist: give a folder or file; {_EXPECTED}")
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(f"--data '{source}' is an empty folder; {_EXPECTED}")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"--data '{source}' is an empty file; {_EXPECTED}")


def _similar_names(path: Path) -> list[str]:
    """Return the name in the parent folder of a missing path that is closest to its own, if any is close."""
    import difflib

    if not path.name or not path.parent.is_dir():
        return []
    return difflib.get_close_matches(
        path.name, [each.name for each in path.parent.iterdir()], n=1, cutoff=0.6
    )


def _error_for(path: Path) -> type[InputError]:
    found = files_under(path) if path.is_dir() else [path]
    return NoAnnotations if any(map(is_image, found)) and not _label_file(path) else InputError


def _label_file(path: Path) -> Path | None:
    """Return a file in a folder that is called like labels or like an image, or a table that names images, or None."""
    files = list(files_under(path)) if path.is_dir() else []
    images = [each for each in files if is_image(each)]
    names, stems = {each.name for each in images}, {each.with_suffix("") for each in images}
    for each in files:
        suffix = each.suffix.lower()
        is_called_so = each.with_suffix("") in stems or _LABEL_WORDS.search(each.name.lower())
        if suffix in _LABEL_SUFFIXES and (is_called_so or (suffix in _TABLES and _mentions(each, names))):
            return each
    return None


def _mentions(path: Path, names: set[str]) -> bool:
    """Return whether the beginning of a file has the name of an image, with its suffix or without."""
    with open_file(path) as file:
        words = set(re.findall(r"[\w.-]+", file.read(1 << 16).decode("utf-8", "replace")))
    return not words.isdisjoint(names | {Path(name).stem for name in names})


def _describe(path: Path) -> str:
    if path.is_file():
        return "is an image without annotations" if is_image(path) else "is not an annotation file"
    if not any(map(is_image, files_under(path))):
        return "contains no annotations"
    labels = _label_file(path)
    if labels:
        return f"contains images, but '{labels.relative_to(path)}' is in no known format"
    return "contains images but no annotations"
