"""Slices of an image set by brightness, blur, crowding, size and scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from cityzoo.data.image.image_statistics import measure_images
from cityzoo.data.image.scenes import AUTO, OTHER, parse_slice_by, scene_names
from cityzoo.errors import InputError
from cityzoo.sample import ImageSet

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

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from cityzoo.sample import ImageExample
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, luma in (("cam1_1", 20), ("cam1_2", 60), ("cam2_1", 90)):
        ...         Image.new("L", (64, 48), luma).save(f"{folder}/{name}.png")
        ...     shown = [ImageExample(f"{folder}/{name}.png", (48, 64)) for name in ("cam1_1", "cam1_2", "cam2_1")]
        ...     masks = slice_masks(ImageSet("val", ("car",), tuple(shown)), r"(cam\\d)_")
        >>> {by: list(slices) for by, slices in masks.items()}
        {'brightness': ['night', 'dusk', 'day'], 'scene': ['cam1', 'cam2']}
        >>> masks["scene"]["cam1"]
        array([ True,  True, False])
    """
    scenes = _auto_scenes(truth) if by == AUTO else _parse_scenes(truth, by)  # errors before reading files
    measured = measure_images(truth.examples, progress)
    boxes = np.array([len(image.labels) for image in truth.examples])
    area = np.array([image.size_hw[0] * image.size_hw[1] for image in truth.examples])
    blur = _parts(
        measured.sharpness, np.quantile(measured.sharpness, [1 / 3, 2 / 3]), ("blurry", "medium", "sharp")
    )
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
