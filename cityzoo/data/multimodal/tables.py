"""Read tables of rows with several modalities: CSV, TSV and JSONL, cells as they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data.files import OWN_FILES, files_under
from cityzoo.data.multimodal.examples import MODALITIES
from cityzoo.data.multimodal.findings import MultimodalFindings
from cityzoo.data.text.findings import TextFindings
from cityzoo.data.text.formats import SPLITS, split_of
from cityzoo.data.text.formats.decode import read_text
from cityzoo.data.text.formats.table import read_rows
from cityzoo.errors import InputError

COLUMNS = ("time", "place", *MODALITIES, "label", "split")
TABLES, LINES = (".csv", ".tsv"), (".jsonl", ".ndjson")


@dataclass(frozen=True)
class RawRow:
    """A row as a file has it."""

    file: Path
    place_in_file: str  # name of the file and line
    values: dict[str, Any]  # column -> value, without empty ones
    split: str = ""
    time: float | None = None  # seconds since 1970


def read(source: str, findings: MultimodalFindings, parts: Sequence[str] = ()) -> list[RawRow]:
    """Read all tables of a file or folder, except those that are parts, with their times parsed.

    Raises:
        InputError: nothing there, no known column, or a time that cannot be read.
    """
    path = Path(source)
    if not path.exists():
        raise InputError(f"'{source}' does not exist: give a CSV or JSONL, or a folder with train and val")
    if path.is_file() and path.suffix.lower() not in TABLES + LINES:
        raise InputError(f"'{source}' is neither CSV, TSV nor JSONL: give one of them")
    apart = {Path(part).resolve() for part in parts}
    files = [path] if path.is_file() else [file for file in files_under(path) if file.parent == path]
    tables = [each for each in files if each.suffix.lower() in TABLES + LINES and each.resolve() not in apart]
    found = [row for file in tables for row in _read(file, path.is_file(), findings)]
    if not found:
        raise InputError(f"'{source}' holds no rows: give CSV or JSONL with the columns {', '.join(COLUMNS)}")
    return found


def _read(file: Path, is_named: bool, findings: MultimodalFindings) -> list[RawRow]:
    """Return the rows of a table; none of one without a modality, unless the user named it."""
    is_table = file.suffix.lower() in TABLES
    rows = _read_table(file) if is_table else _read_lines(file)
    names = dict.fromkeys(name for _, values in rows for name in values)
    if not set(names) & set(MODALITIES):
        if is_named:
            raise InputError(
                f"'{file}' has the columns {', '.join(names)[:200]}: name them {', '.join(COLUMNS)}"
            )
        if file.name not in OWN_FILES and "label" in names:  # others may hold windows of sensors
            findings.add("unused file", file.name)
        return []
    for name in names:
        if name not in COLUMNS:
            findings.add("unused column", f"{file.name}: {name}")
    findings.format = findings.format or ("csv" if is_table else "jsonl")
    return _parse(file, rows)


def _read_table(file: Path) -> list[tuple[int, dict[str, Any]]]:
    header, rows = read_rows(file, TextFindings(str(file), "csv"))
    names = [name.lower() for name in header]
    return [(line, dict(zip(names, (v.strip() for v in row), strict=True))) for line, row in rows]


def _read_lines(file: Path) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(read_text(file, TextFindings(str(file), "jsonl")).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"'{file}' line {number} is not JSON ({str(error)[:120]}): correct it"
            ) from error
        if not isinstance(record, dict):
            raise InputError(f'\'{file}\' line {number} is no object: give {{"image": ..., "label": ...}}')
        rows.append((number, {str(name).lower(): value for name, value in record.items()}))
    return rows


def _parse(file: Path, rows: Sequence[tuple[int, dict[str, Any]]]) -> list[RawRow]:
    kept = [
        (line, {name: value for name, value in values.items() if value not in ("", None, [])})
        for line, values in rows
    ]
    times = parse_times(file, kept)
    return [
        RawRow(
            file,
            f"{file.name}:{line}",
            values,
            SPLITS.get(str(values.get("split", "")).lower(), split_of(file)),
            time,
        )
        for (line, values), time in zip(kept, times, strict=True)
    ]


def parse_times(file: Path, rows: Sequence[tuple[int, dict[str, Any]]]) -> list[float | None]:
    """Return the time of each row in seconds since 1970; None where it has none.

    Raises:
        InputError: a time that cannot be read.
    """
    written = [str(values["time"]) for _, values in rows if "time" in values]
    if not written:
        return [None] * len(rows)
    import pandas

    from cityzoo.data.series.raw import Origin
    from cityzoo.data.series.timestamps import read_times

    found = read_times(pandas.Series(written), Origin((str(file),)), "time").times
    if found is None:  # 0, 1, 2, ...: the rows are numbered, a second each
        found = np.arange(len(written)).astype("datetime64[s]")
    seconds = iter(found.astype("datetime64[s]").astype(np.int64).tolist())
    return [float(next(seconds)) if "time" in values else None for _, values in rows]
