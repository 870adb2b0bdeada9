"""CSV files as rows with their line numbers, and which of them hold labels of whole images."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PATH, LABEL, SPLIT = "path", "label", "split"
_OF_BOXES = re.compile(r"[xy](\d|_?min|_?max)?|[wh]|c[xy]|left|top|right|bottom|width|height")


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields, stripped of blanks, of each row that is not empty; a BOM is passed over.

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
    """Return the first two rows of a file, fewer where it has fewer; never raises."""
    try:
        return [row for _, (_, row) in zip(range(2), rows(path), strict=False)]
    except (OSError, csv.Error):
        return []


def tables_at(path: Path) -> list[Path]:
    """Return the .csv that a path is, or those directly in a folder."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".csv" else []
    return [each for each in sorted(path.glob("[!.]*.[cC][sS][vV]")) if each.is_file()]


def heads_labels(row: Sequence[str]) -> bool:
    """Tell whether a first row is the header of labels of whole images: path, and no column of a box.

    Example:
        >>> heads_labels(["path", "label"]), heads_labels(["Path", "fire", "smoke", "split"])
        (True, True)
        >>> heads_labels(["path", "x1", "y1", "x2", "y2", "class_name"]), heads_labels(["a.jpg", "car"])
        (False, False)
    """
    words = [field.lower() for field in row]
    return len(words) > 1 and words[0] == PATH and not any(map(_OF_BOXES.fullmatch, words[1:]))
