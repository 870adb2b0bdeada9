"""Text of Caltrans PeMS, "Station 5-Minute" and "Station Hour": no header, a row per time and station.

    03/01/2023 00:00:00,715898,7,5,S,ML,.27,50,100,44,.0014,65.9,,,,,,,,,,

Time, station, district, freeway, direction, lane type, length, samples, percent observed, flow, occupancy, speed, and
five columns for each lane. Flow (vehicles per step), occupancy (share of time) and speed (mph) are channels. The files
of a folder are concatenated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cityzoo.data.series.columns import LongColumns
from cityzoo.data.series.csv_sniffer import CsvPreview, find_tables, sniff_csv
from cityzoo.data.series.csv_table import read_csv
from cityzoo.data.series.layout import from_long
from cityzoo.data.series.raw import RawSeries, SeriesOptions

SUFFIXES = (".txt", ".csv")
NAMES = (
    "timestamp", "station", "district", "freeway", "direction", "lane type", "station length", "samples", "observed",
    "flow", "occupancy", "speed",
)  # fmt: skip
COLUMNS = LongColumns((0,), 1, None, None, (), (9, 10, 11))
UNITS = {"speed": "mph"}
PER_LANE = ("samples", "flow", "occupancy", "speed", "observed")
_STATION = re.compile(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d,\d+,\d+,\d+,[NSEW],[A-Z]{2},")


def matches(source: str) -> bool:
    """Return whether `source` is a file of PeMS, or a folder with such files."""
    return any(_files(Path(source)))


def is_pems(table: CsvPreview) -> bool:
    """Return whether a table has no header and the columns of PeMS."""
    rows = [_STATION.match(",".join(row)) for row in table.rows]
    return not table.header and bool(rows) and all(rows) and len(table.rows[0]) >= len(NAMES)


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read the stations of one file, or of all files in a folder.

    Raises:
        InputError: files of different columns, an unknown channel, text among numbers.
    """
    files, previews = zip(*_files(Path(source)), strict=True)
    table = read_csv(files, previews, [*COLUMNS.text, 4, 5])
    table.frame[0] = table.frame[0].str.replace(
        r"(\d\d)/(\d\d)/(\d{4})", r"\3-\1-\2", regex=True
    )  # month first
    lanes = (f"lane {n // 5 + 1} {PER_LANE[n % 5]}" for n in range(len(table.names) - len(NAMES)))
    raw = from_long(replace(table, names=(*NAMES, *lanes)), COLUMNS, options)
    return replace(raw, units={name: unit for name, unit in UNITS.items() if name in raw.channels})


def _files(path: Path) -> Iterator[tuple[Path, CsvPreview]]:
    for each in find_tables(path, SUFFIXES, measurements=True):
        preview = sniff_csv(each)
        if preview and is_pems(preview):
            yield each, preview
