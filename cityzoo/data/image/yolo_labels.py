"""Label files of YOLO: where they are, and the boxes in them."""

from __future__ import annotations

import math
import os
from pathlib import Path

from cityzoo.data.image.raw import RawBox, read_text

_FOLDERS = ("labels", "label")
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
        found = [child for name in _FOLDERS if (child := self._child(folder, name))] + [folder]
        position = _images_position(folder)
        if position is None:
            return found
        parent, inside = Path(*folder.parts[:position]), folder.parts[position + 1 :]
        for name in reversed(_FOLDERS):
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
    positions = [number for number, part in enumerate(folder.parts) if part.lower() == "images"]
    return positions[-1] if positions else None


def _expected(image: Path) -> Path:
    parts, position = list(image.parent.parts), _images_position(image.parent)
    if position is not None:
        parts[position] = "labels"
    return Path(*parts) / f"{image.stem}.txt"


def read_labels(path: Path, names: dict[int, str], keypoints: bool) -> tuple[tuple[RawBox, ...], str]:
    """Return the boxes of a label file, and the remark "unlabelled" or "unreadable label", or "".

    keypoints: whether rows have keypoints after the box.
    """
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        return (), "unlabelled"
    except (OSError, ValueError):
        return (), "unreadable label"
    rows = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
    return tuple(_box(fields, names, f":{number}", keypoints) for number, fields in rows), ""


def has_yolo_row(path: Path) -> bool:
    """Return whether the first row of a file is a class id and the numbers of a box or polygon."""
    try:
        lines = read_text(path).splitlines()
        numbers = [float(text) for text in next((line for line in lines if line.strip()), "").split()]
    except (OSError, ValueError):
        return False
    return len(numbers) >= 5 and numbers[0].is_integer()


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
