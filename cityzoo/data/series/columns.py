"""Where things are in a table of series, by the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cityzoo.data.series.csv_sniffer import (
    LATITUDES,
    LONGITUDES,
    SENSOR_NAMES,
    first_of,
    is_time_word,
    plain,
)
from cityzoo.data.series.timestamps import time_parts
from cityzoo.errors import unknown

COUNTERS = ("", "no", "index", "row", "unnamed: 0")  # columns that count rows
CHANNEL_NAMES = ("channel", "parameter", "pollutant", "variable", "metric", "quantity")
VALUE_NAMES = ("value", "measurement", "reading", "concentration")
UNIT_NAMES = ("unit", "units")


class Columns(NamedTuple):
    """Hold where things are in a long table: positions of columns, None or () where there are none."""

    time: tuple[int, ...]
    sensor: int | None
    channel: int | None
    unit: int | None
    places: tuple[int, ...]
    values: tuple[int, ...]

    @property
    def text(self) -> list[int]:
        """Columns that are read as text."""
        return [each for each in (*self.time, self.sensor, self.channel, self.unit) if each is not None]


def long_columns(names: Sequence[str]) -> Columns | None:
    """Return where things are in a long table, None where these are no names of one.

    Example:
        >>> long_columns(["time", "station", "pm25", "temperature"]).values
        (2, 3)
        >>> long_columns(["time", "773869", "767541"]) is None
        True
    """
    words = [plain(name) for name in names]
    time = time_parts(words) or date_and_time(
        words, [n for n, word in enumerate(words) if is_time_word(word)]
    )
    sensor = first_of(words, SENSOR_NAMES)
    if not time or sensor is None:
        return None
    channel, unit = first_of(words, CHANNEL_NAMES), first_of(words, UNIT_NAMES)
    places = [first_of(words, each) for each in (LATITUDES, LONGITUDES)]
    places = places if None not in places else []
    taken = {n for n, word in enumerate(words) if is_time_word(word)} | {
        *time,
        sensor,
        channel,
        unit,
        *places,
    }
    values = [n for n, word in enumerate(words) if n not in taken and word not in COUNTERS]
    if channel is not None:
        values = [n for n in values if words[n] in VALUE_NAMES][:1]
    return Columns(tuple(time), sensor, channel, unit, tuple(places), tuple(values)) if values else None


def date_and_time(words: Sequence[str], found: Sequence[int]) -> list[int]:
    """Return the columns of a date and a time of day that are apart, else the first of some columns of times.

    Example:
        >>> date_and_time(["station", "date", "time"], [1, 2]), date_and_time(["utc", "local time"], [0, 1])
        ([1, 2], [0])
    """
    apart = [words.index(each) for each in ("date", "time") if each in words]
    return apart if len(apart) == 2 else list(found[:1])


def chosen(names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Return the positions of the channels asked for, all where none is.

    Raises:
        InputError: a channel that is not there.

    Example:
        >>> chosen(("flow", "occupancy", "speed"), ("speed",))
        [2]
    """
    for name in wanted or ():
        if name not in names:
            raise unknown("channel", name, names)
    return [list(names).index(name) for name in wanted or names]
