"""Columns of a table by role (times, sensors, channels, units, values), and names and units of channels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cityzoo.data.series.csv_sniffer import normalize
from cityzoo.data.series.csv_table import Table
from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions, split_names
from cityzoo.data.series.time_columns import find_time_columns
from cityzoo.errors import InputError, unknown

COUNTERS = ("", "no", "index", "row", "entry id", "unnamed: 0")  # columns that number the rows
CHANNEL_NAMES = ("channel", "parameter", "pollutant", "air pollutant", "variable", "metric", "quantity")
SENSOR_NAMES = tuple(
    word + end
    for word in (
        "sensor", "station", "detector", "det", "node", "site", "location", "link", "segment", "device", "counter",
        "loop", "camera", "monitor", "meter", "vds", "count point", "edge", "lane", "detektor", "messstelle",
        "messstation", "zaehlstelle", "z\u00e4hlstelle", "estacion", "estaci\u00f3n", "capteur",
    )
    for end in ("", "id", "name", "code", "index", "number", "num", "nr")
) + ("sampling point", "air quality station eoi code", "air quality station", "interval id", "id")  # fmt: skip
LATITUDES, LONGITUDES = ("latitude", "lat"), ("longitude", "lon", "lng")
VALUE_NAMES = ("value", "measurement", "reading", "concentration")
UNIT_NAMES = ("unit", "units", "unit of measurement")
VALID_NAMES = ("validity",)  # below 1: not valid, as in the downloads of the EEA
KNOWN = ("speed", "flow", "occupancy", "volume", "pm25", "pm10", "no2", "o3", "temperature")
REPEATED = 0.6  # times over rows, at most, where each time is written once for each sensor
UNIQUE = 0.9  # share of the rows that time and sensor identify


class LongColumns(NamedTuple):
    """Positions of the columns of a long table, None or () where there are none."""

    time: tuple[int, ...]
    sensor: int
    channel: int | None
    unit: int | None
    places: tuple[int, ...]
    values: tuple[int, ...]
    valid: int | None = None
    times: tuple[int, ...] = ()  # further columns of times

    @property
    def text(self) -> list[int]:
        """Columns to read as text."""
        return [
            each
            for each in (*self.time, self.sensor, self.channel, self.unit, *self.times)
            if each is not None
        ]


def find_column(words: Sequence[str], names: Sequence[str]) -> int | None:
    """Return the position of the first of some names that is among the words, spaces aside, or None."""
    squeezed = [re.sub(r"\W", "", word) for word in words]
    wanted = (re.sub(r"\W", "", name) for name in names)
    return next((squeezed.index(name) for name in wanted if name and name in squeezed), None)


def find_named(names: Sequence[str], wanted: Sequence[str], flag: str) -> tuple[int, ...]:
    """Return the positions of columns that a flag names.

    Raises:
        InputError: no such column.
    """
    for name in wanted:
        if name not in names:
            raise unknown(f"column of {flag}", name, names)
    return tuple(list(names).index(name) for name in wanted)


def find_long_columns(
    names: Sequence[str],
    rows: Sequence[Sequence[str]] = (),
    sensor: int | None = None,
    time: Sequence[int] = (),
) -> LongColumns | None:
    """Return the columns of a long table, None if these are not the names of one.

    Args:
        rows: fields of some rows, to tell columns of times by what they hold.
        sensor: position of the column of sensors, if its name does not tell.
        time: positions of the columns of times, if names and fields do not tell.
    """
    words = [normalize(name) for name in names]
    found = find_time_columns(names, rows)
    time = tuple(time) or found.used
    times = tuple(n for n in (*found.used, *found.others) if n not in time)
    sensor = find_column(words, SENSOR_NAMES) if sensor is None else sensor
    if not time or sensor is None:
        return None
    channel, unit, valid = (find_column(words, each) for each in (CHANNEL_NAMES, UNIT_NAMES, VALID_NAMES))
    latitude, longitude = find_column(words, LATITUDES), find_column(words, LONGITUDES)
    places = () if latitude is None or longitude is None else (latitude, longitude)
    taken = {*times, *time, sensor, channel, unit, valid, *places}
    values = [n for n, word in enumerate(words) if n not in taken and not (n == 0 and word in COUNTERS)]
    if channel is not None or unit is not None:
        named = [n for n in values if words[n] in VALUE_NAMES][:1]
        values = named or ([] if channel is not None else values)
    if not values:
        return None
    return LongColumns(time, sensor, channel, unit, places, tuple(values), valid, times)


def find_sensor_column(table: Table, times: np.ndarray, columns: Sequence[int]) -> int | None:
    """Return the column that tells which sensor a row is of, None if each time is written about once.

    Args:
        times: (R,) datetime64[s] of the rows.
        columns: those that may be it.

    Raises:
        InputError: no column, or several, tell rows of the same time apart.
    """
    import pandas

    rows = len(times)
    moments, of = np.unique(times, return_inverse=True)
    if len(moments) > REPEATED * rows or table.frame.duplicated().sum() >= rows - len(moments):
        return None
    most, fitting = int(np.bincount(of).max()), []
    for column in columns:
        codes, names = pandas.factorize(table.frame[column])
        pairs = len(np.unique(of * (len(names) + 1) + codes))
        if 2 <= len(names) <= 2 * most and codes.min() >= 0 and pairs >= UNIQUE * rows:
            fitting.append(column)
    text = [column for column in fitting if table.frame[column].dtype.kind not in "fiu"]
    fitting = text if len(text) == 1 else fitting
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(table.names[column] for column in (fitting or columns))
    raise InputError(
        f"{table.origin.files[0]}: each time is written up to {most} times, as for several sensors: name the column of "
        f"the sensors with --sensor-column NAME (or NAME,NAME), out of {listed[:200]}"
    )


def select_channels(names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Return the positions of some channels, of all for None.

    Raises:
        InputError: unknown channel.
    """
    return [find_channel(names, name) for name in wanted or names]


def find_channel(names: Sequence[str], wanted: str, what: str = "channel") -> int:
    """Return the position of a channel; letters and digits count, so that pm25 is PM2.5.

    Raises:
        InputError: unknown channel, or one that fits several.

    Example:
        >>> find_channel(("TEMP", "PM2.5"), "pm25")
        1
    """
    if wanted in names:
        return list(names).index(wanted)
    plain = [re.sub(r"[\W_]", "", name.lower()) for name in names]
    fitting = [n for n, name in enumerate(plain) if name == re.sub(r"[\W_]", "", wanted.lower())]
    if len(fitting) != 1:
        raise unknown(what, wanted, names)
    return fitting[0]


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
                raise unknown("channel of --unit", str(name), channels)
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
