"""Separator, decimal sign, header and kinds of columns of a CSV file, from its first lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cityzoo.data.files import open_text, require_file
from cityzoo.errors import InputError

SNIFFED_LINES = 50
SEPARATORS = ",;\t"
MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>"}  # as pandas.read_csv has it
_TIME_NAME = re.compile(
    r"((local|utc|start|begin|end|date|date &|created|sample) )?(date)?time|time ?stamp|datetime|ts|utc|gmt|period"
    r"|measured at|created at|(date|time)( (local|utc|gmt))?|utc ?date ?time"
    r"|((interval|datetime|date|time) ?)?(begin|start|end|from)|datetime ?(begin|end)"
    r"|datum( ?(/|und)? ?uhrzeit)?|uhrzeit|zeit(punkt|stempel)?|messzeit(punkt)?|fecha( hora)?|hora|heure|date heure"
)
_TIME = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}([ T].*)?")


@dataclass(frozen=True)
class CsvPreview:
    """First lines of a CSV file."""

    separator: str  # "," or ";" or tab
    decimal: str  # "." or ","
    header: tuple[str, ...]  # fields of the first row, () if these are numbers
    rows: tuple[tuple[str, ...], ...]  # the rows after it, up to `SNIFFED_LINES`
    first: int = 1  # line of the file that holds the first row

    @property
    def words(self) -> tuple[str, ...]:
        """Normalized header."""
        return tuple(normalize(field) for field in self.header)


def normalize(field: str) -> str:
    """Return a column's name in lowercase, with spaces for _ and -.

    Example:
        >>> normalize(" Station_ID")
        'station id'
    """
    return re.sub(r"[_\-\s]+", " ", str(field)).strip().lower()


def is_time_name(field: str) -> bool:
    """Return whether a column has the name of a time column."""
    return _TIME_NAME.fullmatch(normalize(field)) is not None


def sniff_csv(path: Path) -> CsvPreview | None:
    """Return a preview of a CSV file, None if it is not a CSV with at least two rows; never raises."""
    try:
        with open_text(path, newline="") as file:
            lines = [(n, line) for n, line in enumerate(islice(file, SNIFFED_LINES + 1), 1) if line.strip()]
        separator = max(SEPARATORS, key=lines[0][1].count) if lines else ","
        table = csv.reader([line for _, line in lines], delimiter=separator)
        rows = [tuple(field.strip() for field in row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error, InputError):
        return None
    if len(lines) < 2:
        return None
    with_comma = (re.fullmatch(r"-?\d+,\d+", field) for row in rows[1:] for field in row)
    decimal = "," if separator == ";" and any(with_comma) else "."
    header = rows[0] if _is_header(rows[0], rows[1:], decimal) else ()
    return CsvPreview(separator, decimal, header, tuple(rows[1 if header else 0 :]), lines[0][0])


def is_utf8(path: Path) -> bool:
    """Return whether the first lines of a file are UTF-8."""
    try:
        with open_text(path) as file:
            return all(isinstance(line, str) for line in islice(file, SNIFFED_LINES))
    except UnicodeDecodeError:
        return False


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]], decimal: str) -> bool:
    """Return whether a first row names the columns: by words, or by numbers that cannot be measurements."""
    dated = (n for n, field in enumerate(first) if is_time(field))
    if any(all(is_time(row[n]) for row in rest if n < len(row)) for n in dated):
        return False  # it holds a time where all rows do
    if not all(is_number(field, decimal) or is_time(field) for field in first):
        return True
    if len(first) > 1 and not first[0]:  # above a column of times or names
        first, rest = first[1:], [row[1:] for row in rest]
    if not all(field.isdigit() for field in first) or len(set(first)) != len(first):
        return False
    names = [int(field) for field in first]
    if len(names) > 1 and names in (list(range(len(names))), list(range(1, len(names) + 1))):
        return True
    numbers = [float(f.replace(decimal, ".")) for row in rest for f in row if f and is_number(f, decimal)]
    return min(names) > 10 * max(map(abs, numbers), default=0)


def is_number(field: str, decimal: str = ".") -> bool:
    """Return whether a field is a number, or marked as missing.

    Example:
        >>> is_number("60.5"), is_number(""), is_number("NaN"), is_number("abc")
        (True, True, True, False)
    """
    try:
        return field.lower() in MISSING or float(field.replace(decimal, ".")) is not None
    except ValueError:
        return False


def is_time(field: str) -> bool:
    """Return whether a field is a date, with or without a time.

    Example:
        >>> is_time("2012-03-01 00:05"), is_time("3/1/2012"), is_time("60.5")
        (True, True, False)
    """
    return _TIME.fullmatch(field) is not None


def is_adjacency_table(name: str) -> bool:
    """Return whether a file has the name of a table of roads or locations, rather than measurements.

    Example:
        >>> [is_adjacency_table(name) for name in ("los_adj.csv", "PEMS04_distance.csv", "los_speed.csv")]
        [True, True, False]
    """
    words = re.sub(r"[_\W]+", " ", name).lower()
    roads = r"(?<![a-z])(adj|distances?\b|dist\b|graph|locations?\b|places?\b|neighbou?rs)"
    return re.search(roads, words) is not None


def find_tables(path: Path, suffixes: Sequence[str], measurements: bool = False) -> list[Path]:
    """Return a file itself, or the files of a folder, with some suffixes, without hidden files.

    With `measurements`, the tables of roads and locations in a folder are skipped, too.
    """
    files = [path] if path.is_file() else sorted(path.glob("[!.]*")) if path.is_dir() else []
    files = [each for each in files if each.is_file() and each.suffix.lower() in suffixes]
    for each in files:
        require_file(each)
    return [each for each in files if not measurements or each == path or not is_adjacency_table(each.name)]


def require_one(source: str, files: Sequence[Path]) -> Path:
    """Return the only file of a source; raise InputError if there are several."""
    if len(files) > 1:
        raise InputError(
            f"'{source}' holds {len(files)} tables ({files[0].name}, {files[1].name}): name one of them"
        )
    return files[0]
