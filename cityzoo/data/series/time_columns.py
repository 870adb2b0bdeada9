"""Columns that make up the time of a row, by name and content: one, date and time of day, or year, month, day, ..."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cityzoo.data.series.csv_sniffer import is_time, is_time_name, normalize
from cityzoo.data.series.csv_table import Table
from cityzoo.data.series.timestamps import read_offsets, read_parts, read_times, time_parts

if TYPE_CHECKING:
    import pandas

MIDNIGHT = re.compile(r"(.*\d)[ T]0{1,2}:00(:00(\.0+)?)?")
CLOCK = re.compile(r"\d{1,2}(:\d{2}(:\d{2}([.,]\d+)?)?|\.\d\d\.\d\d)( ?[ap]\.?m\.?)?", re.IGNORECASE)
HOUR_NAMES = ("hour", "hr", "hours", "stunde", "heure", "hora", "ora", "uur")
SECOND_NAMES = ("interval", "seconds", "second of day", "sec")  # after midnight
OFFSET_NAMES = (
    "begin",
    "interval begin",
    "timestep",
)  # seconds from the start of a simulation, as SUMO writes them
NUMBER, COMPACT = r"\d{1,8}(\.\d+)?", re.compile(r"(\d{4})(\d\d)(\d\d)(?:\.0)?")
DATE_NAMES = ("date", "day", "datum", "dteday", "fecha", "data", "tag")


class TimeColumns(NamedTuple):
    """Positions of columns with times."""

    used: tuple[int, ...]  # those that make up the time of a row, () if there are none
    others: tuple[int, ...]  # further times, such as the end of an interval


def find_time_columns(names: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> TimeColumns:
    """Return the columns with times.

    Year, month, day are taken first, then a date next to a time of day, then the first column of dates and times, then
    the first that has the name of one.

    Args:
        rows: fields of some rows, to tell columns by what they hold.

    Example:
        >>> find_time_columns(["Date Local", "Time Local", "pm25"], [("2020-01-01", "05:00", "7")])
        TimeColumns(used=(0, 1), others=())
        >>> find_time_columns(["utc", "local time", "pm25"])
        TimeColumns(used=(0,), others=(1,))
    """
    words = [normalize(name) for name in names]
    fields = [[row[n] for row in rows if n < len(row) and row[n]] for n in range(len(words))]
    dated = [bool(each) and all(map(is_time, each)) for each in fields]
    bare = [
        known and all(is_bare_date(field) for field in each)
        for known, each in zip(dated, fields, strict=True)
    ]
    clocks = [bool(each) and all(map(CLOCK.fullmatch, each)) for each in fields]
    named = [is_time_name(word) for word in words]
    timed = [n for n in range(len(words)) if dated[n] or clocks[n] or named[n]]
    used = time_parts(words) or _find_pair(words, bare, clocks) if rows or words else []
    if not used:
        full = [n for n in timed if dated[n] and not bare[n]]
        numbers = [n for n in timed if named[n] and not clocks[n]]
        used = (full or numbers or timed)[:1]
    return TimeColumns(tuple(used), tuple(n for n in timed if n not in used))


def _find_pair(words: Sequence[str], bare: Sequence[bool], clocks: Sequence[bool]) -> list[int]:
    """Return the columns of a date and of a time of day, [] if there is no such pair."""
    dates = [n for n, word in enumerate(words) if bare[n] or (word in DATE_NAMES and not any(bare))]
    times = [n for n, clock in enumerate(clocks) if clock]
    times += [n for n, word in enumerate(words) if word == "time" and "date" in words and not any(clocks)]
    times += [n for names in (HOUR_NAMES, SECOND_NAMES) for n, word in enumerate(words) if word in names]
    return [dates[0], times[0]] if dates and times else []


def is_bare_date(text: str) -> bool:
    """Return whether a date has no time of day, or midnight.

    Example:
        >>> is_bare_date("2020-01-01"), is_bare_date("2020-01-01 00:00:00"), is_bare_date("2020-01-01 05:00")
        (True, True, False)
    """
    return ":" not in text or MIDNIGHT.fullmatch(text) is not None


def parse_time_columns(table: Table, columns: Sequence[int]) -> dict[str, Any]:
    """Return the fields of a `RawSeries` about times.

    Raises:
        InputError: times that cannot be parsed, with their place.
    """
    frame, names = table.frame, [table.names[column] for column in columns]
    relative = False
    if len(columns) > 2:
        parts = frame[list(columns)].set_axis([normalize(name) for name in names], axis=1)
        found = read_parts(parts, table.origin)
    elif len(columns) == 2:
        date, clock = (frame[column].astype(str).str.strip() for column in columns)
        days = date.str.replace(MIDNIGHT, r"\1", regex=True).str.replace(COMPACT, r"\1-\2-\3", regex=True)
        found = read_times(days + " " + _format_clock(clock, normalize(names[1])), table.origin, names[0])
    elif normalize(names[0]) in OFFSET_NAMES and frame[columns[0]].astype(str).str.fullmatch(NUMBER).all():
        found, relative = read_offsets(frame[columns[0]]), True
    else:
        found = read_times(frame[columns[0]], table.origin, names[0])
    notes = dict.fromkeys(found.notes, table.origin.files[:1])
    shown: dict[str, Any] = {"times": found.times, "zoned": found.zoned, "timezone": found.timezone}
    return {**shown, "notes": notes, "relative": relative}


def _format_clock(clock: pandas.Series, word: str) -> pandas.Series:
    """Return times of day as HH:MM or HH:MM:SS, from text, hours or seconds."""
    import pandas

    numbers = pandas.to_numeric(clock, errors="coerce")
    if numbers.isna().any() or (numbers != numbers.round()).any():
        dotted = clock.str.replace(r"^(\d{1,2})\.(\d\d)\.(\d\d)$", r"\1:\2:\3", regex=True)
        return dotted.str.replace(",", ".", regex=False)
    if word in HOUR_NAMES and numbers.max() <= 24:
        return numbers.astype(int).astype(str).str.zfill(2) + ":00"
    if word in SECOND_NAMES:
        whole = numbers.astype(int)
        parts = (whole // 3600, whole // 60 % 60, whole % 60)
        hours, minutes, seconds = (part.astype(str).str.zfill(2) for part in parts)
        return hours + ":" + minutes + ":" + seconds
    digits = clock.str.removesuffix(".0").str.zfill(4)  # 0930
    return digits.str[:-2] + ":" + digits.str[-2:]
