"""HDF5 as pandas writes frames (`DataFrame.to_hdf`, format "fixed"): METR-LA's and PEMS-BAY's, a column a sensor.

A group holds `axis0`, the names of the columns; `axis1`, the times, as whole nanoseconds (or what its `kind` says)
since 1970; and for each kind of numbers `block0_items`, names, and `block0_values` (time, column). It is read without
PyTables; the pickled attributes that pandas adds are never opened, since pickles run code.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.data.series.csv_sniffer import tables_at
from cityzoo.data.series.raw import NOT_NAMED, Origin, RawSeries, SeriesOptions
from cityzoo.errors import InputError

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".h5", ".hdf5", ".hdf")
_KIND = re.compile(r"datetime64(?:\[(s|ms|us|ns)\])?")
_BLOCK = re.compile(r"block\d+_values")
_CSV = "write it as CSV: pandas.read_hdf(FILE).to_csv('FILE.csv')"


def matches(source: str) -> bool:
    """Tell whether `source` is an HDF5 file with frames of pandas, or a folder with one."""
    return any(_frames_in(file) for file in tables_at(Path(source), SUFFIXES))


def read(source: str, wishes: SeriesOptions) -> RawSeries:
    """Return the frame of an HDF5 file.

    The group's name is the channel's, except "df", which says nothing.

    Raises:
        InputError: several files or frames, frames in pandas' format "table", an index that is no time, compression
            that only PyTables has.
    """
    files = [file for file in tables_at(Path(source), SUFFIXES) if _frames_in(file)]
    frames = [(file, name) for file in files for name in _frames_in(file)]
    if len(frames) > 1:
        shown = " and ".join(f"{file.name}/{name}" for file, name in frames[:2])
        raise InputError(f"'{source}' holds {len(frames)} frames ({shown}): give a file with one")
    import h5py

    file, name = frames[0]
    with h5py.File(file) as opened:
        group, place = opened[name], f"{file}, group '{name}'"
        if "axis1" not in group:
            raise InputError(f"{place} is a frame in pandas' format 'table': {_CSV}")
        try:
            values, sensors = _values(group, place)
            times, timezone = _times(group["axis1"], place)
        except OSError as error:  # a filter of PyTables, blosc or lzo
            raise InputError(f"{place} is compressed in a way that HDF5 alone cannot undo: {_CSV}") from error
    channel = name.rpartition("/")[2]
    channels = (NOT_NAMED if channel in ("df", "data", "table") else channel,)
    origin, zoned = Origin((str(file),)), timezone is not None
    return RawSeries(values, sensors, channels, sensors, False, origin, None, times, zoned, timezone)


def _frames_in(file: Path) -> list[str]:
    """Names of the groups that pandas wrote as frames; [] where there are none or the file cannot be read."""
    import h5py

    try:
        with h5py.File(file) as opened:
            found = []
            opened.visititems(lambda name, item: found.append(name) if _is_frame(item) else None)
            return found
    except OSError:
        return []


def _is_frame(item: h5py.Group | h5py.Dataset) -> bool:
    return _word(item, "pandas_type") in ("frame", "frame_table") or (
        hasattr(item, "keys") and {"axis0", "axis1", "block0_values"} <= set(item)
    )


def _word(item: h5py.Group | h5py.Dataset, name: str) -> str:
    """An attribute that is text, "" for none; pickled ones are left shut."""
    value = item.attrs.get(name, b"")
    text = (
        value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else value
        if isinstance(value, str)
        else ""
    )
    return "" if text.endswith(".") or "\n" in text else text


def _values(group: h5py.Group, place: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """(T, N) float64 and the names of N columns, from one block or several."""
    sensors = _names(group["axis0"])
    where = {name: number for number, name in enumerate(sensors)}
    if len(where) != len(sensors):
        raise InputError(f"{place}: two columns have the same name: give each sensor its own")
    values = np.full((len(group["axis1"]), len(sensors)), np.nan)
    for block in filter(_BLOCK.fullmatch, group):
        if group[block].dtype.kind not in "fiu":
            raise InputError(
                f"{place}: {_names(group[block.replace('values', 'items')])[0]} holds no numbers: leave it out"
            )
        values[:, [where[name] for name in _names(group[block.replace("values", "items")])]] = group[block][
            ()
        ]
    return values, sensors


def _names(names: h5py.Dataset) -> tuple[str, ...]:
    return tuple(each.decode() if isinstance(each, bytes) else str(each) for each in names[()].tolist())


def _times(axis: h5py.Dataset, place: str) -> tuple[np.ndarray | None, str | None]:
    """Times and the zone that they are of, in which case they are UTC; None for rows that are only counted."""
    kind = _KIND.fullmatch(_word(axis, "kind") or "datetime64")
    numbers = axis[()]
    if numbers.dtype.kind not in "iu" or (kind is None and (numbers != np.arange(len(numbers))).any()):
        raise InputError(f"{place}: the index is no time ({axis.dtype}): give the frame an index of times")
    if kind is None:
        return None, None
    return numbers.astype(f"datetime64[{kind[1] or 'ns'}]").astype("datetime64[s]"), _word(axis, "tz") or None
