"""Formats of texts: one file each; found by the files' names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.data.files import OWN_FILES, files_under
from cityzoo.data.text.findings import TextFindings
from cityzoo.errors import InputError, unknown

SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "eval": "val", "test": "test",
}  # fmt: skip
OUTSIDE = ("oos", "out_of_scope", "out-of-scope", "outofscope", "ood")  # labels that stand for no class


@dataclass(frozen=True)
class RawText:
    """A text as a file has it."""

    text: str
    labels: tuple[str, ...] | None  # None: not given in the file; (): none of the classes
    place: str  # file and line
    split: str = ""  # train, val, test, or "": not said
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Columns:
    """Names of columns or keys that the user gave; "": found by their names."""

    text: str = ""
    label: str = ""
    separator: str = ""  # between several labels in one field
    group: str = ""
    several: bool = False  # a text may have several labels, or none


Reader = Callable[[Path, str, Columns, TextFindings], Iterator[RawText]]


def read(source: str, format: str | None, columns: Columns, findings: TextFindings) -> list[RawText]:
    """Read all texts of a file or folder.

    Raises:
        InputError: nothing there, or files that cannot be read as texts.
    """
    from cityzoo.data.text.formats import class_folders, conll, json_records, table

    readers: dict[str, tuple[tuple[str, ...], Any]] = {
        "csv": ((".csv", ".tsv"), table.read),
        "json": ((".json", ".jsonl", ".ndjson"), json_records.read),
        "conll": ((".conll", ".bio", ".iob", ".iob2"), conll.read),
        "folders": ((".txt",), None),
    }
    if format is not None and format not in readers:
        raise unknown("format of texts", format, readers)
    path = Path(source)
    if not path.exists():
        raise InputError(
            f"'{source}' does not exist: give a CSV, JSON, JSONL or CoNLL file, or a folder of them"
        )
    files = [path] if path.is_file() else list(files_under(path))
    found: list[RawText] = []
    if path.is_dir() and (format == "folders" or (format is None and class_folders.is_format(files, path))):
        return list(class_folders.read(path, files, findings))
    for file in files:
        if file.name in OWN_FILES:
            continue
        kind = next((name for name, (ends, _) in readers.items() if file.suffix.lower() in ends), None)
        if kind == "folders":  # in a CoNLL data set files are often named .txt
            kind = "conll" if format == "conll" or conll.is_format(file) else None
        if kind is None or (format is not None and kind != format):
            if file.name.lower() not in ("license", "readme.md", "readme.txt", "licence"):
                findings.add("unused file", str(file.relative_to(path) if path.is_dir() else file.name))
            continue
        findings.format = findings.format or kind
        found += readers[kind][1](file, split_of(file), columns, findings)
    if not found:
        raise InputError(
            f"'{source}' holds no texts: expected CSV or TSV with a column of texts, JSON, JSONL, CoNLL (words with "
            "tags), or a folder for each class"
        )
    return found


def split_of(file: Path) -> str:
    """Return the split that a file's name, or that of its folder, says; "" for none.

    Example:
        >>> split_of(Path("banking/train.csv")), split_of(Path("dev/a.jsonl")), split_of(Path("texts.csv"))
        ('train', 'val', '')
    """
    for word in (*file.stem.lower().replace("-", "_").split("_"), file.parent.name.lower()):
        if word in SPLITS:
            return SPLITS[word]
    return ""


def parse_labels(value: Any, separator: str) -> tuple[str, ...] | None:
    """Return the labels of a field: a text, a number, or a list of them.

    Returns:
        None where there is no field; () for an empty one and for one like "oos": none of the classes fits.

    Example:
        >>> parse_labels("flood;ice", ";"), parse_labels(["a"], ""), parse_labels("", ""), parse_labels("oos", "")
        (('flood', 'ice'), ('a',), (), ())
    """
    if value is None:
        return None
    parts = value if isinstance(value, (list, tuple)) else [value]
    parts = [
        str(part).strip() for each in parts for part in (str(each).split(separator) if separator else [each])
    ]
    labels = tuple(dict.fromkeys(part for part in parts if part))
    return () if all(label.lower() in OUTSIDE for label in labels) else labels
