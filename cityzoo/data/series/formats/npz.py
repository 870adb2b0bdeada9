"""NumPy's .npz in the layout of PEMS03, PEMS04, PEMS07 and PEMS08: an array `data` (time, sensor, channel).

Three channels are flow (vehicles per step), occupancy (share of time that a vehicle is over the loop) and speed.
There are no times and no names: give `--start` and `--step`; sensors are numbered from 0, as in the lists of
distances that come with these files.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from cityzoo.data.series.columns import select_channels
from cityzoo.data.series.csv_sniffer import find_tables, require_one
from cityzoo.data.series.damage import refuse_damage, require_bounded
from cityzoo.data.series.raw import NOT_NAMED, Origin, RawSeries, SeriesOptions
from cityzoo.errors import DAMAGE, InputError

ARRAY = "data"
CHANNELS = ("flow", "occupancy", "speed")


def matches(source: str) -> bool:
    """Return whether `source` is an .npz file with an array `data`, or a folder with one."""
    return bool(_files(Path(source)))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read the array of an .npz file.

    Raises:
        InputError: several such files in a folder, wrong shape, not numeric.
    """
    file = require_one(source, _files(Path(source)))
    data = _data(file)
    named = data.shape[2] == len(CHANNELS)
    channels = CHANNELS if named else tuple(f"{NOT_NAMED}{number or ''}" for number in range(data.shape[2]))
    if named:
        kept = select_channels(channels, options.channel)
        data, channels = data[:, :, kept], tuple(channels[number] for number in kept)
    names = tuple(map(str, range(data.shape[1])))
    columns = tuple(f"{name} {channel}" for name in names for channel in channels)
    return RawSeries(data.reshape(len(data), -1), names, channels, columns, named, Origin((str(file),)))


def _files(path: Path) -> list[Path]:
    return [each for each in find_tables(path, (".npz",), measurements=True) if _holds_data(each)]


def _holds_data(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return f"{ARRAY}.npy" in archive.namelist()
    except DAMAGE:
        return False


def _data(file: Path) -> np.ndarray:
    with refuse_damage(f"{file}: the array '{ARRAY}'", "write it as numbers with numpy.savez"):
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(f"{ARRAY}.npy")
            require_bounded(info.file_size, info.compress_size, file)
        with np.load(file, allow_pickle=False) as arrays:
            data = arrays[ARRAY]
    if data.ndim == 2:
        data = data[..., None]
    if data.ndim != 3 or not data.size or data.dtype.kind not in "fiu":
        raise InputError(
            f"{file}: the array '{ARRAY}' is {data.dtype} of shape {data.shape}, expected numbers of "
            "(time, sensor, channel)"
        )
    return data.astype(np.float64)
