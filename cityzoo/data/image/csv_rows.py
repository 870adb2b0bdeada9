"""Rows of CSV files with their line numbers, and detection of CSV files with labels of whole images."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PATH, LABEL, SPLIT = "path", "label", "split"
_BOX_COLUMN = re.compile(r"[xy](\d|_?min|_?max)?|[wh]|c[xy]|left|top|right|bottom|width|height")


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the stripped fields of each row that is not empty; a BOM is skipped.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        ...     _ = file.write("\\ufeffa.jpg, 1\\r\\n\\r\\nb.jpg,2".encode()), file.flush()
        ...     list(rows(Path(file.name)))
        [(1, ['a.jpg', '1']), (3, ['b.jpg', '2'])]
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        for row in reader:
            if any(field.strip() for field in row):
                yield reader.line_num, [field.strip() for field in row]


def first_rows(path: Path) -> list[list[str]]:
    """Return up to two first rows of a file; never raises."""
    try:
        return [row for _, (_, row) in zip(range(2), rows(path), strict=False)]
    except (OSError, csv.Error):
        return []


def csv_files(path: Path) -> list[Path]:
    """Return the CSV files of a path: itself, or those directly in a folder."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".csv" else []
    return [each for each in sorted(path.glob("[!.]*.[cC][sS][vV]")) if each.is_file()]


def is_label_header(row: Sequence[str]) -> bool:
    """Return whether a row is the header of a CSV with labels of whole images: path, and no box column.

    Example:
        >>> is_label_header(["path", "label"]), is_label_header(["Path", "fire", "smoke", "split"])
        (True, True)
        >>> is_label_header(["path", "x1", "y1", "x2", "y2", "class_name"]), is_label_header(["a.jpg", "car"])
        (False, False)
    """
    words = [field.lower() for field in row]
    return len(words) > 1 and words[0] == PATH and not any(map(_BOX_COLUMN.fullmatch, words[1:]))
