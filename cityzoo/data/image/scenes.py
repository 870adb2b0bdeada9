"""Camera or scene of an image, by its file name, folder, a pattern or a table."""

from __future__ import annotations

import csv
import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from cityzoo.data.image import csv_rows
from cityzoo.data.image.hash_split import scene_folder
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

AUTO, FOLDER, OTHER = "auto", "folder", "other"
HOW = "auto, folder, a pattern with one group such as 'cam(\\d+)', or a .csv of file name and slice"
Naming = Callable[[Sequence[str]], list[str]]  # paths -> the scene of each


def scene_names(truth: ImageSet) -> list[str]:
    """Return the scene of each image, "" if unknown or if it is the folder of a class.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> images = [ImageExample("a.jpg", (8, 8), scene=scene) for scene in ("cam1", "Car", "car/img")]
        >>> scene_names(ImageSet("val", ("car",), tuple(images)))
        ['cam1', '', '']
    """
    classes = {name.lower() for name in truth.class_names}
    scenes = [image.scene for image in truth.examples]
    return ["" if scene.split("/")[0].lower() in classes else scene for scene in scenes]


def parse_slice_by(by: str) -> Naming:
    """Return a function from paths to their scenes.

    Args:
        by: "folder": the nearest folder not named "images" or after a split. A .csv: rows of file name (or path, or
            glob pattern) and scene, the first match counts. Anything else: a regular expression with one group,
            searched in the path. Files without match are "other".

    Raises:
        InputError: a table that is missing or has not two columns, an invalid pattern, or one without exactly one
            group. The returned function raises it if no file matches.

    Example:
        >>> parse_slice_by(r"(cam\\d+)")(["cam1/a.jpg", "cam2/a.jpg", "b.jpg"])
        ['cam1', 'cam2', 'other']
        >>> parse_slice_by("folder")(["roads/cam1/val/images/a.jpg"])
        ['cam1']
    """
    if by == FOLDER:
        return lambda paths: [scene_folder(Path(path)) or OTHER for path in paths]
    table = Path(by) if by.lower().endswith(".csv") else None
    name = _by_pattern(by) if table is None else _by_rows(_rows(table))

    def checked(paths: Sequence[str]) -> list[str]:
        names = name(paths)
        if paths and set(names) == {OTHER}:
            raise InputError(
                f"--slice-by '{by}' matches none of {len(paths)} files, e.g. '{paths[0]}': expected {HOW}"
            )
        return names

    return checked


def _by_pattern(by: str) -> Naming:
    try:
        pattern = re.compile(by)
    except re.error as error:
        raise InputError(
            f"--slice-by '{by}' is not a valid regular expression ({error}): expected {HOW}"
        ) from error
    if pattern.groups != 1:
        raise InputError(
            f"--slice-by '{by}' has {pattern.groups} groups, expected one for the slice, e.g. 'cam(\\d+)'; "
            "(?:...) does not count as a group"
        )

    def scene(path: str) -> str:
        match = pattern.search(path)
        return (match[1] if match else "") or OTHER

    return lambda paths: [scene(path) for path in paths]


def _rows(table: Path) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    try:
        for line, fields in csv_rows.rows(table):
            if len(fields) != 2 or not all(fields):
                raise InputError(
                    f"'{table}' line {line} has {sum(map(bool, fields))} fields, expected two: "
                    "file name or pattern, slice"
                )
            rows.append((fields[0], fields[1]))
    except (OSError, csv.Error) as error:
        raise InputError(f"--slice-by '{table}' cannot be read ({error}): expected {HOW}") from error
    return rows


def _by_rows(rows: Sequence[tuple[str, str]]) -> Naming:
    # A header matches no file: no need to detect it.
    def name(paths: Sequence[str]) -> list[str]:
        scenes: dict[int, str] = {}
        files = [Path(path) for path in paths]
        of_name = defaultdict(list)
        for place, file in enumerate(files):
            of_name[file.name].append(place)
        for pattern, scene in rows:
            wild = re.search(r"[*?\[]", pattern)
            for place in range(len(files)) if wild else of_name.get(Path(pattern).name, ()):
                if place not in scenes and _fits(files[place], pattern):
                    scenes[place] = scene
        return [scenes.get(place, OTHER) for place in range(len(files))]

    return name


def _fits(file: Path, pattern: str) -> bool:
    """Return whether a name or pattern matches a file, or the last folders of its path."""
    whole, end = file.as_posix(), pattern.removeprefix("./")
    return (
        file.name == end
        or whole == end
        or fnmatch.fnmatchcase(whole, end)
        or fnmatch.fnmatchcase(whole, f"*/{end}")
    )
