"""CSV with the columns of keras-retinanet: path,x1,y1,x2,y2,class_name, one line per box, pixels.

`image.jpg,,,,,` is an image without boxes; paths are relative to the CSV file. A second CSV in the same folder, with
the lines `class_name,id`, defines the order of the classes; otherwise it is alphabetical. In a folder, train.csv and
val.csv are the splits.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from cityzoo.data.image.csv_rows import csv_files, first_rows, is_label_header, rows
from cityzoo.data.image.raw import PIXELS_XYXY, RawBox, RawDataset, RawImage, split_of
from cityzoo.errors import InputError

COLUMNS = 6


def matches(source: str) -> bool:
    """Return whether `source` is a CSV of boxes or a folder with one."""
    return bool(_box_files(Path(source)))


def read(source: str) -> RawDataset:
    """Return the annotations of one CSV file, or of all in a folder.

    Raises:
        InputError: class ids that are not numbers.
    """
    files = _box_files(Path(source))
    ids = _class_ids(files[0].parent)
    images = [image for file in files for image in _read_file(file, ids)]
    found = sorted({box.name for image in images for box in image.boxes if box.problem != "malformed"})
    return RawDataset(tuple(sorted(ids, key=ids.__getitem__)) if ids else tuple(found), tuple(images))


def _box_files(path: Path) -> list[Path]:
    return [each for each in csv_files(path) if _has_boxes(first_rows(each))]


def _has_boxes(head: list[list[str]]) -> bool:
    # Six columns of 0 and 1 could be boxes too: the header decides.
    return bool(head) and not is_label_header(head[0]) and any(_is_box_row(row) for row in head)


def _is_box_row(row: list[str]) -> bool:
    if len(row) != COLUMNS or not row[0]:
        return False
    return not any(row[1:]) or all(_number(field) is not None for field in row[1:5])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _class_ids(folder: Path) -> dict[str, int]:
    for path in csv_files(folder):
        head = first_rows(path)
        if head and all(len(row) == 2 for row in head) and re.fullmatch(r"\d+", head[-1][1]):
            return {
                row[0]: _class_id(row, path, line) for line, row in rows(path) if not _is_header(line, row)
            }
    return {}


def _is_header(line: int, row: list[str]) -> bool:
    return line == 1 and bool(row[1]) and _number(row[1]) is None


def _class_id(row: list[str], path: Path, line: int) -> int:
    if len(row) != 2 or not row[1].isdigit():
        raise InputError(f"{path}:{line}: '{','.join(row)}' is not a class: write class_name,id")
    return int(row[1])


def _read_file(path: Path, ids: dict[str, int]) -> list[RawImage]:
    words = re.split(r"[_\-. ]", path.stem)
    split = next((each for each in map(split_of, words) if each), None)
    boxes: dict[str, list[RawBox]] = {}
    for line, row in rows(path):
        if _is_header(line, row):
            continue
        of_image = boxes.setdefault(row[0], [])
        if any(row[1:]):
            of_image.append(_box(row, line, ids))
    return [
        RawImage(str(path.parent / name), tuple(each), PIXELS_XYXY, str(path), None, split)
        for name, each in boxes.items()
    ]


def _box(row: list[str], line: int, ids: dict[str, int]) -> RawBox:
    numbers = tuple(number for field in row[1:5] if (number := _number(field)) is not None)
    if len(row) != COLUMNS or len(numbers) < 4 or not row[5]:
        return RawBox((math.nan,) * 4, row[-1], f":{line}", "malformed")
    return RawBox(numbers, row[5], f":{line}", "unknown class" if ids and row[5] not in ids else "")
