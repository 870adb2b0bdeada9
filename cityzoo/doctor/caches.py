"""The caches of cityzoo and Keras, their sizes, and their removal. Runs are never removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cityzoo.cache_dir import cache_dir
from cityzoo.fit.feature_cache import is_busy
from cityzoo.fit.run_files import RunFolder
from zoo import pretrained, registry

FOLDERS = {  # of cache_dir()
    "features": "outputs of frozen backbones, computed again when needed",
    "demo": "demo data, drawn again when needed",
    "images": "sizes and checks of image files",
    "tfds": "data sets exported from TensorFlow Datasets",
    "answer": "indexed questions and documents",
    "encoders": "exported text encoders",
}
WEIGHTS = "weights"  # needs the network again, so it is removed by name only
CACHES = (*FOLDERS, WEIGHTS)


class Removal(NamedTuple):
    """What happened to one entry of a cache.

    Attributes:
        cache: its name.
        path: of the entry.
        size_bytes: of the entry.
        kept: why it is still there, "" if it was removed.
    """

    cache: str
    path: Path
    size_bytes: int
    kept: str


def entries(cache: str) -> list[Path]:
    """Return the files and folders of a cache; for weights those of the table of backbones.

    Raises:
        OSError: the folder cannot be read.
    """
    if cache == WEIGHTS:
        names = (registry.get(name).weights_file for name in registry.names())
        files = sorted({pretrained.cache_folder() / name for name in names})
        return [file for file in files if file.is_file()]
    folder = cache_dir() / cache
    return sorted(folder.iterdir()) if folder.is_dir() else []


def folder_of(cache: str) -> Path:
    """Return the folder of a cache; it need not exist."""
    return pretrained.cache_folder() if cache == WEIGHTS else cache_dir() / cache


def size_bytes(path: Path) -> int:
    """Return the size of a file, or of all files in a folder; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    found = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                found += os.lstat(os.path.join(folder, name)).st_size
            except OSError:  # removed meanwhile
                continue
    return found


def measure_caches() -> dict[str, dict[str, object]]:
    """Return folder, number of entries and bytes of each cache, or why it cannot be read."""
    found: dict[str, dict[str, object]] = {}
    for cache in CACHES:
        about: dict[str, object] = {"folder": str(folder_of(cache))}
        try:
            paths = entries(cache)
            about |= {"entries": len(paths), "bytes": sum(map(size_bytes, paths))}
        except OSError as error:
            about["unreadable"] = error.strerror or str(error)
        found[cache] = about
    return found


def clean(caches: Sequence[str]) -> Iterator[Removal]:
    """Remove the entries of caches, one after the other, and say what happened to each.

    An entry that is in use, or in which there is a run, stays.
    """
    for cache in caches:
        try:
            paths = entries(cache)
        except OSError as error:
            yield Removal(cache, folder_of(cache), 0, error.strerror or str(error))
            continue
        for path in paths:
            size, kept = size_bytes(path), _reason_to_keep(path)
            yield Removal(cache, path, size, kept or _remove(path))


def _reason_to_keep(path: Path) -> str:
    if path.is_symlink() or not path.is_dir():
        return ""
    for folder, _, names in os.walk(path):
        if RunFolder(Path(folder)).spec.name in names:
            return "a run is in it"
    return "in use" if is_busy(path) else ""


def _remove(path: Path) -> str:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""
