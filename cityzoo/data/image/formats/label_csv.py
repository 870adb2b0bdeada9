"""CSV of whole images: `path,label[,split]`, or one column of 0 and 1 per class: `path,fire,smoke[,split]`.

The header determines which. `label` is one class, several joined by + or ;, or empty for none of the classes. Paths
are relative to the CSV. Splits are train, val and test, from the column or the file name (train.csv). Classes are in
alphabetical order, or in the order of their columns. An image that is listed twice must have the same labels.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from cityzoo.data.image.csv_rows import LABEL, SPLIT, csv_files, first_rows, is_label_header, rows
from cityzoo.data.image.raw import PIXELS_XYXY, RawDataset, RawImage, split_of
from cityzoo.errors import InputError

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
    for file in _files(Path(source)):
        header, lines = _read_file(file)
        columns |= dict.fromkeys(header.classes)
        found |= {name for line in lines for name in line.names}
        images += _merge_rows(file, lines)
    return RawDataset((*columns, *sorted(found - set(columns))), tuple(images))


class _Header(NamedTuple):
    """Positions in a row; `classes` is empty if there is a column `label`."""

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
    return [each for each in csv_files(path) if is_label_header((first_rows(each) or [[]])[0])]


def _read_file(path: Path) -> tuple[_Header, list[_Line]]:
    words = re.split(r"[_\-. ]", path.stem)
    of_file = next((each for each in map(split_of, words) if each), None)
    numbered = iter(rows(path))
    header = _header(next(numbered)[1], f"{path}:1")
    return header, [_line(row, header, of_file, path, number) for number, row in numbered]


def _header(row: list[str], place: str) -> _Header:
    words = [field.lower() for field in row]
    again = next((row[number] for number, word in enumerate(words) if word in words[:number]), None)
    if again is not None:
        raise InputError(f"{place}: two columns are named '{again}': rename one")
    split = words.index(SPLIT) if SPLIT in words else None
    label = words.index(LABEL) if LABEL in words else None
    known = (words[0], LABEL, SPLIT)
    others = tuple(name for name, word in zip(row, words, strict=True) if word not in known)
    if label is not None and others:
        raise InputError(
            f"{place}: unknown column '{others[0]}': write path,label,split, or one column per class and no "
            "column label"
        )
    if label is None and not others:
        raise InputError(f"{place}: no label column: write path,label or one column per class")
    return _Header(others, label, split, len(row))


def _line(row: list[str], header: _Header, split: str | None, path: Path, number: int) -> _Line:
    place = f"{path}:{number}"
    if len(row) != header.width:
        raise InputError(
            f"{place}: {len(row)} fields, expected {header.width} as in the header: correct the row"
        )
    if not row[0]:
        raise InputError(f"{place}: no path: write the path of the image, relative to the CSV")
    if header.split is not None:
        split = _split(row[header.split], place)
    if header.label is not None:
        labels = [each.strip() for each in _JOINED.split(row[header.label])]
        return _Line(row[0], tuple(dict.fromkeys(each for each in labels if each)), split, number)
    values = [row[column] for column in range(1, header.width) if column != header.split]
    pairs = zip(header.classes, values, strict=True)
    names = tuple(name for name, value in pairs if _is_one(value, f"{place}: '{name}'"))
    return _Line(row[0], names, split, number)


def _split(word: str, place: str) -> str | None:
    if word and split_of(word) is None:
        raise InputError(f"{place}: unknown split '{word}': write train, val, test, or leave it empty")
    return split_of(word) if word else None


def _is_one(value: str, place: str) -> bool:
    if value not in ("0", "1", "0.0", "1.0"):
        raise InputError(f"{place} is '{value}': write 1 if the class is present, 0 if not")
    return value.startswith("1")


def _merge_rows(path: Path, lines: list[_Line]) -> list[RawImage]:
    """Return one image per listed file, with a remark if its rows differ."""
    of_file: dict[str, list[_Line]] = {}
    for line in lines:
        of_file.setdefault(os.path.normpath(path.parent / line.path), []).append(line)
    images = []
    for file, same in of_file.items():
        one = len({(frozenset(line.names), line.split) for line in same}) == 1
        place = f"{path}:{' and '.join(str(line.number) for line in (same[:1] if one else same))}"
        remarks = () if one else ("contradiction",)
        first = same[0]
        images.append(RawImage(file, (), PIXELS_XYXY, place, None, first.split, remarks, first.names))
    return images
