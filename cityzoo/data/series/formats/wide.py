"""CSV with a column a sensor: a header of their names, or none; the first column may be times.

    time,773869,767541
    2012-03-01 00:00,64.4,67.6

Without a column of times, `--start` and `--step` say them, or a file beside it (`cityzoo.data.series.sidecar`). The separator
is a comma, semicolon or tab.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cityzoo.data.series.columns import COUNTERS, long_columns
from cityzoo.data.series.csv_sniffer import (
    Look,
    is_adjacency_table,
    is_number,
    is_time_word,
    looks_like_time,
    sniff_csv,
    tables_at,
)
from cityzoo.data.series.csv_table import read_csv
from cityzoo.data.series.long_wide import from_wide
from cityzoo.data.series.raw import RawSeries, SeriesOptions
from cityzoo.errors import InputError

SUFFIXES = (".csv", ".tsv", ".txt")


def matches(source: str) -> bool:
    """Tell whether `source` is a table of numbers with a column a sensor, or a folder with one."""
    return bool(_files(Path(source)))


def read(source: str, wishes: SeriesOptions) -> RawSeries:
    """Return the rows of a wide table.

    Raises:
        InputError: several such tables in a folder, text or infinite numbers, times that are none.
    """
    files = _files(Path(source))
    if len(files) > 1:
        raise InputError(
            f"'{source}' holds {len(files)} tables ({files[0].name}, {files[1].name}): name one of them"
        )
    table = sniff_csv(files[0])
    first = (table.header or table.rows[0])[0]
    text = [0] if is_time_word(first) or looks_like_time(table.rows[0][0]) else []
    raw = from_wide(read_csv(files, [table], text))
    return raw if table.header else replace(raw, notes={**raw.notes, "no header": (str(files[0]),)})


def _files(path: Path) -> list[Path]:
    files = [each for each in tables_at(path, SUFFIXES) if each == path or not is_adjacency_table(each.name)]
    return [each for each in files if _is_wide(sniff_csv(each))]


def _is_wide(table: Look | None) -> bool:
    if (
        table is None
        or long_columns(table.header)
        or {"from", "to"} <= set(table.words)
        or "latitude" in table.words
    ):
        return False
    return any(_is_row(row, table) for row in table.rows)


def _is_row(row: tuple[str, ...], table: Look) -> bool:
    """Whether a row is numbers, behind a time and other columns that tell it."""
    timed = looks_like_time(row[0]) or bool(table.header and is_time_word(table.header[0]))
    rest = row[1:] if timed or (table.words and table.words[0] in COUNTERS) else row
    rest = rest[1:] if timed and "time" in table.words[1:2] else rest
    numeric = [is_number(field, table.decimal) for field in rest]
    return any(numeric) if timed else bool(numeric) and all(numeric)  # text beside a time is named when read
