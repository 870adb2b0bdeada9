"""Tables as raw series: long (row per time and sensor), wide (column per sensor), or quantities of one station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cityzoo.data.series.columns import (
    COUNTERS,
    VALUE_NAMES,
    LongColumns,
    find_long_columns,
    find_named,
    find_sensor_column,
    select_channels,
)
from cityzoo.data.series.csv_sniffer import normalize
from cityzoo.data.series.csv_table import Table, is_text, to_numbers
from cityzoo.data.series.quantities import is_one_station, quantity_of
from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.data.series.time_columns import find_time_columns, parse_time_columns
from cityzoo.errors import InputError


def from_table(table: Table, options: SeriesOptions) -> RawSeries:
    """Return a table as raw rows, by the names of its columns, by --sensor-column and --time-column, or by its content.

    Raises:
        InputError: see `from_long` and `from_wide`; unknown names of columns.
    """
    table = table.trim()
    time = find_named(table.names, options.time_column or (), "--time-column")
    given = find_named(table.names, options.sensor_column or (), "--sensor-column")
    if len(given) > 1:
        table = table.join(given)
    sensor = len(table.names) - 1 if len(given) > 1 else given[0] if given else None
    columns = find_long_columns(table.names, table.sample(), sensor, time)
    if columns is not None and given:
        columns = columns._replace(values=tuple(n for n in columns.values if n not in given))
    if given and not (columns and columns.values):
        raise InputError(
            f"{table.origin.files[0]}: no columns of times and values next to --sensor-column: name the times with "
            "--time-column NAME (or DATE,TIME)"
        )
    time = time or find_time_columns(table.names, table.sample()).used
    empty = table.frame.isna().all(axis=1).to_numpy() if time else np.zeros(len(table.frame), bool)
    places = tuple(table.origin.place(int(row)) for row in np.flatnonzero(empty))
    table = table.take(np.flatnonzero(~empty)) if places else table
    raw = from_long(table, columns, options) if columns else from_wide(table, time, options)
    return replace(raw, notes={**raw.notes, "empty row": places})


def from_long(table: Table, columns: LongColumns, options: SeriesOptions) -> RawSeries:
    """Return a long table as raw rows, one track per sensor, or per sensor and channel if a column names the channel.

    Sensors and channels keep the order of their first rows. Columns without any number are left out.

    Raises:
        InputError: an unknown channel, text among numbers, rows without a sensor, times that cannot be parsed.
    """
    if columns.channel is None:
        values = [n for n in columns.values if not is_text(table, n)] or list(columns.values)
        names = [table.names[column] for column in values]
        named = len(names) > 1 or normalize(names[0]) not in VALUE_NAMES
        kept = select_channels(names, options.channel) if named else [0]
        used = [values[n] for n in kept]
        numbers = to_numbers(table, used, f"; or name the columns to read: --channels {names[0]},...")
        channels = written = tuple(names[n] for n in kept)
        channels = channels if named else (NOT_NAMED,)
        of_channel = np.zeros(len(numbers), np.int64)
        units = _units(table, columns.unit, of_channel, channels) if len(channels) == 1 else {}
    else:
        channels, of_channel = _factorize(table, columns.channel)
        kept, named, used = select_channels(channels, options.channel), True, [columns.values[0]]
        written = (table.names[used[0]],)
        rows = np.flatnonzero(np.isin(of_channel, kept))
        table, of_channel = table.take(rows), of_channel[rows]
        units = _units(table, columns.unit, of_channel, channels)
        numbers, channels = to_numbers(table, used), tuple(channels[n] for n in kept)
        of_channel = (np.array(kept)[:, None] == of_channel).argmax(0)
    sensors, track = _factorize(table, columns.sensor)
    places = None
    if columns.places:
        places = np.full((len(sensors), 2), np.nan)
        places[track] = to_numbers(table, columns.places)
    if columns.channel is not None:
        track = track * len(kept) + of_channel
    raw = RawSeries(
        numbers, sensors, channels, written, named, table.origin, track, units=units, places=places
    )
    roles = (columns.sensor, columns.channel, columns.unit, columns.valid, *columns.places)
    raw = _with_times(raw, table, columns.time, (*used, *(n for n in roles if n is not None)))
    return raw if columns.valid is None else _without_invalid(raw, table, columns.valid)


def from_wide(table: Table, time: Sequence[int], options: SeriesOptions) -> RawSeries:
    """Return a table without a column of sensors as one track of rows; its first column may number the rows.

    Args:
        time: positions of the columns of times.

    Raises:
        InputError: text among numbers, times that cannot be parsed, two columns of one name, or rows of several sensors
            without a column that tells them apart.
    """
    words, found = [normalize(name) for name in table.names], find_time_columns(table.names, table.sample())
    counter = [n for n, word in enumerate(words[:1]) if word in COUNTERS]
    values = [n for n in range(len(words)) if n not in (*time, *found.used, *found.others, *counter)]
    names = [table.names[column] for column in values]
    if time and len(values) > 1:
        times = parse_time_columns(table, time)["times"]
        sensor = None if times is None else find_sensor_column(table, times, values)
        columns = None if sensor is None else find_long_columns(table.names, table.sample(), sensor, time)
        if sensor is not None and columns is not None:
            raw = from_long(table, columns, options)
            return replace(raw, notes={**raw.notes, "sensor column": (f"'{table.names[sensor]}'",)})
    again = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if again is not None:
        raise InputError(
            f"{table.origin.files[0]}: two columns are called '{again}': give each sensor its own name"
        )
    if is_one_station(names, table.origin.files[0]):
        values = [n for n in values if not is_text(table, n)]
        names = [table.names[column] for column in values]
        known = [
            name for name in names if quantity_of(name)[0]
        ]  # not ids, uptimes, flags, unless they are named
        kept = select_channels(names, options.channel or known)
        values, channels = [values[n] for n in kept], tuple(names[n] for n in kept)
        numbers, station = to_numbers(table, values), (Path(table.origin.files[0]).stem,)
        raw = RawSeries(numbers, station, channels, channels, True, table.origin)
        raw = replace(raw, notes={"one station": (f"{len(channels)} channels",)})
    else:
        hint = "" if not time else "; or name the column of the sensors: --sensor-column NAME"
        sensors = tuple(names)
        raw = RawSeries(to_numbers(table, values, hint), sensors, (NOT_NAMED,), sensors, False, table.origin)
    return _with_times(raw, table, time, values)


def _with_times(raw: RawSeries, table: Table, time: Sequence[int], used: Sequence[int]) -> RawSeries:
    """Return rows with their times, and notes about the columns that have no role."""
    found = parse_time_columns(table, time) if time else {}
    numbering = [0] if normalize(table.names[0]) in COUNTERS else []
    unused = [name for n, name in enumerate(table.names) if n not in (*used, *time, *numbering)]
    notes = {**raw.notes, **found.pop("notes", {}), "unused column": tuple(f"'{name}'" for name in unused)}
    return replace(raw, notes=notes, **found)


def _without_invalid(raw: RawSeries, table: Table, column: int) -> RawSeries:
    """Return rows with NaN where a column says that they are not valid: below 1."""
    wrong = to_numbers(table, [column])[:, 0] < 1
    places = tuple(raw.origin.place(int(row)) for row in np.flatnonzero(wrong))
    return replace(
        raw, values=np.where(wrong[:, None], np.nan, raw.values), notes={**raw.notes, "not valid": places}
    )


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
