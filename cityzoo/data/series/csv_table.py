"""CSV files read as tables of numbers; text in a column of numbers is refused with its place."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.data.series.csv_sniffer import NO_NUMBER, Look
from cityzoo.data.series.raw import Origin
from cityzoo.errors import InputError

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Table:
    """Hold the rows of one or several files.

    Attributes:
        frame: R rows, columns numbered from 0.
        names: of the columns, as they were written.
        origin: where rows were read.
        decimal: "." or ",", in columns that are text still.
    """

    frame: pandas.DataFrame
    names: tuple[str, ...]
    origin: Origin
    decimal: str = "."

    def rows(self, rows: np.ndarray) -> Table:
        """Return some rows."""
        frame = self.frame.iloc[rows].reset_index(drop=True)
        return Table(frame, self.names, self.origin.rows(rows), self.decimal)


def read_csv(paths: Sequence[Path], looks: Sequence[Look], text: Sequence[int]) -> Table:
    """Return CSV files of the same columns as one table.

    Args:
        paths: the files.
        looks: what the first lines of each tell.
        text: positions of columns to leave as text.

    Raises:
        InputError: rows of another length than the first, other columns in the second file, no text at all.
    """
    import pandas

    frames = []
    for path, look in zip(paths, looks, strict=True):
        if look.header != looks[0].header:
            raise InputError(f"{path} has other columns than {paths[0]}: put them into folders of their own")
        frames.append(_read_file(path, look, text))
    lines = np.concatenate([frame.index.to_numpy() for frame in frames])
    of = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    origin = Origin(tuple(map(str, paths)), lines, of, True)
    names = looks[0].header or tuple(str(number) for number in range(1, frames[0].shape[1] + 1))
    return Table(pandas.concat(frames, ignore_index=True), names, origin, looks[0].decimal)


def _read_file(path: Path, look: Look, text: Sequence[int]) -> pandas.DataFrame:
    """A file's rows, by the line that they are in."""
    import pandas

    blank = _blank_lines(path, look)
    frame = pandas.read_csv(
        path,
        sep=look.separator,
        decimal=look.decimal,
        header=None,
        names=range(len(look.rows[0])),
        skiprows=look.first if look.header else 0,
        dtype=dict.fromkeys(text, str),
        skip_blank_lines=False,
        skipinitialspace=True,
        encoding="utf-8-sig",
        low_memory=False,
    )
    frame.index += look.first + 1 if look.header else 1
    return frame.drop(index=[line for line in blank if line in frame.index])


def _blank_lines(path: Path, look: Look) -> list[int]:
    """Lines without anything in them; raises where others have more or fewer fields than the first."""
    blank, width = [], len(look.header or look.rows[0])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, line in enumerate(file, 1):
                fields = line.count(look.separator) + 1
                if fields != width and '"' in line:
                    fields = len(next(csv.reader([line], delimiter=look.separator)))
                if not line.strip():
                    blank.append(number)
                elif fields != width:
                    raise InputError(
                        f"{path}:{number}: {fields} fields, expected {width} as above: correct the row"
                    )
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from error
    return blank


def numbers(table: Table, columns: Sequence[int], or_else: str = "") -> np.ndarray:
    """Return columns of a table as numbers.

    Args:
        table: rows.
        columns: positions of the columns wanted.
        or_else: what else can be done about text, for the message.

    Returns:
        (R, columns) float64, NaN where a field is empty or says NaN, NA or null.

    Raises:
        InputError: text or an infinite number, with line and column.
    """
    import pandas

    found = np.empty((len(table.frame), len(columns)))
    bad: list[tuple[int, int, str]] = []
    for place, column in enumerate(columns):
        written = table.frame[column]
        if written.dtype.kind not in "fiu":
            text = written.astype(str).str.strip().str.replace(table.decimal, ".", regex=False)
            written = pandas.to_numeric(text.where(~text.str.lower().isin(NO_NUMBER)), errors="coerce")
            odd = np.flatnonzero(
                written.isna() & table.frame[column].notna() & ~text.str.lower().isin(NO_NUMBER)
            )
            bad += [(int(row), column, str(table.frame[column].iloc[row])) for row in odd]
        found[:, place] = written.to_numpy(np.float64, na_value=np.nan)
        bad += [(int(row), column, "inf") for row in np.flatnonzero(np.isinf(found[:, place]))]
    if bad:
        row, column, text = min(bad)
        what = "is infinite" if text == "inf" else "is not a number"
        raise InputError(
            f"{table.origin.place(row)}, column '{table.names[column]}': '{text}' {what} ({len(bad)} such fields in "
            f"all): correct it, or leave the field empty where nothing was measured{or_else}"
        )
    return found
