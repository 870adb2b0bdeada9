"""Rows of CSV files with their line numbers; the separator may be a comma, a semicolon or a tab."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from cityzoo.data.files import open_file, open_text
from cityzoo.data.image.raw import split_of
from cityzoo.data.image.raw_values import find_encoding
from cityzoo.errors import InputError

LONGEST_FIELD = 1 << 24  # characters; Python's own limit is 131,072, and polygons are longer
_SUFFIXES = (".csv", ".tsv")
_SEPARATORS = ",;\t"


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the stripped fields of each row that is not empty; a BOM is skipped.

    Raises:
        InputError: a field of more than `LONGEST_FIELD` characters, or another encoding than UTF-8 or UTF-16.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        ...     _ = file.write("\\ufeffa.jpg, 1\\r\\n\\r\\nb.jpg,2".encode()), file.flush()
        ...     list(rows(Path(file.name)))
        [(1, ['a.jpg', '1']), (3, ['b.jpg', '2'])]
    """
    yield from _rows(path, "strict")


def _rows(path: Path, errors: str) -> Iterator[tuple[int, list[str]]]:
    with open_file(path) as file:
        encoding = find_encoding(file.read(4))
    with open_text(path, encoding, errors, newline="") as file:
        csv.field_size_limit(LONGEST_FIELD)
        line = 0
        try:
            start = file.readline(LONGEST_FIELD)
            file.seek(0)
            reader = csv.reader(file, delimiter=max(_SEPARATORS, key=start.count))
            for row in reader:
                line = reader.line_num
                if any(field.strip() for field in row):
                    yield line, [field.strip() for field in row]
        except csv.Error as error:
            raise InputError(f"{path}:{line + 1}: not a row of a CSV ({error}): correct it") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not in UTF-8, after line {line}: save it as UTF-8") from error


def first_rows(path: Path, count: int = 2) -> list[list[str]]:
    """Return up to `count` first rows of a file, whatever its encoding; never raises."""
    try:
        return [row for _, (_, row) in zip(range(count), _rows(path, "replace"), strict=False)]
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
