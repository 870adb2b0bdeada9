"""Tables as series: wide ones, a column a sensor, and long ones, a row a sensor and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.series.columns import (
    COUNTERS,
    VALUE_NAMES,
    Columns,
    chosen,
    date_and_time,
    long_columns,
)
from cityzoo.data.series.csv_sniffer import is_time_word, looks_like_time, plain
from cityzoo.data.series.csv_table import Table, numbers
from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.data.series.timestamps import read_parts, read_times, time_parts
from cityzoo.errors import InputError


def from_long(table: Table, wishes: SeriesOptions) -> RawSeries:
    """Return a long table as rows of numbers, each sensor a track; with a column of channels, each of its channels.

    Sensors and channels come in the order that they are first named in.

    Raises:
        InputError: a channel that is not there, text among numbers, rows without sensor, times that are none.
    """
    columns = long_columns(table.names)
    if columns.channel is not None:
        return _from_channels_below(table, columns, wishes)
    names = [table.names[column] for column in columns.values]
    named = len(names) > 1 or plain(names[0]) not in VALUE_NAMES
    kept = chosen(names, wishes.channel) if named else [0]
    values = numbers(
        table, [columns.values[n] for n in kept], f"; or name the columns to read: --channel {names[0]},..."
    )
    channels = tuple(names[n] for n in kept) if named else (NOT_NAMED,)
    sensors, track = _named(table, columns.sensor)
    units = (
        _units(table, columns.unit, np.zeros(len(track), np.int64), channels) if len(channels) == 1 else {}
    )
    raw = RawSeries(
        values, sensors, channels, tuple(names[n] for n in kept), named, table.origin, track, units=units
    )
    return replace(raw, places=_places(table, columns, track, len(sensors)), **_times(table, columns.time))


def _from_channels_below(table: Table, columns: Columns, wishes: SeriesOptions) -> RawSeries:
    """A long table with a column that names the channel: each sensor's channel is a track."""
    channels, of_channel = _named(table, columns.channel)
    kept = chosen(channels, wishes.channel)
    rows = np.flatnonzero(np.isin(of_channel, kept))
    table, of_channel = table.rows(rows), of_channel[rows]
    units = _units(table, columns.unit, of_channel, channels)
    sensors, of_sensor = _named(table, columns.sensor)
    rank = {channel: place for place, channel in enumerate(kept)}
    track = of_sensor * len(kept) + np.array([rank[each] for each in of_channel])
    values, names = numbers(table, columns.values), tuple(channels[n] for n in kept)
    raw = RawSeries(
        values, sensors, names, (table.names[columns.values[0]],), True, table.origin, track, units=units
    )
    return replace(
        raw, places=_places(table, columns, of_sensor, len(sensors)), **_times(table, columns.time)
    )


def from_wide(table: Table) -> RawSeries:
    """Return a wide table as one track of rows; its first column may be times or count rows.

    Raises:
        InputError: text among numbers, times that are none, two columns of one name.
    """
    time, values = wide_columns(table)
    sensors = tuple(table.names[column] for column in values)
    again = next((name for place, name in enumerate(sensors) if name in sensors[:place]), None)
    if again is not None:
        raise InputError(
            f"{table.origin.files[0]}: two columns are called '{again}': give each sensor its own name"
        )
    raw = RawSeries(numbers(table, values), sensors, (NOT_NAMED,), sensors, False, table.origin)
    return replace(raw, **_times(table, time)) if time else raw


def wide_columns(table: Table) -> tuple[tuple[int, ...], list[int]]:
    """Return the positions of the columns of times, () for none, and of the sensors' columns."""
    words = [plain(name) for name in table.names]
    time = time_parts(words) or date_and_time(words, [0] if _holds_times(table, words[0]) else [])
    sensors = [n for n, word in enumerate(words) if n not in time and not (n == 0 and word in COUNTERS)]
    return tuple(time), sensors


def _holds_times(table: Table, word: str) -> bool:
    first = table.frame[0]
    return is_time_word(word) or first.dtype.kind == "M" or looks_like_time(str(first.iloc[0]))


def _times(table: Table, columns: Sequence[int]) -> dict:
    """What a raw series says of its times."""
    frame, names = table.frame, [table.names[column] for column in columns]
    if len(columns) > 2:  # year, month, day, ...
        parts = frame[list(columns)].set_axis([plain(name) for name in names], axis=1)
        found = read_parts(parts, table.origin)
    elif len(columns) == 2:
        found = read_times(
            frame[columns[0]].astype(str) + " " + frame[columns[1]].astype(str), table.origin, names[0]
        )
    else:
        found = read_times(frame[columns[0]], table.origin, names[0])
    notes = dict.fromkeys(found.notes, table.origin.files[:1])
    return {"times": found.times, "zoned": found.zoned, "timezone": found.timezone, "notes": notes}


def _named(table: Table, column: int) -> tuple[tuple[str, ...], np.ndarray]:
    """The names in a column in the order that they first come in, and which of them each row has."""
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
    """The unit of each channel, as a column of units says."""
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


def _places(table: Table, columns: Columns, of_sensor: np.ndarray, count: int) -> np.ndarray | None:
    if not columns.places:
        return None
    places = np.full((count, 2), np.nan)
    places[of_sensor] = numbers(table, columns.places)
    return places
