"""CSV files as tables; text in a numeric column is refused with its place."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.data.files import open_text
from cityzoo.data.series.csv_sniffer import MISSING, SNIFFED_LINES, CsvPreview
from cityzoo.data.series.damage import refuse_damage
from cityzoo.data.series.raw import Origin
from cityzoo.errors import InputError

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Table:
    """Rows of one or several files."""

    frame: pandas.DataFrame  # R rows, columns numbered from 0
    names: tuple[str, ...]  # of the columns, as they were written
    origin: Origin  # where the rows were read
    decimal: str = "."  # "." or ",", in columns that are still text

    def take(self, rows: np.ndarray) -> Table:
        """Return some rows."""
        frame = self.frame.iloc[rows].reset_index(drop=True)
        return replace(self, frame=frame, origin=self.origin.take(rows))

    def sample(self) -> list[tuple[str, ...]]:
        """Return the fields of the first rows as text, "" for missing ones."""
        head = self.frame.head(SNIFFED_LINES).astype(object)
        return [tuple(map(str, row)) for row in head.where(head.notna(), "").itertuples(index=False)]

    def join(self, columns: Sequence[int]) -> Table:
        """Return the table with one more column: the text of some columns with a dash between."""
        frame, joined = self.frame.copy(), self.frame[columns[0]].astype(str).str.strip()
        for column in columns[1:]:
            joined = joined + "-" + frame[column].astype(str).str.strip()
        frame[len(self.names)] = joined
        return replace(self, frame=frame, names=(*self.names, "-".join(self.names[n] for n in columns)))

    def trim(self) -> Table:
        """Return the table without columns at its end that have neither a name nor any value."""
        size = len(self.names)
        while size > 1 and not self.names[size - 1] and self.frame[size - 1].isna().all():
            size -= 1
        return replace(self, frame=self.frame[list(range(size))], names=self.names[:size])


def is_text(table: Table, column: int) -> bool:
    """Return whether no field of a column is a number, and some are written."""
    import pandas

    written = table.frame[column].dropna()
    if written.dtype.kind in "fiu" or written.empty:
        return False
    text = written.astype(str).str.strip().str.replace(table.decimal, ".", regex=False)
    return bool(
        pandas.to_numeric(text, errors="coerce").isna().all() and not text.str.lower().isin(MISSING).all()
    )


def read_csv(paths: Sequence[Path], previews: Sequence[CsvPreview], text: Sequence[int]) -> Table:
    """Read CSV files of the same columns as one table.

    Args:
        text: positions of columns to leave as text.

    Raises:
        InputError: rows of different lengths, files with different columns, files that are not text.
    """
    import pandas

    header = previews[0].header
    for path, preview in zip(paths, previews, strict=True):
        if preview.header != header:
            raise InputError(f"{path} has other columns than {paths[0]}: put them into folders of their own")
    frames = [_read_file(path, preview, text) for path, preview in zip(paths, previews, strict=True)]
    lines = np.concatenate([frame.index.to_numpy() for frame in frames])
    of = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    names = header or tuple(str(number) for number in range(1, frames[0].shape[1] + 1))
    origin = Origin(tuple(map(str, paths)), lines, of, True)
    return Table(pandas.concat(frames, ignore_index=True), names, origin, previews[0].decimal)


def _read_file(path: Path, preview: CsvPreview, text: Sequence[int]) -> pandas.DataFrame:
    """Return a file's rows, indexed by their line."""
    import pandas

    blank = _find_blank_lines(path, preview)
    with refuse_damage(path, "correct the quotes, or write the table again"):
        frame = pandas.read_csv(
            path,
            sep=preview.separator,
            decimal=preview.decimal,
            header=None,
            names=range(len(preview.rows[0])),
            skiprows=preview.first if preview.header else 0,
            dtype=dict.fromkeys(text, str),
            skip_blank_lines=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
            low_memory=False,
        )
    frame.index += preview.first + 1 if preview.header else 1
    return frame.drop(index=blank, errors="ignore")


def _find_blank_lines(path: Path, preview: CsvPreview) -> list[int]:
    """Return the numbers of blank lines; raise InputError where others have more or fewer fields than the first."""
    blank, width = [], len(preview.header or preview.rows[0])
    try:
        with open_text(path, newline="") as file:
            for number, line in enumerate(file, 1):
                fields = line.count(preview.separator) + 1
                if fields != width and '"' in line:
                    with refuse_damage(f"{path}:{number}", "correct the row"):
                        fields = len(next(csv.reader([line], delimiter=preview.separator)))
                if not line.strip():
                    blank.append(number)
                elif fields != width:
                    raise InputError(
                        f"{path}:{number}: {fields} fields, expected {width} as above: correct the row"
                    )
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from error
    return blank


def to_numbers(table: Table, columns: Sequence[int], hint: str = "") -> np.ndarray:
    """Return columns of a table as numbers.

    Args:
        hint: another remedy, for the message about text.

    Returns:
        (R, columns) float64, NaN where a field is empty, NaN, NA or null.

    Raises:
        InputError: text or an infinite number, with line and column.
    """
    import pandas

    found = np.empty((len(table.frame), len(columns)))
    bad: list[tuple[int, int, str]] = []
    for place, column in enumerate(columns):
        written = numbers = table.frame[column]
        if written.dtype.kind not in "fiu":
            text = written.astype(str).str.strip().str.replace(table.decimal, ".", regex=False)
            missing = written.isna() | text.str.lower().isin(MISSING)
            numbers = pandas.to_numeric(text.where(~missing), errors="coerce")
            odd = np.flatnonzero(numbers.isna() & ~missing)
            bad += [(int(row), column, str(written.iloc[row])) for row in odd]
        found[:, place] = numbers.to_numpy(np.float64, na_value=np.nan)
        bad += [(int(row), column, "inf") for row in np.flatnonzero(np.isinf(found[:, place]))]
    if bad:
        row, column, shown = min(bad)
        what = "is infinite" if shown == "inf" else "is not a number"
        raise InputError(
            f"{table.origin.place(row)}, column '{table.names[column]}': '{shown[:60]}' {what} ({len(bad)} such fields "
            f"in all): correct it, or leave the field empty where nothing was measured{hint}"
        )
    return found
