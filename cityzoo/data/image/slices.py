"""Slices of an image set by brightness, blur, crowding, size and scene.

The scene or camera of an image follows from its file name, its folder, a pattern or a table.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cityzoo.data.image import csv_rows
from cityzoo.data.image.hash_split import scene_folder
from cityzoo.data.image.image_statistics import measure_images
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

AUTO, FOLDER, OTHER = "auto", "folder", "other"
HOW = "auto, folder, a pattern with one group such as 'cam(\\d+)', or a .csv of file name and slice"
Naming = Callable[[Sequence[str]], list[str]]  # paths -> the scene of each
# Median luma. Frames of fixed cameras reached 47 at night (lit lanes) and started at 73 by day (low sun), with dusk,
# rain, halls and smoke in between. Photographs at night can be lighter: the image's darkness counts, not the hour.
NIGHT, DAY = 50, 70
CROWDS = ((0, 0, "0"), (1, 4, "1-4"), (5, 14, "5-14"), (15, np.inf, "15+"))  # boxes in an image
SMALL, MEDIUM = 32**2, 96**2  # pixels of an image or crop: COCO's limits for objects
SCENES = (2, 30)  # number of scenes found automatically
MOST_SCENES = 100  # of a pattern or a table
Masks = dict[str, dict[str, np.ndarray]]


def slice_masks(
    truth: ImageSet, by: str = AUTO, progress: Callable[[int, int], object] | None = None
) -> Masks:
    """Return the images of each slice.

    - brightness: night, dusk and day, by the median luma of the whole file.
    - blur: blurry, medium and sharp, thirds of this set by `sharpness`, unless all are equal.
    - crowding: number of boxes, if there are any.
    - size: small, medium and large images, for crops without boxes.
    - scene: camera or scene.

    Args:
        truth: N images.
        by: "auto": `ImageExample.scene`, if 2 to 30 scenes of at least 2 images make up half of the set; else see
            `parse_slice_by`.
        progress: called with the number of measured images and N.

    Returns:
        attribute -> slice -> (N,) bool; slices of an attribute are disjoint and not empty.

    Raises:
        InputError: `by` is invalid, matches no file or gives more than 100 scenes.
    """
    scenes = _auto_scenes(truth) if by == AUTO else _parse_scenes(truth, by)  # errors before reading files
    measured = measure_images(truth.examples, progress)
    boxes = np.array([len(image.labels) for image in truth.examples])
    area = np.array([image.size_hw[0] * image.size_hw[1] for image in truth.examples])
    thirds = np.quantile(measured.sharpness, [1 / 3, 2 / 3])
    blur = _parts(measured.sharpness, thirds, ("blurry", "medium", "sharp"))
    size = {} if boxes.any() else _parts(area, (SMALL, MEDIUM), ("small", "medium", "large"))
    crowding = {name: (boxes >= least) & (boxes <= most) for least, most, name in CROWDS}
    found = {
        "brightness": _parts(measured.luma, (NIGHT, DAY), ("night", "dusk", "day")),
        "blur": blur if len(blur) > 1 else {},
        "crowding": {name: mask for name, mask in crowding.items() if mask.any()} if boxes.any() else {},
        "size": size if len(size) > 1 else {},
        "scene": scenes,
    }
    return {by: masks for by, masks in found.items() if masks}


def _parts(values: np.ndarray, limits: Sequence[float], names: Sequence[str]) -> dict[str, np.ndarray]:
    part = np.searchsorted(limits, values, side="right")
    return {name: part == number for number, name in enumerate(names) if (part == number).any()}


def _auto_scenes(truth: ImageSet) -> dict[str, np.ndarray]:
    scenes = scene_names(truth)
    counts = Counter(scene for scene in scenes if scene)
    kept = {scene for scene, count in counts.items() if count > 1}
    is_half = 2 * sum(counts[scene] for scene in kept) >= len(scenes)
    if not (SCENES[0] <= len(kept) <= SCENES[1] and is_half):
        return {}
    return _groups([scene if scene in kept else OTHER for scene in scenes])


def _parse_scenes(truth: ImageSet, by: str) -> dict[str, np.ndarray]:
    groups = _groups(parse_slice_by(by)([image.path for image in truth.examples]))
    if len(groups) > MOST_SCENES:
        raise InputError(
            f"--slice-by '{by}' gives {len(groups)} slices of {len(truth)} images, allowed are {MOST_SCENES}: "
            "use a group that more files share"
        )
    return groups


def _groups(scenes: Sequence[str]) -> dict[str, np.ndarray]:
    names = np.array(scenes)
    return {
        str(name): names == name
        for name in sorted(set(names.tolist()), key=lambda each: (each == OTHER, each))
    }


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
