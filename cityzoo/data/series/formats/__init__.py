"""Formats of sensor data, one module each, named after the format.

A format is a module with two functions; nothing else needs to be edited to add one:

    matches(source: str) -> bool                              whether the source has this format; cheap, never raises
    read(source: str, options: SeriesOptions) -> RawSeries    read it as it was written; raises InputError

Checks and the regular grid of times are common to all formats: `cityzoo.data.series.load`.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from pathlib import Path
from types import ModuleType

from cityzoo.data.files import require_file
from cityzoo.data.series.csv_sniffer import find_tables, is_utf8
from cityzoo.data.series.raw import RawSeries, SeriesOptions
from cityzoo.errors import InputError, unknown

_EXPECTED = (
    "expected CSV or Parquet, wide (one column per sensor) or long (time, sensor, value), .npz with an array data "
    "(time, sensor, channel), .h5 written by pandas, or text of PeMS"
)


def names() -> tuple[str, ...]:
    """Return the names of all formats.

    Example:
        >>> names()
        ('hdf5', 'long', 'npz', 'parquet', 'pems_text', 'wide')
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find(source: str, name: str | None = None) -> tuple[str, ModuleType]:
    """Return the name and module of the format of `source`, detected unless it is named.

    Raises:
        InputError: no such source, unknown format, no matching format or several.
    """
    if name is not None and name not in names():
        raise unknown("format", name, names())
    if os.path.exists(source) and not os.path.isdir(source):
        require_file(source)
    modules = {each: importlib.import_module(f"{__name__}.{each}") for each in ([name] if name else names())}
    fitting = [each for each, module in modules.items() if module.matches(source)]
    if len(fitting) > 1:
        raise InputError(
            f"'{source}' has series as {' and '.join(fitting)}: name one with --format {fitting[0]}, or give a file"
        )
    if not fitting:
        raise InputError(f"{_what_is_there(source, name)}; {_EXPECTED}")
    return fitting[0], modules[fitting[0]]


def read(source: str, options: SeriesOptions, name: str | None = None) -> tuple[str, RawSeries]:
    """Return the name of the format, detected unless it is named, and the raw series of `source`.

    Raises:
        InputError: see `find`, or data that cannot be read.
    """
    name, module = find(source, name)
    raw = module.read(source, options)
    return "long" if name == "wide" and raw.track is not None else name, raw


def _what_is_there(source: str, name: str | None) -> str:
    path = Path(source)
    if not path.exists():
        return f"--data '{source}' does not exist: give a file or folder"
    if path.is_file() and path.stat().st_size == 0:
        return f"--data '{source}' is an empty file"
    if path.is_dir() and not any(path.iterdir()):
        return f"--data '{source}' is an empty folder"
    if any(not is_utf8(file) for file in find_tables(path, (".csv", ".tsv", ".txt"))):
        return f"'{source}' is not UTF-8 text: save it as UTF-8"
    return f"'{source}' has no series" + (f" in the format {name}" if name else "")
