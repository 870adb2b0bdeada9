"""Redaction of text files: logs, tables and training text, line by line."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cityzoo.data.text.personal_data import KINDS, mask_text
from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

SUFFIXES = (".txt", ".log", ".csv", ".tsv", ".jsonl", ".json", ".md")
MASK = re.compile(rf"\[({'|'.join(KINDS)})\]")


def is_text(path: Path) -> bool:
    """Return whether a file has the suffix of text."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def redact_text_file(source: Path, target: Path, names: Iterable[str] = ()) -> Counter[str]:
    """Write a masked copy of a text file; return the number of masks by kind.

    The cells of a .csv or .tsv file and the strings of a .jsonl or .json file are masked one by one.

    Raises:
        InputError: not UTF-8, or damaged JSON.
    """
    listed, masks = tuple(names), Counter[str]()

    def mask(text: str) -> str:
        masked = mask_text(text, listed)
        masks.update(MASK.findall(masked))
        masks.subtract(MASK.findall(text))
        return masked

    kind = source.suffix.lower()
    try:
        with (
            source.open(encoding="utf-8-sig", newline="") as file,
            replace_file(target) as part,
            part.open("w", encoding="utf-8", newline="") as copy,
        ):
            if kind in (".csv", ".tsv"):
                delimiter = "\t" if kind == ".tsv" else ","
                rows = csv.reader(file, delimiter=delimiter)
                csv.writer(copy, delimiter=delimiter, lineterminator="\n").writerows(
                    map(mask, row) for row in rows
                )
            elif kind == ".json":
                json.dump(_mask_strings(json.load(file), mask), copy, ensure_ascii=False, indent=1)
            else:
                copy.writelines(_mask_line(line, mask, kind) for line in file)
    except ValueError as error:
        raise InputError(
            f"'{source}' cannot be read as {kind} in UTF-8 ({error}): convert it, or call it .txt"
        ) from error
    return +masks


def _mask_line(line: str, mask: Any, kind: str) -> str:
    if kind != ".jsonl" or not line.strip():
        return mask(line)
    return json.dumps(_mask_strings(json.loads(line), mask), ensure_ascii=False) + "\n"


def _mask_strings(value: Any, mask: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(key): _mask_strings(each, mask) for key, each in value.items()}
    return [_mask_strings(each, mask) for each in value] if isinstance(value, list) else value


def read_names(path: Path) -> Iterator[str]:
    """Yield the names in a file, one per line.

    Raises:
        InputError: it cannot be read.
    """
    try:
        yield from filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--names '{path}' cannot be read ({error}): give a UTF-8 file, one name per line"
        ) from error
