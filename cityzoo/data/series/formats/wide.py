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

from cityzoo.data.series.columns import COUNTERS, find_long_columns
from cityzoo.data.series.csv_sniffer import CsvPreview, find_tables, is_number, require_one, sniff_csv
from cityzoo.data.series.csv_table import read_csv
from cityzoo.data.series.formats.pems_text import is_pems
from cityzoo.data.series.layout import from_table
from cityzoo.data.series.raw import RawSeries, SeriesOptions
from cityzoo.data.series.time_columns import TimeColumns, find_time_columns

SUFFIXES = (".csv", ".tsv", ".txt")


def matches(source: str) -> bool:
    """Return whether `source` is a table of numbers with one column per sensor, or a folder with one."""
    return any(_files(Path(source)))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read a wide table; the tables of a folder that have one column of sensors, --sensor-column, are concatenated.

    Raises:
        InputError: several such tables in a folder, or see `from_table`.
    """
    found = dict(_files(Path(source)))
    files = list(found) if options.sensor_column else [require_one(source, list(found))]
    first = found[files[0]]
    given = {*(options.sensor_column or ()), *(options.time_column or ())}
    text = [n for n, name in enumerate(first.header) if name in given]
    times = _times(first)
    table = read_csv(files, [found[file] for file in files], [*text, *times.used, *times.others])
    raw = from_table(table, options)
    return raw if first.header else replace(raw, notes={**raw.notes, "no header": (str(files[0]),)})


def _files(path: Path) -> Iterator[tuple[Path, CsvPreview]]:
    for each in find_tables(path, SUFFIXES, measurements=True):
        preview = sniff_csv(each)
        if preview and _is_wide(preview):
            yield each, preview


def _times(table: CsvPreview) -> TimeColumns:
    return find_time_columns(table.header or [""] * len(table.rows[0]), table.rows)


def _is_wide(table: CsvPreview) -> bool:
    if find_long_columns(table.header, table.rows) or is_pems(table):
        return False
    roads_or_places = {"from", "to"} <= set(table.words) or "latitude" in table.words
    times = _times(table)
    skipped = {*times.used, *times.others, *([0] if table.words[:1] and table.words[0] in COUNTERS else [])}
    return not roads_or_places and any(_is_row(row, table, skipped, bool(times.used)) for row in table.rows)


def _is_row(row: tuple[str, ...], table: CsvPreview, skipped: set[int], timed: bool) -> bool:
    """Return whether a row is numbers, next to times or a counter."""
    numeric = [is_number(field, table.decimal) for n, field in enumerate(row) if n not in skipped]
    return any(numeric) if timed else bool(numeric) and all(numeric)  # reading names text next to a time
