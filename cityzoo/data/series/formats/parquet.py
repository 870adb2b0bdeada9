"""Parquet, wide (one column per sensor, times in the first column or the index) or long (time, sensor, value)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cityzoo.data.series.csv_sniffer import find_tables, require_one
from cityzoo.data.series.csv_table import Table
from cityzoo.data.series.damage import refuse_damage, require_bounded
from cityzoo.data.series.layout import from_table
from cityzoo.data.series.raw import Origin, RawSeries, SeriesOptions
from cityzoo.errors import InputError

if TYPE_CHECKING:
    import pandas

SUFFIXES = (".parquet", ".pq")


def matches(source: str) -> bool:
    """Return whether `source` is a Parquet file, or a folder with one."""
    return bool(find_tables(Path(source), SUFFIXES))


def read(source: str, options: SeriesOptions) -> RawSeries:
    """Read a Parquet file.

    Raises:
        InputError: pyarrow is not installed, several files in a folder, or see `from_table`.
    """
    file = require_one(source, find_tables(Path(source), SUFFIXES))
    frame = _frame(file)
    names = tuple(str(name) for name in frame.columns)
    table = Table(frame.set_axis(range(len(names)), axis=1), names, Origin((str(file),)))
    return from_table(table, options)


def _frame(file: Path) -> pandas.DataFrame:
    """Return a frame with the index, unless it only numbers the rows, as its first column."""
    import pandas

    try:
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            f'{file} is Parquet, which needs pyarrow: pip install "cityzoo[parquet]", or write the table as CSV'
        ) from error
    with refuse_damage(file, "write it again as Parquet, or as CSV"):
        about = pyarrow.parquet.read_metadata(file)
        require_bounded(8 * about.num_rows * about.num_columns, file.stat().st_size, file)
        frame = pandas.read_parquet(file, engine="pyarrow")
    return frame if isinstance(frame.index, pandas.RangeIndex) else frame.reset_index()
