"""Parts of the images that are alike, by light, blur, crowding, size and scene: how a model does on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.evaluation.camera_groups import AUTO, OTHER, parse_slice_by, scene_names
from cityzoo.evaluation.image_statistics import measure_images
from cityzoo.metrics.bootstrap import bootstrap_weights, interval
from cityzoo.sample import ImageSet

if TYPE_CHECKING:
    from cityzoo.metrics.weighted import WeightedMetrics

# Median luma. Frames of fixed cameras, as filmed, reached 47 at night (lit lanes) and began at 73 by day (low sun);
# in between lie dusk, rain under trees, halls and smoke. Photographs exposed by hand or by a phone may be lighter at
# night than that: what counts is how dark the image is, not the hour.
NIGHT, DAY = 50, 70
CROWDS = ((0, 0, "0"), (1, 4, "1-4"), (5, 14, "5-14"), (15, np.inf, "15+"))  # boxes in an image
SMALL, MEDIUM = 32**2, 96**2  # pixels of an image or crop: COCO's limits for objects
SCENES = (2, 30)  # told by file names alone: fewer tell nothing, more cannot be read
MOST_SCENES = 100  # that a pattern or a table may tell
LEAST_IMAGES = 5  # of a slice, for an interval
LEAST_OF_WORST, FEW = 10, 50  # images of the worst slice; a set with fewer than 50 is content with 5
Masks = dict[str, dict[str, np.ndarray]]


def slice_masks(
    truth: ImageSet, by: str = AUTO, progress: Callable[[int, int], object] | None = None
) -> Masks:
    """Return which images belong to which slice.

    - brightness: night, dusk and day, by the median luma of the whole file.
    - blur: blurry, medium and sharp, thirds of this very set, by `looks.sharpness`; not where all are alike.
    - crowding: number of boxes, where there are any.
    - size: small, medium and large, where images without boxes differ in it: crops of objects.
    - scene: camera or scene.

    Args:
        truth: N images.
        by: what tells scenes: "auto", `ImageExample.scene`, where 2 to 30 scenes of at least 2 images make up half of
            the set; or as `scenes.naming` takes it.
        progress: called with the number of images looked at and N.

    Returns:
        attribute -> slice -> (N,) bool; each image is in one slice of an attribute, none is empty.

    Raises:
        InputError: `by` cannot be understood, fits no file or tells more than 100 scenes.

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
    scenes = (
        _known_scenes(truth) if by == AUTO else _named_scenes(truth, by)
    )  # wrong words: before anything is read
    looks = measure_images(truth.examples, progress)
    boxes = np.array([len(image.labels) for image in truth.examples])
    area = np.array([image.size_hw[0] * image.size_hw[1] for image in truth.examples])
    blur = _parts(
        looks.sharpness, np.quantile(looks.sharpness, [1 / 3, 2 / 3]), ("blurry", "medium", "sharp")
    )
    size = {} if boxes.any() else _parts(area, (SMALL, MEDIUM), ("small", "medium", "large"))
    crowding = {name: (boxes >= least) & (boxes <= most) for least, most, name in CROWDS}
    found = {
        "brightness": _parts(looks.luma, (NIGHT, DAY), ("night", "dusk", "day")),
        "blur": blur if len(blur) > 1 else {},
        "crowding": {name: mask for name, mask in crowding.items() if mask.any()} if boxes.any() else {},
        "size": size if len(size) > 1 else {},
        "scene": scenes,
    }
    return {by: masks for by, masks in found.items() if masks}


def _parts(values: np.ndarray, limits: Sequence[float], names: Sequence[str]) -> dict[str, np.ndarray]:
    part = np.searchsorted(limits, values, side="right")
    return {name: part == number for number, name in enumerate(names) if (part == number).any()}


def _known_scenes(truth: ImageSet) -> dict[str, np.ndarray]:
    scenes = scene_names(truth)
    counts = Counter(scene for scene in scenes if scene)
    kept = {scene for scene, count in counts.items() if count > 1}
    telling = 2 * sum(counts[scene] for scene in kept) >= len(scenes)
    if not (SCENES[0] <= len(kept) <= SCENES[1] and telling):
        return {}
    return _groups([scene if scene in kept else OTHER for scene in scenes])


def _named_scenes(truth: ImageSet, by: str) -> dict[str, np.ndarray]:
    groups = _groups(parse_slice_by(by)([image.path for image in truth.examples]))
    if len(groups) > MOST_SCENES:
        raise InputError(
            f"--slice-by '{by}' makes {len(groups)} slices of {len(truth)} images, allowed are {MOST_SCENES}: "
            "choose a group that more files share"
        )
    return groups


def _groups(names: Sequence[str]) -> dict[str, np.ndarray]:
    names = np.array(names)
    return {
        str(name): names == name
        for name in sorted(set(names.tolist()), key=lambda each: (each == OTHER, each))
    }


def slice_metrics(
    weighed: WeightedMetrics,
    masks: Mapping[str, Mapping[str, np.ndarray]],
    figure: str,
    seed: int,
    draws: int = 400,
    lower: bool = False,
) -> tuple[dict[str, dict[str, dict[str, Any]]], dict[str, Any] | None]:
    """Return a figure of each slice with its interval, and the slice that is worst.

    Args:
        weighed: gives figures of weighted images.
        masks: as `slice_masks` returns them.
        figure: place of the figure.
        seed: of the bootstrap, which draws within each slice.
        draws: of each.
        lower: whether the figure is better when lower.

    Returns:
        attribute -> slice -> `n` images, the figure, `low` and `high` of its 95 % interval; None where there is
        nothing to measure, and for the interval of fewer than 5 images. And the slice whose figure is furthest
        behind that of all images, of those with 10 images or more (5 where there are fewer than 50 in all) whose
        interval leaves out the figure of all; None where there is no such slice. Of twenty slices that are no worse
        than others, one or so looks it by chance.

    Example:
        >>> right = np.repeat([1.0, 0.0], [75, 25])
        >>> accuracy = lambda weights: {"accuracy": weights @ right / weights.sum(axis=1)}
        >>> night = np.arange(100) >= 60
        >>> slices, worst = slice_metrics(accuracy, {"brightness": {"night": night, "day": ~night}}, "accuracy", 0)
        >>> slices["brightness"]["day"]
        {'n': 60, 'accuracy': 1.0, 'low': 1.0, 'high': 1.0}
        >>> worst["name"], worst["value"], worst["overall"], worst["high"] < 0.75
        ('night', 0.375, 0.75, True)
    """
    named = [
        (by, name, np.asarray(mask, bool)) for by, slices in masks.items() for name, mask in slices.items()
    ]
    if not named:
        return {}, None
    count, rows, behind = len(named[0][2]), {}, []
    values = weighed(np.array([np.ones(count), *(mask for _, _, mask in named)], np.float64))[figure]
    overall, sign = values[0], 1 if lower else -1
    for (by, name, mask), value in zip(named, values[1:], strict=True):
        n, known = int(mask.sum()), bool(np.isfinite(value))
        low, high = (_interval_of(weighed, mask, figure, seed, draws) if known else None) or (None, None)
        shown = float(value) if known else None
        rows.setdefault(by, {})[name] = {"n": n, figure: shown, "low": low, "high": high}
        enough = n >= (LEAST_OF_WORST if count >= FEW else LEAST_IMAGES)
        if enough and low is not None and (low > overall if lower else high < overall):
            row = {"by": by, "name": name, "n": n, "figure": figure, "value": shown, "low": low, "high": high}
            behind.append((sign * (value - overall), {**row, "overall": float(overall)}))
    return rows, max(behind, key=lambda pair: pair[0])[1] if behind else None


def _interval_of(
    weighed: WeightedMetrics, mask: np.ndarray, figure: str, seed: int, draws: int
) -> list[float] | None:
    if mask.sum() < LEAST_IMAGES:
        return None
    weights = np.zeros((draws, len(mask)))
    weights[:, mask] = bootstrap_weights(int(mask.sum()), draws, seed)
    return interval(weighed(weights)[figure])
