"""HDF5 as written by pandas (`DataFrame.to_hdf`, format "fixed"), one column per sensor: METR-LA and PEMS-BAY.

A group has `axis0`, the column names; `axis1`, the times, as whole nanoseconds (or the unit of its `kind`) since 1970;
and for each dtype `block0_items`, names, and `block0_values` (time, column). It is read without PyTables; the pickled
attributes that pandas adds are never opened, since pickles run code.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.data.series.columns import select_channels
from cityzoo.data.series.csv_sniffer import find_tables
from cityzoo.data.series.damage import refuse_damage, require_bounded
from cityzoo.data.series.quantities import is_one_station, quantity_of
from cityzoo.data.series.raw import NOT_NAMED, Origin, RawSeries, SeriesOptions
from cityzoo.errors import DAMAGE, InputError

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".h5", ".hdf5", ".hdf")
_KIND = re.compile(r"datetime64(?:\[(s|ms|us|ns)\])?")
_BLOCK = re.compile(r"block\d+_values")
_CSV = "write it as CSV: pandas.read_hdf(FILE).to_csv('FILE.csv')"


def matches(source: str) -> bool:
    """Return whether `source` is an HDF5 file with pandas frames, or a folder with one."""
    return any(_frames_in(file) for file in find_tables(Path(source), SUFFIXES))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read the frame of an HDF5 file.

    The group's name is the channel, except "df", "data" and "table".

    Raises:
        InputError: several files or frames, frames in pandas' format "table", an index without times, compression
            that needs PyTables.
    """
    files = [file for file in find_tables(Path(source), SUFFIXES) if _frames_in(file)]
    frames = [(file, name) for file in files for name in _frames_in(file)]
    if len(frames) > 1:
        shown = " and ".join(f"{file.name}/{name}" for file, name in frames[:2])
        raise InputError(f"'{source}' holds {len(frames)} frames ({shown}): give a file with one")
    import h5py

    file, name = frames[0]
    place = f"{file}, group '{name}'"
    with (
        refuse_damage(place, f"or it needs a compression filter of PyTables: {_CSV}"),
        h5py.File(file) as opened,
    ):
        group = opened[name]
        if "axis1" not in group:
            raise InputError(f"{place} is a frame in pandas' format 'table': {_CSV}")
        values, sensors = _values(group, place)
        index = _read(group, "axis1", place)
        times = _times(index, _word(group["axis1"], "kind"), place)
        timezone = None if times is None else _word(group["axis1"], "tz") or None
    channel = name.rpartition("/")[2]
    channels = (NOT_NAMED if channel in ("df", "data", "table") else channel,)
    origin, zoned = Origin((str(file),)), timezone is not None
    raw = RawSeries(values, sensors, channels, sensors, False, origin, None, times, zoned, timezone)
    if not is_one_station(sensors, str(file)):
        return raw
    kept = select_channels(sensors, options.channel or [name for name in sensors if quantity_of(name)[0]])
    names = tuple(sensors[n] for n in kept)
    return replace(
        raw, values=values[:, kept], sensors=(file.stem,), channels=names, columns=names, named=True
    )


def _frames_in(file: Path) -> list[str]:
    """Return the names of the groups that pandas wrote as frames; [] if there are none or the file cannot be read."""
    import h5py

    try:
        with h5py.File(file) as opened:
            found = []
            opened.visititems(lambda name, item: found.append(name) if _is_frame(item) else None)
            return found
    except DAMAGE:
        return []


def _is_frame(item: h5py.Group | h5py.Dataset) -> bool:
    return _word(item, "pandas_type") in ("frame", "frame_table") or (
        hasattr(item, "keys") and {"axis0", "axis1", "block0_values"} <= set(item)
    )


def _word(item: h5py.Group | h5py.Dataset, name: str) -> str:
    """Return a text attribute, "" if there is none or it is pickled."""
    value = item.attrs.get(name, b"")
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    text = value if isinstance(value, str) else ""
    return "" if text.endswith(".") or "\n" in text else text


def _read(group: h5py.Group, name: str, place: str) -> np.ndarray:
    """Return an array that lies in this file, of bounded size."""
    import h5py

    found = group[name] if isinstance(group.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise InputError(f"{place}: '{name}' is not an array in this file: {_CSV}")
    require_bounded(found.size * found.dtype.itemsize, found.id.get_storage_size(), f"{place}: '{name}'")
    return found[()]


def _values(group: h5py.Group, place: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return (T, N) float64 and the names of the N columns."""
    sensors = _names(_read(group, "axis0", place))
    where = {name: number for number, name in enumerate(sensors)}
    if len(where) != len(sensors):
        raise InputError(f"{place}: two columns have the same name: give each sensor its own")
    blocks = {name: _read(group, name, place) for name in filter(_BLOCK.fullmatch, group)}
    values = np.full((len(next(iter(blocks.values()), ())), len(sensors)), np.nan)
    for block, numbers in blocks.items():
        names = _names(_read(group, block.replace("values", "items"), place))
        if numbers.dtype.kind not in "fiu":
            raise InputError(f"{place}: column {names[0]} is not numeric: leave it out")
        values[:, [where[name] for name in names]] = numbers
    return values, sensors


def _names(names: np.ndarray) -> tuple[str, ...]:
    return tuple(each.decode() if isinstance(each, bytes) else str(each) for each in names.tolist())


def _times(numbers: np.ndarray, written: str, place: str) -> np.ndarray | None:
    """Return times, None if rows are only numbered."""
    kind = _KIND.fullmatch(written or "datetime64")
    if numbers.dtype.kind not in "iu" or (kind is None and (numbers != np.arange(len(numbers))).any()):
        raise InputError(
            f"{place}: the index has no times ({numbers.dtype}): give the frame an index of times"
        )
    if kind is None:
        return None
    return numbers.astype(f"datetime64[{kind[1] or 'ns'}]").astype("datetime64[s]")
