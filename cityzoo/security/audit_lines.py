"""Lines of the audit log: their hashes, and whether files of them are as they were written."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError

START = "0" * 64  # hash before the first line
TAIL = re.compile(r'(?s)(.*),"hash":"([0-9a-f]{64})"\}')
MOST_PROBLEMS = 20


def verify_audit(
    *paths: Path, key: bytes | None = None, contains: str | None = None, after: str = START
) -> list[str]:
    """Return what is wrong with audit logs, [] if they are as they were written.

    That the end was cut off shows only in comparison with a hash that is kept elsewhere.

    Args:
        paths: files that follow each other, the oldest first.
        key: that they were written with.
        contains: hash of a line, noted earlier, that must still be there.
        after: hash of the last line of the file before, if that one was deleted.

    Raises:
        InputError: a file cannot be read.
    """
    problems: list[str] = []
    previous, seen = after, contains is None
    number = 1 if after == START else None
    for path in paths:
        for place, line in _lines(path):
            body, found = split_line(line)
            row = _row(body)
            seen = seen or found == contains
            if row is None:
                problems.append(f"{place}: not a line of an audit log, or cut off")
            elif not hmac.compare_digest(hash_line(body, key), found):
                problems.append(f"{place}: was changed, or was written with another key")
            elif row["previous"] != previous or number not in (None, row["n"]):
                problems.append(
                    f"{place}: does not follow the line before: lines were removed, added or moved"
                )
            previous, number = found, (row["n"] + 1 if row else None)
            if len(problems) >= MOST_PROBLEMS:
                return [*problems, "and perhaps more"]
    return (
        problems
        if seen
        else [*problems, f"the line with the hash {contains} is missing: the end was cut off"]
    )


def last_hash(path: Path) -> tuple[int, str]:
    """Return number and hash of the last line, to be kept elsewhere; (0, zeros) for an empty log."""
    last = None
    for _, last in _lines(path):  # noqa: B007
        pass
    return (read_number(last, path), split_line(last)[1]) if last else (0, START)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, 1):
                place = f"{path.name} line {number}"
                yield place, line[:-1] if line.endswith("\n") else line + " (cut off)"
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error.strerror}): give an audit log") from error


def split_line(line: str) -> tuple[str, str]:
    """Return what was hashed of a line, and its hash; "" if it has none.

    Example:
        >>> split_line('{"n":1,"hash":"' + "0" * 64 + '"}')[0]
        '{"n":1}'
    """
    match = TAIL.fullmatch(line)
    return (match[1] + "}", match[2]) if match else (line, "")


def _row(body: str) -> dict[str, Any] | None:
    try:
        row = json.loads(body)
    except (ValueError, RecursionError):
        return None
    good = isinstance(row, dict) and isinstance(row.get("n"), int) and isinstance(row.get("previous"), str)
    return row if good else None


def read_number(line: str, path: Path) -> int:
    """Return the number of a line.

    Raises:
        InputError: not a line of an audit log.
    """
    row = _row(split_line(line)[0])
    if row is None or not split_line(line)[1]:
        raise InputError(f"the last line of '{path}' is not a line of an audit log: give another file")
    return row["n"]


def hash_line(body: str, key: bytes | None) -> str:
    """Return the SHA-256 of a line's text, or its HMAC."""
    data = body.encode(errors="replace")
    return (hmac.new(key, data, "sha256") if key else hashlib.sha256(data)).hexdigest()
