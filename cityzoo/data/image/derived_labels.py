"""Labels of whole images derived from boxes: a crop per box, presence of classes, counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cityzoo.data.image.load import Dataset
from cityzoo.errors import InputError
from cityzoo.sample import ImageExample, ImageSet, no_boxes, no_labels

# Names that stand for the absence of all classes.
ABSENT = ("normal", "none", "default", "neutral", "background", "nothing")


def map_splits(dataset: Dataset, change: Callable[[ImageSet], ImageSet]) -> Dataset:
    """Return a data set with both splits converted, and update its findings.

    Raises:
        InputError: a split has no image left.
    """
    train, val = change(dataset.train), change(dataset.val)
    for image_set in (train, val):
        if not image_set.examples:
            raise InputError(
                f"no image with a label in the {image_set.split} split of '{dataset.findings.source}': check its labels"
            )
        dataset.findings.describe(image_set)
    return replace(dataset, train=train, val=val)


def crop_boxes(image_set: ImageSet, context: float = 0.0, least_px: int = 8) -> ImageSet:
    """Return one example per box: a window of the image and the class of the box.

    context: margin around the box, as a fraction of its sides. least_px: boxes with a shorter side are skipped.

    Example:
        >>> street = ImageExample("a.jpg", (48, 64), [[10, 10, 30, 20], [0, 0, 3, 3]], [1, 0])
        >>> (car,) = crop_boxes(ImageSet("train", ("bus", "car"), (street,)), context=0.2).examples
        >>> car.window_xyxy, car.size_hw, car.target.tolist()
        ((8, 9, 32, 21), (12, 24), [0.0, 1.0])
    """
    found = [
        _crop(image, box, int(label), len(image_set.class_names), context)
        for image in image_set.examples
        for box, label in zip(image.boxes_xyxy, image.labels, strict=True)
        if min(box[2] - box[0], box[3] - box[1]) >= least_px
    ]
    return replace(image_set, examples=tuple(found))


def _crop(image: ImageExample, box: np.ndarray, label: int, classes: int, context: float) -> ImageExample:
    height, width = image.size_hw
    x1, y1, x2, y2 = box.astype(np.float64)
    more_x, more_y = (x2 - x1) * context / 2, (y2 - y1) * context / 2
    left, top = max(0, round(x1 - more_x)), max(0, round(y1 - more_y))
    right = min(width, max(round(x2 + more_x), left + 1))
    bottom = min(height, max(round(y2 + more_y), top + 1))
    return replace(
        image,
        size_hw=(bottom - top, right - left),
        window_xyxy=(left, top, right, bottom),
        boxes_xyxy=no_boxes(),
        labels=no_labels(),
        mask="",
        target=np.eye(classes, dtype=np.float32)[label],
    )


def label_presence(image_set: ImageSet, absent: Sequence[str] = ABSENT) -> ImageSet:
    """Return examples with a target of 1 for each class that is present, without classes that stand for absence.

    Args:
        image_set: images with boxes, or with targets (C,) of 0 and 1.
        absent: class names that stand for the absence of all others.

    Raises:
        InputError: no class left, or an image labeled with both a class and its absence.

    Example:
        >>> street = ImageExample("a.jpg", (48, 64), [[0, 0, 8, 8], [0, 8, 8, 16]], [0, 0])
        >>> made = label_presence(ImageSet("train", ("fire", "default", "smoke"), (street,)))
        >>> made.class_names, made.examples[0].target.tolist()
        (('fire', 'smoke'), [1.0, 0.0])
    """
    names = np.array(image_set.class_names, object)
    kept = np.array([name.lower() not in absent for name in names], bool)
    if not kept.any():
        raise InputError(
            f"the classes of the data are {', '.join(names) or 'none'}: at least one class must not be "
            f"any of {', '.join(absent)}"
        )
    images = []
    for image in image_set.examples:
        present = _presence(image, len(names))
        if image.target is not None and present[~kept].any() and present[kept].any():
            both = "+".join(names[present > 0])
            raise InputError(f"'{image.path}' has contradictory labels {both}: correct them")
        images.append(replace(image, boxes_xyxy=no_boxes(), labels=no_labels(), target=present[kept]))
    return replace(image_set, class_names=tuple(names[kept]), examples=tuple(images))


def _presence(image: ImageExample, classes: int) -> np.ndarray:
    if image.target is not None:
        return image.target
    return (np.bincount(image.labels, minlength=classes) > 0).astype(np.float32)


def count_boxes(image_set: ImageSet) -> ImageSet:
    """Return examples with their number of boxes as target (1,); the boxes are kept.

    Example:
        >>> street = ImageExample("a.jpg", (48, 64), [[0, 0, 8, 8], [0, 8, 8, 16]], [0, 0])
        >>> count_boxes(ImageSet("train", ("car",), (street,))).examples[0].target.tolist()
        [2.0]
    """
    counted = (replace(each, target=np.array([len(each.labels)], np.float32)) for each in image_set.examples)
    return replace(image_set, examples=tuple(counted))


def covered_area(image: ImageExample) -> float:
    """Return the fraction of an image that is covered by boxes, 0..1.

    Example:
        >>> round(covered_area(ImageExample("a.jpg", (100, 100), [[0, 0, 50, 100], [25, 0, 75, 100]], [0, 0])), 2)
        0.75
    """
    height, width = image.size_hw
    grid = np.zeros((min(height, 200), min(width, 200)), bool)
    scale = np.tile([grid.shape[1] / width, grid.shape[0] / height], 2)
    for x1, y1, x2, y2 in np.rint(image.boxes_xyxy * scale).astype(int).tolist():
        grid[y1:y2, x1:x2] = True
    return float(grid.mean())
