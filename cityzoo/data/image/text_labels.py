"""Text files of labels, one per image: where they are, and the boxes in them, of YOLO and of KITTI."""

from __future__ import annotations

import math
import os
from pathlib import Path

from cityzoo.data.image.raw import RawBox
from cityzoo.data.image.raw_values import read_text

_FOLDERS = {
    "images": ("labels", "label"),
    "image_2": ("label_2",),
    "image_3": ("label_2",),
}  # of images: of labels
_KITTI_FIELDS = 15  # a prediction has a score after them
_NO_BOX = (math.nan,) * 4


class LabelFinder:
    """Lookup of label files, whatever the case of their names; folders are listed once.

    The label file of images/train/a.jpg is labels/train/a.txt, or a.txt in the folder of the image or in labels/ there.
    """

    def __init__(self) -> None:
        """Start without any listing."""
        self._listings: dict[Path, dict[str, list[str]]] = {}
        self._candidates: dict[Path, list[Path]] = {}

    def find(self, image: Path) -> Path:
        """Return the label file of an image, or the path at which it was expected first."""
        if image.parent not in self._candidates:
            self._candidates[image.parent] = self._folders(image.parent)
        folders = self._candidates[image.parent]
        found = (self._child(folder, f"{image.stem}.txt") for folder in folders)
        return next((each for each in found if each), _expected(image))

    def _folders(self, folder: Path) -> list[Path]:
        found = [child for name in _FOLDERS["images"] if (child := self._child(folder, name))] + [folder]
        position = _images_position(folder)
        if position is None:
            return found
        parent, inside = Path(*folder.parts[:position]), folder.parts[position + 1 :]
        for name in reversed(_FOLDERS[folder.parts[position].lower()]):
            place = self._child(parent, name)
            for part in inside:
                place = place and self._child(place, part)
            if place:
                found.insert(0, place)
        return found

    def _child(self, folder: Path, name: str) -> Path | None:
        """Return the entry of a folder with a name: the same, or the only one that differs in the case of letters."""
        if folder not in self._listings:
            listing: dict[str, list[str]] = {}
            for entry in os.listdir(folder) if folder.is_dir() else []:
                listing.setdefault(entry.lower(), []).append(entry)
            self._listings[folder] = listing
        entries = self._listings[folder].get(name.lower(), [])
        if name in entries:
            return folder / name
        return folder / entries[0] if len(entries) == 1 else None


def _images_position(folder: Path) -> int | None:
    positions = [number for number, part in enumerate(folder.parts) if part.lower() in _FOLDERS]
    return positions[-1] if positions else None


def _expected(image: Path) -> Path:
    parts, position = list(image.parent.parts), _images_position(image.parent)
    if position is not None:
        parts[position] = _FOLDERS[parts[position].lower()][0]
    return Path(*parts) / f"{image.stem}.txt"


def read_yolo_labels(path: Path, names: dict[int, str], keypoints: bool) -> tuple[tuple[RawBox, ...], str]:
    """Return the boxes of a label file of YOLO, and the remark "unlabelled" or "unreadable label", or "".

    keypoints: whether rows have keypoints after the box.
    """
    rows, remark = _read_rows(path)
    return tuple(_box(fields, names, f":{number}", keypoints) for number, fields in rows), remark


def read_kitti_labels(path: Path) -> tuple[tuple[RawBox, ...], str]:
    """Return the boxes of a label file of KITTI in pixels x1, y1, x2, y2, and the remark as for YOLO.

    Regions called DontCare have the problem "crowd": objects there are not labeled one by one.
    """
    rows, remark = _read_rows(path)
    boxes = []
    for number, fields in rows:
        try:
            numbers = tuple(float(text) for text in fields[4:8])
        except ValueError:
            numbers = ()
        bad = len(numbers) < 4 or len(fields) < _KITTI_FIELDS
        problem = "malformed" if bad else "crowd" if fields[0].lower() == "dontcare" else ""
        boxes.append(RawBox(_NO_BOX if bad else numbers, fields[0], f":{number}", problem))
    return tuple(boxes), remark


def _read_rows(path: Path) -> tuple[list[tuple[int, list[str]]], str]:
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        return [], "unlabelled"
    except (OSError, ValueError):
        return [], "unreadable label"
    return [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()], ""


def has_yolo_row(path: Path) -> bool:
    """Return whether the first row of a file is a class id and the numbers of a box or polygon."""
    fields = next((fields for _, fields in _read_rows(path)[0]), [])
    return len(fields) >= 5 and _are_numbers(fields) and float(fields[0]).is_integer()


def has_kitti_row(path: Path) -> bool:
    """Return whether the first row of a file is a class name and the 14 numbers of KITTI, or more."""
    fields = next((fields for _, fields in _read_rows(path)[0]), [])
    return len(fields) >= _KITTI_FIELDS and not _are_numbers(fields[:1]) and _are_numbers(fields[1:])


def _are_numbers(fields: list[str]) -> bool:
    try:
        return all(math.isfinite(float(text)) for text in fields)
    except ValueError:
        return False


def _box(fields: list[str], names: dict[int, str], mark: str, keypoints: bool) -> RawBox:
    try:
        class_id, *numbers = (float(text) for text in fields)
    except ValueError:
        return RawBox(_NO_BOX, fields[0], mark, "malformed")
    if keypoints:
        numbers = numbers[:4]
    name = names.get(int(class_id)) if class_id.is_integer() else None
    if len(numbers) >= 6 and len(numbers) % 2 == 0:
        numbers = _around_polygon(numbers)
    if len(numbers) != 4:
        return RawBox(_NO_BOX, name or fields[0], mark, "malformed")
    return RawBox(tuple(numbers), name or fields[0], mark, "" if name else "unknown class")


def _around_polygon(numbers: list[float]) -> list[float]:
    left, right = min(numbers[::2]), max(numbers[::2])
    top, bottom = min(numbers[1::2]), max(numbers[1::2])
    return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
