"""Columns of a table by role (times, sensors, channels, units, values), and names and units of channels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cityzoo.data.series.csv_sniffer import is_time_name, normalize
from cityzoo.data.series.csv_table import Table
from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.data.series.timestamps import read_parts, read_times, time_parts
from cityzoo.errors import InputError, unknown

COUNTERS = ("", "no", "index", "row", "unnamed: 0")  # columns that number the rows
CHANNEL_NAMES = ("channel", "parameter", "pollutant", "variable", "metric", "quantity")
SENSOR_NAMES = tuple(
    f"{word}{end}"
    for word in ("sensor", "station", "detector", "node", "site", "location", "link", "segment", "device")
    for end in ("", " id", " name", " code", "id")
) + ("id",)
LATITUDES, LONGITUDES = ("latitude", "lat"), ("longitude", "lon", "lng")
VALUE_NAMES = ("value", "measurement", "reading", "concentration")
UNIT_NAMES = ("unit", "units")
KNOWN = ("speed", "flow", "occupancy", "volume", "pm25", "pm10", "no2", "o3", "temperature")


class LongColumns(NamedTuple):
    """Positions of the columns of a long table, None or () where there are none."""

    time: tuple[int, ...]
    sensor: int
    channel: int | None
    unit: int | None
    places: tuple[int, ...]
    values: tuple[int, ...]

    @property
    def text(self) -> list[int]:
        """Columns to read as text."""
        return [each for each in (*self.time, self.sensor, self.channel, self.unit) if each is not None]


def find_column(words: Sequence[str], names: Sequence[str]) -> int | None:
    """Return the position of the first of some names that is among the words, or None."""
    return next((words.index(name) for name in names if name in words), None)


def find_long_columns(names: Sequence[str]) -> LongColumns | None:
    """Return the columns of a long table, None if these are not the names of one."""
    words = [normalize(name) for name in names]
    times = [n for n, word in enumerate(words) if is_time_name(word)]
    time = time_parts(words) or find_date_and_time(words, times)
    sensor = find_column(words, SENSOR_NAMES)
    if not time or sensor is None:
        return None
    channel, unit = find_column(words, CHANNEL_NAMES), find_column(words, UNIT_NAMES)
    latitude, longitude = find_column(words, LATITUDES), find_column(words, LONGITUDES)
    places = () if latitude is None or longitude is None else (latitude, longitude)
    taken = {*times, *time, sensor, channel, unit, *places}
    values = [n for n, word in enumerate(words) if n not in taken and word not in COUNTERS]
    if channel is not None:
        values = [n for n in values if words[n] in VALUE_NAMES][:1]
    return LongColumns(tuple(time), sensor, channel, unit, places, tuple(values)) if values else None


def find_date_and_time(words: Sequence[str], times: Sequence[int]) -> list[int]:
    """Return the columns "date" and "time" if both are there, else the first of some time columns."""
    apart = [words.index(each) for each in ("date", "time") if each in words]
    return apart if len(apart) == 2 else list(times[:1])


def parse_time_columns(table: Table, columns: Sequence[int]) -> dict[str, Any]:
    """Return the fields of a `RawSeries` about times, from one column, date and time, or year, month, day, ..."""
    frame, names = table.frame, [table.names[column] for column in columns]
    if len(columns) > 2:
        parts = frame[list(columns)].set_axis([normalize(name) for name in names], axis=1)
        found = read_parts(parts, table.origin)
    elif len(columns) == 2:
        text = frame[columns[0]].astype(str) + " " + frame[columns[1]].astype(str)
        found = read_times(text, table.origin, names[0])
    else:
        found = read_times(frame[columns[0]], table.origin, names[0])
    notes = dict.fromkeys(found.notes, table.origin.files[:1])
    return {"times": found.times, "zoned": found.zoned, "timezone": found.timezone, "notes": notes}


def select_channels(names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Return the positions of some channels, of all for None.

    Raises:
        InputError: unknown channel.
    """
    for name in wanted or ():
        if name not in names:
            raise unknown("channel", name, names)
    return [list(names).index(name) for name in wanted or names]


def split_names(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return names given as a sequence, or as text with commas.

    Example:
        >>> split_names("pm25, wind"), split_names(["pm25"])
        (('pm25', 'wind'), ('pm25',))
    """
    return tuple(each.strip() for each in text.split(",")) if isinstance(text, str) else tuple(map(str, text))


def channel_names(raw: RawSeries, options: SeriesOptions) -> tuple[str, ...]:
    """Return the names of the channels: those of the source, else those given, else one found in the file's name.

    Raises:
        InputError: wrong number of names.
    """
    if raw.named:
        return raw.channels
    if options.channel is not None:
        if len(options.channel) != len(raw.channels):
            raise InputError(
                f"--channel names {','.join(options.channel)}, '{raw.origin.files[0]}' has {len(raw.channels)} unnamed "
                "channels: give as many names"
            )
        return tuple(options.channel)
    words = re.split(r"[\W_]+", Path(raw.origin.files[0]).stem.lower())
    found = [word for word in KNOWN if word in words]
    return (found[0],) if raw.channels == (NOT_NAMED,) and len(found) == 1 else raw.channels


def channel_units(
    channels: Sequence[str], given: str | Sequence[str] | Mapping[str, str] | None, found: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the unit of each channel, "" if unknown.

    Args:
        given: of the only channel, or of each in order, or by name.

    Raises:
        InputError: wrong number of units, or a unit of an unknown channel.

    Example:
        >>> channel_units(("flow", "speed"), {"speed": "mph"}, {}), channel_units(("speed",), "km/h", {})
        (('', 'mph'), ('km/h',))
    """
    if isinstance(given, Mapping):
        for name in given:
            if name not in channels:
                raise unknown("channel of --unit", name, channels)
        return tuple(str(given.get(name, found.get(name, ""))) for name in channels)
    if given is None:
        return tuple(str(found.get(name, "")) for name in channels)
    units = split_names(given)
    if len(units) != len(channels):
        raise InputError(
            f"--unit gives {len(units)} units ({', '.join(units)}) for {len(channels)} channels ({', '.join(channels)})"
            ": give one for each"
        )
    return units
