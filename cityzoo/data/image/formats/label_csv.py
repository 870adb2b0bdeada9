"""CSV of whole images: `path,label[,split]`, or one column of 0 and 1 per class: `path,fire,smoke[,split]`.

The header determines which, and where the path is: `class,filename` will do. `label` is one class, several joined by
+ or ;, or empty for none of the classes. Paths are relative to the CSV. Splits are train, val and test, from the
column or the file name (train.csv). Classes are in alphabetical order, or in the order of their columns. An image that
is listed twice must have the same labels.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cityzoo.data.image.csv_columns import CLASS, PATH, SPLIT, find_columns, has_box_columns, is_header
from cityzoo.data.image.csv_rows import csv_files, first_rows, rows, split_of_file
from cityzoo.data.image.image_index import ImageIndex
from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, split_of
from cityzoo.data.image.raw_values import is_path, quote
from cityzoo.errors import InputError

_ZERO, _ONE = ("0", "0.0"), ("1", "1.0")
_JOINED = re.compile(r"[+;]")


def matches(source: str) -> bool:
    """Return whether `source` is a CSV with a header for labels of whole images, or a folder with one."""
    return bool(_files(Path(source)))


def read(source: str) -> RawDataset:
    """Return the labels of one CSV file, or of all in a folder.

    Raises:
        InputError: invalid columns or values, with file and line.
    """
    columns: dict[str, None] = {}
    found: set[str] = set()
    images: list[RawImage] = []
    files = _files(Path(source))
    index = ImageIndex(Path(source) if Path(source).is_dir() else files[0].parent)
    for file in files:
        header, lines = _read_file(file)
        columns |= dict.fromkeys(header.classes)
        found |= {name for line in lines for name in line.names}
        images += _merge_rows(file, lines, index)
    return RawDataset((*columns, *sorted(found - set(columns))), tuple(images), (), tuple(map(str, files)))


class _Header(NamedTuple):
    """Positions in a row; `classes` is empty if there is a column of labels."""

    path: int
    classes: tuple[str, ...]
    label: int | None
    split: int | None
    width: int


class _Line(NamedTuple):
    path: str
    names: tuple[str, ...]
    split: str | None
    number: int


def _files(path: Path) -> list[Path]:
    return [each for each in csv_files(path) if is_label_table(first_rows(each))]


def is_label_table(head: Sequence[Sequence[str]]) -> bool:
    """Return whether a table, of which the first two rows are given, has labels of whole images.

    Its header names the path and the class and no box, or the path first; or all values but the path are 0 and 1.

    Example:
        >>> is_label_table([["filename", "class"]]), is_label_table([["file", "fire", "smoke"], ["a.jpg", "0", "1"]])
        (True, True)
        >>> is_label_table([["path", "x1", "y1", "x2", "y2", "class_name"]]), is_label_table([["a.jpg", "car"]])
        (False, False)
    """
    if not head or len(head[0]) < 2 or not is_header(head[0]) or has_box_columns(head[0]):
        return False
    columns = find_columns(head[0])
    if PATH not in columns:
        return False
    others = [value for row in head[1:] for column, value in enumerate(row) if column not in columns.values()]
    return head[0][0].lower() == PATH or CLASS in columns or (bool(others) and set(others) <= {*_ZERO, *_ONE})


def _read_file(path: Path) -> tuple[_Header, list[_Line]]:
    of_file = split_of_file(path)
    numbered = iter(rows(path))
    header = _header(next(numbered)[1], f"{path}:1")
    return header, [_line(row, header, of_file, path, number) for number, row in numbered]


def _header(row: list[str], place: str) -> _Header:
    words = [field.lower() for field in row]
    again = next((row[number] for number, word in enumerate(words) if word in words[:number]), None)
    if again is not None:
        raise InputError(f"{place}: two columns are named {quote(again)}: rename one")
    columns = find_columns(row)
    label, split = columns.get(CLASS), columns.get(SPLIT)
    known = (columns[PATH], label, split)
    others = tuple(name for position, name in enumerate(row) if position not in known)
    if label is not None and others:
        raise InputError(
            f"{place}: unknown column {quote(others[0])}: write path,label,split, or one column per class and no "
            "column label"
        )
    if label is None and not others:
        raise InputError(f"{place}: no label column: write path,label or one column per class")
    return _Header(columns[PATH], others, label, split, len(row))


def _line(row: list[str], header: _Header, split: str | None, path: Path, number: int) -> _Line:
    place = f"{path}:{number}"
    if len(row) != header.width:
        raise InputError(
            f"{place}: {len(row)} fields, expected {header.width} as in the header: correct the row"
        )
    if not is_path(row[header.path]):
        raise InputError(f"{place}: no path: write the path of the image, relative to the CSV")
    if header.split is not None:
        split = _split(row[header.split], place)
    if header.label is not None:
        labels = [each.strip() for each in _JOINED.split(row[header.label])]
        return _Line(row[header.path], tuple(dict.fromkeys(each for each in labels if each)), split, number)
    values = [row[column] for column in range(header.width) if column not in (header.path, header.split)]
    pairs = zip(header.classes, values, strict=True)
    names = tuple(name for name, value in pairs if _is_one(value, f"{place}: {quote(name)}"))
    return _Line(row[header.path], names, split, number)


def _split(word: str, place: str) -> str | None:
    if word and split_of(word) is None:
        raise InputError(f"{place}: unknown split {quote(word)}: write train, val, test, or leave it empty")
    return split_of(word) if word else None


def _is_one(value: str, place: str) -> bool:
    if value not in (*_ZERO, *_ONE):
        raise InputError(f"{place} is {quote(value)}: write 1 if the class is present, 0 if not")
    return value in _ONE


def _merge_rows(path: Path, lines: list[_Line], index: ImageIndex) -> list[RawImage]:
    """Return one image per listed file, with a remark if its rows differ."""
    of_file: dict[str, list[_Line]] = {}
    for line in lines:
        file = path.parent / line.path
        found = None if file.is_file() else index.find(line.path, line.split)
        of_file.setdefault(os.path.normpath(found or file), []).append(line)
    images = []
    for name, same in of_file.items():
        one = len({(frozenset(line.names), line.split) for line in same}) == 1
        place = f"{path}:{' and '.join(str(line.number) for line in (same[:1] if one else same))}"
        remarks = () if one else ("contradiction",)
        first = same[0]
        images.append(RawImage(name, (), PIXELS_XYXY, place, None, first.split, remarks, first.names))
    return images
