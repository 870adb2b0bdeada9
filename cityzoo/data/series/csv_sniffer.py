"""What the first lines of a CSV tell: separator, decimal sign, header, and which columns are times or names."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

LOOKED_AT = 50  # lines that tell what a table is
SEPARATORS = ",;\t"
NO_NUMBER = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>"}  # what pandas takes for missing
_TIME_WORD = re.compile(
    r"((local|utc|start|date|date &) )?time|time ?stamp|datetime|ts|utc|from|period|measured at|"
    r"(date|time)( (local|utc))?"
)
_SENSOR_WORDS = ("sensor", "station", "detector", "node", "site", "location", "link", "segment", "device")
_IDS = ("", " id", " name", " code", "id")
SENSOR_NAMES = tuple(f"{word}{end}" for word in _SENSOR_WORDS for end in _IDS) + ("id",)
LATITUDES, LONGITUDES = ("latitude", "lat"), ("longitude", "lon", "lng")
_A_TIME = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([ T].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}([ T].*)?")


@dataclass(frozen=True)
class Look:
    """Hold what the first lines of a CSV tell.

    Attributes:
        separator: "," or ";" or tab.
        decimal: "." or ",".
        header: the first row's fields, () where the first row is of numbers.
        rows: the rows after it, up to `LOOKED_AT`.
        first: line of the file that the first row is in.
    """

    separator: str
    decimal: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first: int = 1

    @property
    def words(self) -> tuple[str, ...]:
        """The header in small letters, with blanks for _ and -."""
        return tuple(plain(field) for field in self.header)


def plain(field: str) -> str:
    """Return a column's name in small letters, with blanks for _ and -.

    Example:
        >>> plain(" Station_ID")
        'station id'
    """
    return re.sub(r"[_\-\s]+", " ", str(field)).strip().lower()


def first_of(words: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Return the position of the first wanted name that is there, None where none is.

    Example:
        >>> first_of(("time", "station"), ("sensor", "station"))
        1
    """
    return next((words.index(each) for each in wanted if each in words), None)


def is_time_word(field: str) -> bool:
    """Tell whether a column's name says that it holds times."""
    return _TIME_WORD.fullmatch(plain(field)) is not None


def sniff_csv(path: Path) -> Look | None:
    """Return what the first lines tell, None where it is no CSV with two rows; never raises."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [(n, line) for n, line in enumerate(islice(file, LOOKED_AT + 1), 1) if line.strip()]
    except (OSError, UnicodeDecodeError):
        return None
    if len(lines) < 2:
        return None
    separator = max(SEPARATORS, key=lines[0][1].count)
    try:
        rows = [
            tuple(field.strip() for field in row)
            for row in csv.reader([line for _, line in lines], delimiter=separator)
        ]
    except csv.Error:
        return None
    decimal = (
        "," if separator == ";" and any(re.fullmatch(r"-?\d+,\d+", f) for r in rows[1:] for f in r) else "."
    )
    header = rows[0] if _is_header(rows[0], rows[1:], decimal) else ()
    return Look(separator, decimal, header, tuple(rows[1 if header else 0 :]), lines[0][0])


def is_utf8(path: Path) -> bool:
    """Tell whether the first lines of a file can be read as UTF-8."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return all(isinstance(line, str) for line in islice(file, LOOKED_AT))
    except UnicodeDecodeError:
        return False


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]], decimal: str) -> bool:
    """Whether a first row names the columns: by words, or by numbers that are no measurements."""
    if not all(is_number(field, decimal) or looks_like_time(field) for field in first):
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
    """Tell whether a field is a number, or says that there is none.

    Example:
        >>> is_number("60.5"), is_number(""), is_number("NaN"), is_number("abc")
        (True, True, True, False)
    """
    if field.lower() in NO_NUMBER:
        return True
    try:
        float(field.replace(decimal, "."))
    except ValueError:
        return False
    return True


def looks_like_time(field: str) -> bool:
    """Tell whether a field is a date, with or without a time of day.

    Example:
        >>> looks_like_time("2012-03-01 00:05"), looks_like_time("3/1/2012"), looks_like_time("60.5")
        (True, True, False)
    """
    return _A_TIME.fullmatch(field) is not None


def is_adjacency_table(name: str) -> bool:
    """Tell whether a file's name says that it holds roads or places rather than measurements.

    Example:
        >>> is_adjacency_table("los_adj.csv"), is_adjacency_table("PEMS04_distance.csv"), is_adjacency_table("los_speed.csv")
        (True, True, False)
    """
    return (
        re.search(
            r"(?<![a-z])(adj|distances?\b|dist\b|graph|locations?\b|places?\b|neighbou?rs)", _spaced(name)
        )
        is not None
    )


def _spaced(name: str) -> str:
    return re.sub(r"[_\W]+", " ", name).lower()


def tables_at(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the file that a path is, or those directly in a folder, of some suffixes; hidden ones are passed over."""
    files = [path] if path.is_file() else sorted(path.glob("[!.]*")) if path.is_dir() else []
    return [each for each in files if each.is_file() and each.suffix.lower() in suffixes]
