"""Rows of CSV files with their line numbers; the separator may be a comma, a semicolon or a tab."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from cityzoo.data.files import open_text
from cityzoo.data.image.raw import split_of
from cityzoo.errors import InputError

LONGEST_FIELD = 1 << 24  # characters; Python's own limit is 131,072, and polygons are longer
_SUFFIXES = (".csv", ".tsv")
_SEPARATORS = ",;\t"


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the stripped fields of each row that is not empty; a BOM is skipped.

    Raises:
        InputError: a field of more than `LONGEST_FIELD` characters.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        ...     _ = file.write("\\ufeffa.jpg, 1\\r\\n\\r\\nb.jpg,2".encode()), file.flush()
        ...     list(rows(Path(file.name)))
        [(1, ['a.jpg', '1']), (3, ['b.jpg', '2'])]
    """
    with open_text(path, errors="replace", newline="") as file:
        start = file.readline(LONGEST_FIELD)
        file.seek(0)
        csv.field_size_limit(LONGEST_FIELD)
        reader = csv.reader(file, delimiter=max(_SEPARATORS, key=start.count))
        try:
            for row in reader:
                if any(field.strip() for field in row):
                    yield reader.line_num, [field.strip() for field in row]
        except csv.Error as error:
            raise InputError(f"{path}:{reader.line_num}: not a row of a CSV ({error}): correct it") from error


def first_rows(path: Path) -> list[list[str]]:
    """Return up to two first rows of a file; never raises."""
    try:
        return [row for _, (_, row) in zip(range(2), rows(path), strict=False)]
    except (OSError, InputError):
        return []


def csv_files(path: Path) -> list[Path]:
    """Return the CSV files of a path: itself, those directly in a folder, or else those in its split folders."""
    if path.is_file():
        return [path] if path.suffix.lower() in _SUFFIXES else []
    return _files_in(path) or [
        each for folder in sorted(path.glob("*/")) if split_of(folder.name) for each in _files_in(folder)
    ]


def _files_in(folder: Path) -> list[Path]:
    return [
        each for each in sorted(folder.glob("[!.]*")) if each.suffix.lower() in _SUFFIXES and each.is_file()
    ]


def split_of_file(path: Path) -> str | None:
    """Return the split that a word in a file's name or else its folder's name stands for, or None.

    Example:
        >>> split_of_file(Path("roads_train.csv")), split_of_file(Path("valid/_annotations.csv"))
        ('train', 'val')
    """
    words = [*re.split(r"[_\-. ]", path.stem), path.parent.name]
    return next((split for split in map(split_of, words) if split), None)
