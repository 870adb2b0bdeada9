"""Formats of series, one file each; the file's name is the format's.

A module here is a format once it has two functions:

    matches(source: str) -> bool                         is this what lies there? Cheap, never raises.
    read(source: str, wishes: Wishes) -> RawSeries       read it as it was written. Raises InputError.

Nothing else is edited to add one. What is checked and how rows come onto an even grid of times is the same for
all of them: `cityzoo.data.series.load`.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from cityzoo.data.series.csv_sniffer import is_utf8, tables_at
from cityzoo.data.series.raw import RawSeries, SeriesOptions
from cityzoo.errors import InputError, unknown

_EXPECTED = (
    "expected CSV or Parquet, wide (a column a sensor) or long (time, sensor, value), .npz with the array data "
    "(time, sensor, channel), or .h5 as pandas writes frames"
)


def names() -> tuple[str, ...]:
    """Return the names of all formats.

    Example:
        >>> names()
        ('hdf5', 'long', 'npz', 'parquet', 'wide')
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(source: str, name: str | None = None) -> tuple[str, ModuleType]:
    """Return the name and module of the format that lies at `source`.

    Args:
        source: a file, or a folder with the files of one data set.
        name: the format, when it is said rather than found.

    Raises:
        InputError: nothing there, an unknown format, none that fits or several that do.
    """
    if name is not None and name not in names():
        raise unknown("format", name, names())
    modules = {each: importlib.import_module(f"{__name__}.{each}") for each in ([name] if name else names())}
    fitting = [each for each, module in modules.items() if module.matches(source)]
    if len(fitting) > 1:
        raise InputError(
            f"'{source}' holds series as {' and '.join(fitting)}: name one with --format {fitting[0]}, or give a file"
        )
    if not fitting:
        raise InputError(f"{_what_is_there(source, name)}; {_EXPECTED}")
    return fitting[0], modules[fitting[0]]


def read(source: str, wishes: SeriesOptions, name: str | None = None) -> tuple[str, RawSeries]:
    """Return the format's name and the series of `source` as it was written; the arguments are those of `find`.

    Args:
        source: a file or folder.
        wishes: what is said about the source; a format needs the channels alone.
        name: the format, when it is said rather than found.

    Raises:
        InputError: see `find`, or what cannot be read.
    """
    name, module = find(source, name)
    return name, module.read(source, wishes)


def _what_is_there(source: str, name: str | None) -> str:
    path = Path(source)
    if not path.exists():
        return f"--data '{source}' does not exist: give a file or folder"
    if path.is_file() and path.stat().st_size == 0:
        return f"--data '{source}' is an empty file"
    if path.is_dir() and not any(path.iterdir()):
        return f"--data '{source}' is an empty folder"
    if any(not is_utf8(file) for file in tables_at(path, (".csv", ".tsv", ".txt"))):
        return f"'{source}' is not UTF-8 text: save it as UTF-8"
    return f"'{source}' holds no series" + (f" that the format {name} reads" if name else "")
