"""CSV with a row a sensor and time: the header names the columns.

    time,station,pm25,temperature        or        time,sensor,channel,value
    2012-03-01 00:00,Aotizhong,4,-0.7              2012-03-01 00:00,Aotizhong,pm25,4

Times may be apart in year, month, day, hour, or date, time. `unit`, `latitude` and `longitude` are read where they
are; other columns are channels. A folder's files of the same columns are read one after the other.
"""

from __future__ import annotations

from pathlib import Path

from cityzoo.data.series.columns import long_columns
from cityzoo.data.series.csv_sniffer import Look, is_adjacency_table, sniff_csv, tables_at
from cityzoo.data.series.csv_table import read_csv
from cityzoo.data.series.long_wide import from_long
from cityzoo.data.series.raw import RawSeries, SeriesOptions

SUFFIXES = (".csv", ".tsv", ".txt")


def matches(source: str) -> bool:
    """Tell whether `source` is a table with columns of times and of sensors, or a folder with such tables."""
    return bool(_files(Path(source)))


def read(source: str, wishes: SeriesOptions) -> RawSeries:
    """Return the rows of one long table, or of all in a folder.

    Raises:
        InputError: tables of other columns, a channel that is not there, text or infinite numbers, times that
            are none.
    """
    files = _files(Path(source))
    columns = long_columns(next(iter(files.values())).header)
    return from_long(read_csv(list(files), list(files.values()), columns.text), wishes)


def _files(path: Path) -> dict[Path, Look]:
    looks = {
        each: sniff_csv(each)
        for each in tables_at(path, SUFFIXES)
        if each == path or not is_adjacency_table(each.name)
    }
    return {each: table for each, table in looks.items() if table and long_columns(table.header)}
