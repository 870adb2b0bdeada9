"""CSV with one column per sensor and a header of their names, or none; the first column may be times.

    time,773869,767541
    2012-03-01 00:00,64.4,67.6

Without a time column, give `--start` and `--step`, or a sidecar file (`cityzoo.data.series.sidecar`). The separator is
a comma, semicolon or tab.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cityzoo.data.series.columns import COUNTERS, find_date_and_time, find_long_columns, parse_time_columns
from cityzoo.data.series.csv_sniffer import (
    CsvPreview,
    find_tables,
    is_number,
    is_time,
    is_time_name,
    normalize,
    require_one,
    sniff_csv,
)
from cityzoo.data.series.csv_table import Table, read_csv, to_numbers
from cityzoo.data.series.raw import NOT_NAMED, RawSeries, SeriesOptions
from cityzoo.data.series.timestamps import time_parts
from cityzoo.errors import InputError

SUFFIXES = (".csv", ".tsv", ".txt")


def matches(source: str) -> bool:
    """Return whether `source` is a table of numbers with one column per sensor, or a folder with one."""
    return any(_files(Path(source)))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read a wide table.

    Raises:
        InputError: several such tables in a folder, or see `from_wide`.
    """
    files = dict(_files(Path(source)))
    file = require_one(source, list(files))
    table = files[file]
    first = (table.header or table.rows[0])[0]
    text = [0] if is_time_name(first) or is_time(table.rows[0][0]) else []
    raw = from_wide(read_csv([file], [table], text))
    return raw if table.header else replace(raw, notes={**raw.notes, "no header": (str(file),)})


def _files(path: Path) -> Iterator[tuple[Path, CsvPreview]]:
    for each in find_tables(path, SUFFIXES, measurements=True):
        preview = sniff_csv(each)
        if preview and _is_wide(preview):
            yield each, preview


def _is_wide(table: CsvPreview) -> bool:
    if find_long_columns(table.header):
        return False
    roads_or_places = {"from", "to"} <= set(table.words) or "latitude" in table.words
    return not roads_or_places and any(_is_row(row, table) for row in table.rows)


def _is_row(row: tuple[str, ...], table: CsvPreview) -> bool:
    """Return whether a row is numbers, after a time or a counter."""
    timed = is_time(row[0]) or bool(table.header and is_time_name(table.header[0]))
    rest = row[1:] if timed or (table.words and table.words[0] in COUNTERS) else row
    rest = rest[1:] if timed and "time" in table.words[1:2] else rest
    numeric = [is_number(field, table.decimal) for field in rest]
    return any(numeric) if timed else bool(numeric) and all(numeric)  # reading names text next to a time


def from_wide(table: Table) -> RawSeries:
    """Return a wide table as one track of rows; its first column may be times or number the rows.

    Raises:
        InputError: text among numbers, times that cannot be parsed, two columns of one name.
    """
    words = [normalize(name) for name in table.names]
    first = table.frame[0]
    timed = is_time_name(words[0]) or first.dtype.kind == "M" or is_time(str(first.iloc[0]))
    time = time_parts(words) or find_date_and_time(words, [0] if timed else [])
    values = [n for n, word in enumerate(words) if n not in time and not (n == 0 and word in COUNTERS)]
    sensors = tuple(table.names[column] for column in values)
    again = next((name for place, name in enumerate(sensors) if name in sensors[:place]), None)
    if again is not None:
        raise InputError(
            f"{table.origin.files[0]}: two columns are called '{again}': give each sensor its own name"
        )
    raw = RawSeries(to_numbers(table, values), sensors, (NOT_NAMED,), sensors, False, table.origin)
    return replace(raw, **parse_time_columns(table, time)) if time else raw
