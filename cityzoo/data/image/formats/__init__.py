"""Annotation formats, one file each; the file's name is the format's.

A module here is a format once it has two functions:

    matches(source: str) -> bool        is this what lies there? Cheap, never raises.
    read(source: str) -> RawDataset     parse the annotations, open no image. Raises InputError.

Nothing else is edited to add one. A module that says ON_REQUEST = True, since it fits what others read as
well, is left out unless it is asked for by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from cityzoo.data.image.raw import RawDataset, is_image
from cityzoo.errors import InputError, NoAnnotations, unknown


def names() -> tuple[str, ...]:
    """Return the names of all formats.

    Example:
        >>> "yolo" in names()
        True
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(source: str, name: str | None = None, fallback: str | None = None) -> tuple[str, ModuleType]:
    """Return the name and module of the format that lies at `source`.

    Args:
        source: what `--data` was given: a folder, a file, or a name with a scheme such as "tfds:voc/2007".
        name: the format, when it is said rather than found.
        fallback: a format that is tried when no other fits.

    Raises:
        InputError: nothing there, an unknown format, none that fits or several that do.
        NoAnnotations: images alone.
    """
    if name is not None and name not in names():
        raise unknown("format", name, names())
    modules = {name: _module(name)} if name else offered()
    fitting = [each for each, module in modules.items() if module.matches(source)]
    if not fitting and name is None and fallback and _module(fallback).matches(source):
        return fallback, _module(fallback)
    if not fitting:
        _refuse_what_is_not_there(source)
    if name is not None and not fitting:
        raise InputError(f"'{source}' holds no annotations that the format {name} reads; {_EXPECTED}")
    if len(fitting) > 1:
        raise InputError(
            f"'{source}' holds annotations of {' and '.join(fitting)}: name one with --format {fitting[0]}, "
            f"or give a folder that holds one"
        )
    if not fitting:
        raise _error_for(Path(source))(f"'{source}' {_what_is_there(Path(source))}; {_EXPECTED}")
    return fitting[0], modules[fitting[0]]


def offered() -> dict[str, ModuleType]:
    """Return the modules that are tried when no format is named, by name."""
    modules = {each: _module(each) for each in names()}
    return {each: module for each, module in modules.items() if not getattr(module, "ON_REQUEST", False)}


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def read(source: str, name: str | None = None, fallback: str | None = None) -> tuple[str, RawDataset]:
    """Return the format's name and the raw annotations of `source`; the arguments are those of `find`.

    Raises:
        InputError: see `find`, or annotations without any image.
    """
    name, module = find(source, name, fallback)
    dataset = module.read(source)
    if not dataset.images:
        raise InputError(f"'{source}' names no images ({name}): put images beside the annotations")
    return name, dataset


_EXPECTED = (
    "expected YOLO (data.yaml), COCO (.json), Pascal VOC (.xml), "
    "CSV (path,x1,y1,x2,y2,class_name), or for whole images CSV (path,label) or CLASS/*.jpg, or tfds:NAME"
)


def _refuse_what_is_not_there(source: str) -> None:
    path = Path(source)
    if not path.exists():
        near = [str(path.parent / each.name) for each in _siblings(path)]
        raise (
            unknown("--data, no such path", source, near)
            if near
            else InputError(f"--data '{source}' does not exist: give a folder or file; {_EXPECTED}")
        )
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(f"--data '{source}' is an empty folder; {_EXPECTED}")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"--data '{source}' is an empty file; {_EXPECTED}")


def _siblings(path: Path) -> list[Path]:
    """Folders beside a missing path whose names are near enough to be what was meant."""
    import difflib

    if not path.name or not path.parent.is_dir():
        return []
    beside = {each.name: each for each in path.parent.iterdir()}
    return [beside[name] for name in difflib.get_close_matches(path.name, beside, n=1, cutoff=0.6)]


def _error_for(path: Path) -> type[InputError]:
    files = path.rglob("*") if path.is_dir() else [path]
    return NoAnnotations if any(is_image(each) for each in files) else InputError


def _what_is_there(path: Path) -> str:
    if path.is_file():
        return "is an image without annotations" if is_image(path) else "is not a file of annotations"
    if any(is_image(each) for each in path.rglob("*")):
        return "holds images but no annotations"
    return "holds no annotations"
