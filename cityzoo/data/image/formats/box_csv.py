"""CSV of boxes, one line per box: the header names the columns, in any order, see `csv_columns`.

Without a header, the columns are those of keras-retinanet: path,x1,y1,x2,y2,class_name, in pixels. A row without
numbers (`image.jpg,,,,,`) is an image without boxes; paths are relative to the CSV file. A second CSV in the same
folder, with the lines `class_name,id`, defines the order of the classes; otherwise it is alphabetical. In a folder,
train.csv and val.csv are the splits.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from cityzoo.data.image.box_units import resolve_box_units
from cityzoo.data.image.csv_columns import CLASS, PATH, SPLIT, BoxColumns, has_box_columns, is_header
from cityzoo.data.image.csv_rows import csv_files, first_rows, rows, split_of_file
from cityzoo.data.image.image_index import ImageIndex
from cityzoo.data.image.raw import PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.data.image.raw_values import is_path, parse_size, require_unique
from cityzoo.errors import InputError

_PEEKED = 50  # rows that are read to find one with a box
ASSUMED = ["path", "x1", "y1", "x2", "y2", "class_name"]
Notes = list[tuple[str, str]]


def matches(source: str) -> bool:
    """Return whether `source` is a CSV of boxes or a folder with one."""
    return bool(_box_files(Path(source)))


def read(source: str) -> RawDataset:
    """Return the annotations of one CSV file, or of all in a folder.

    Raises:
        InputError: a header without the columns of boxes, class ids that are not numbers or are used twice.
    """
    files = _box_files(Path(source))
    class_file, ids = _class_ids(files[0].parent)
    index = ImageIndex(Path(source) if Path(source).is_dir() else files[0].parent)
    images: list[RawImage] = []
    notes: Notes = []
    for file in files:
        read_images, found = _read_file(file, ids, index)
        images += read_images
        notes += found
    names = sorted({box.name for image in images for box in image.boxes if box.problem != "malformed"})
    classes = sorted(ids, key=ids.__getitem__) if ids else names
    return RawDataset(tuple(classes), tuple(images), tuple(notes), (*map(str, files), class_file))


def _box_files(path: Path) -> list[Path]:
    return [each for each in csv_files(path) if _has_boxes(first_rows(each, _PEEKED))]


def _has_boxes(head: list[list[str]]) -> bool:
    # Six columns of 0 and 1 could be boxes too: the header decides.
    if head and is_header(head[0]):
        label_header = head[0][0].lower() == PATH and not has_box_columns(head[0])
        return has_box_columns(head[0]) or (not label_header and any(map(_is_box_row, head[1:])))
    return any(_is_box_row(row) for row in head)


def _is_box_row(row: list[str]) -> bool:
    if len(row) != len(ASSUMED) or not row[0]:
        return False
    return not any(row[1:]) or all(_number(field) is not None for field in row[1:5])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _class_ids(folder: Path) -> tuple[str, dict[str, int]]:
    """Return the file that defines the classes, and the id of each name."""
    for path in csv_files(folder):
        head = first_rows(path)
        if head and all(len(row) == 2 for row in head) and re.fullmatch(r"\d+", head[-1][1]):
            pairs = [_class_id(row, path, line) for line, row in rows(path) if line > 1 or not is_header(row)]
            require_unique(pairs, "class", "ids", str(path))
            require_unique(((number, name) for name, number in pairs), "class id", "classes", str(path))
            return str(path), dict(pairs)
    return "", {}


def _class_id(row: list[str], path: Path, line: int) -> tuple[str, int]:
    if len(row) != 2 or not row[1].isdecimal():
        raise InputError(f"{path}:{line}: '{','.join(row)[:200]}' is not a class: write class_name,id")
    return row[0], int(row[1])


def _read_file(path: Path, ids: dict[str, int], index: ImageIndex) -> tuple[list[RawImage], Notes]:
    numbered = list(rows(path))
    line, first = numbered[0]
    has_header = is_header(first)
    columns = BoxColumns(first if has_header else ASSUMED, f"{path}:{line}")
    notes = [] if has_header else [("assumed columns", str(path))]
    of_image: dict[str, list[tuple[int, list[str]]]] = {}
    for line, row in numbered[has_header:]:
        name = columns.get(row, PATH)
        if len(row) > 1 and is_path(name):
            of_image.setdefault(os.path.normpath(name), []).append((line, row))
        else:
            notes.append(("bad row", f"{path}:{line}"))
    images = [_image(path, name, of_name, columns, ids, index) for name, of_name in of_image.items()]
    images, found = resolve_box_units(images, str(path))
    return images, notes + found


def _image(
    path: Path,
    name: str,
    numbered: list[tuple[int, list[str]]],
    columns: BoxColumns,
    ids: dict[str, int],
    index: ImageIndex,
) -> RawImage:
    boxes = [_box(row, line, columns, ids) for line, row in numbered if not _is_without_box(row, columns)]
    first = numbered[0][1]
    split = split_of(columns.get(first, SPLIT)) or split_of_file(path)
    file = path.parent / name
    found = None if file.is_file() else index.find(name, split)
    declared = parse_size(*columns.size(first))
    return RawImage(str(found or file), tuple(boxes), PIXELS_XYXY, str(path), declared, split)


def _is_without_box(row: list[str], columns: BoxColumns) -> bool:
    return columns.is_empty(row) and not columns.get(row, CLASS)


def _box(row: list[str], line: int, columns: BoxColumns, ids: dict[str, int]) -> RawBox:
    numbers, name = columns.box(row), columns.get(row, CLASS)
    if len(row) != columns.width or numbers is None or not name:
        return RawBox((math.nan,) * 4, name or row[-1], f":{line}", "malformed")
    return RawBox(numbers, name, f":{line}", "unknown class" if ids and name not in ids else "")
