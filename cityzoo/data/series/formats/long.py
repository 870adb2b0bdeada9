"""CSV with one row per sensor and time; the header names the columns.

    time,station,pm25,temperature        or        time,sensor,channel,value
    2012-03-01 00:00,Aotizhong,4,-0.7              2012-03-01 00:00,Aotizhong,pm25,4

Times may be split into year, month, day, hour, or date, time. `unit`, `latitude` and `longitude` are read if present;
other columns are channels. The files of a folder with the same columns are concatenated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cityzoo.data.series.columns import (
    VALUE_NAMES,
    LongColumns,
    find_long_columns,
    parse_time_columns,
    select_channels,
)
from cityzoo.data.series.csv_sniffer import CsvPreview, find_tables, normalize, sniff_csv
from cityzoo.data.series.csv_table import Table, read_csv, to_numbers
from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.errors import InputError

SUFFIXES = (".csv", ".tsv", ".txt")


def matches(source: str) -> bool:
    """Return whether `source` is a table with columns of times and sensors, or a folder with such tables."""
    return any(_files(Path(source)))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read one long table, or all in a folder.

    Raises:
        InputError: tables of other columns, or see `from_long`.
    """
    files, previews, columns = zip(*_files(Path(source)), strict=True)
    return from_long(read_csv(files, previews, columns[0].text), columns[0], options)


def _files(path: Path) -> Iterator[tuple[Path, CsvPreview, LongColumns]]:
    for each in find_tables(path, SUFFIXES, measurements=True):
        preview = sniff_csv(each)
        columns = preview and find_long_columns(preview.header)
        if preview and columns:
            yield each, preview, columns


def from_long(table: Table, columns: LongColumns, options: SeriesOptions) -> RawSeries:
    """Return a long table as raw rows, one track per sensor, or per sensor and channel if a column names the channel.

    Sensors and channels keep the order of their first rows.

    Raises:
        InputError: an unknown channel, text among numbers, rows without a sensor, times that cannot be parsed.
    """
    if columns.channel is None:
        names = [table.names[column] for column in columns.values]
        named = len(names) > 1 or normalize(names[0]) not in VALUE_NAMES
        kept = select_channels(names, options.channel) if named else [0]
        hint = f"; or name the columns to read: --channel {names[0]},..."
        values = to_numbers(table, [columns.values[n] for n in kept], hint)
        channels = tuple(names[n] for n in kept) if named else (NOT_NAMED,)
        written, of_channel = tuple(names[n] for n in kept), np.zeros(len(values), np.int64)
        units = _units(table, columns.unit, of_channel, channels) if len(channels) == 1 else {}
    else:
        channels, of_channel = _factorize(table, columns.channel)
        kept, named = select_channels(channels, options.channel), True
        written = (table.names[columns.values[0]],)
        rows = np.flatnonzero(np.isin(of_channel, kept))
        table, of_channel = table.take(rows), of_channel[rows]
        units = _units(table, columns.unit, of_channel, channels)
        values, channels = to_numbers(table, columns.values), tuple(channels[n] for n in kept)
        of_channel = (np.array(kept)[:, None] == of_channel).argmax(0)
    sensors, track = _factorize(table, columns.sensor)
    places = None
    if columns.places:
        places = np.full((len(sensors), 2), np.nan)
        places[track] = to_numbers(table, columns.places)
    if columns.channel is not None:
        track = track * len(kept) + of_channel
    raw = RawSeries(
        values, sensors, channels, written, named, table.origin, track, units=units, places=places
    )
    return replace(raw, **parse_time_columns(table, columns.time))


def _factorize(table: Table, column: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names in a column, in order of appearance, and the number of each row's name."""
    import pandas

    text = table.frame[column]
    empty = text.isna() | (text.astype(str).str.strip() == "")
    if empty.any():
        raise InputError(
            f"{table.origin.place(int(np.argmax(empty)))}, column '{table.names[column]}': no name: write it"
        )
    codes, names = pandas.factorize(text.astype(str).str.strip())
    return tuple(map(str, names)), codes.astype(np.int64)


def _units(
    table: Table, column: int | None, of_channel: np.ndarray, channels: Sequence[str]
) -> dict[str, str]:
    """Return the unit of each channel, from a column of units."""
    if column is None:
        return {}
    import pandas

    codes, names = pandas.factorize(table.frame[column].fillna("").astype(str).str.strip())
    units: dict[str, str] = {}
    for row in np.sort(np.unique(of_channel * len(names) + codes, return_index=True)[1]):
        channel, unit = channels[of_channel[row]], str(names[codes[row]])
        if units.setdefault(channel, unit) != unit:
            raise InputError(
                f"{table.origin.place(int(row))}: {channel} is in '{unit}', in '{units[channel]}' above: convert it to "
                "one unit"
            )
    return units
