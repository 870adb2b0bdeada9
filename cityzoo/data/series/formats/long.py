"""CSV with one row per sensor and time; the header names the columns.

    time,station,pm25,temperature        or        time,sensor,channel,value
    2012-03-01 00:00,Aotizhong,4,-0.7              2012-03-01 00:00,Aotizhong,pm25,4

Times may be split into year, month, day, hour, or date, time. `unit`, `latitude`, `longitude` and `validity` are read
if present; other columns are channels. The files of a folder with the same columns are concatenated. A column of
sensors of another name is found by its content: such a table is read as `wide` first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cityzoo.data.series.columns import LongColumns, find_long_columns
from cityzoo.data.series.csv_sniffer import CsvPreview, find_tables, sniff_csv
from cityzoo.data.series.csv_table import read_csv
from cityzoo.data.series.layout import from_table
from cityzoo.data.series.raw import RawSeries, SeriesOptions

SUFFIXES = (".csv", ".tsv", ".txt")


def matches(source: str) -> bool:
    """Return whether `source` is a table with columns of times and sensors, or a folder with such tables."""
    return any(_files(Path(source)))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read one long table, or all in a folder.

    Raises:
        InputError: tables of other columns, or see `from_table`.
    """
    files, previews, columns = zip(*_files(Path(source)), strict=True)
    return from_table(read_csv(files, previews, columns[0].text), options)


def _files(path: Path) -> Iterator[tuple[Path, CsvPreview, LongColumns]]:
    for each in find_tables(path, SUFFIXES, measurements=True):
        preview = sniff_csv(each)
        columns = preview and find_long_columns(preview.header, preview.rows)
        if preview and columns:
            yield each, preview, columns
