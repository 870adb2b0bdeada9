"""Read images: to train on, to evaluate on, without labels."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.data import image as datasets
from cityzoo.data.image import formats
from cityzoo.data.image.findings import brief
from cityzoo.data.image.train_val import sample_shots
from cityzoo.errors import InputError, NoAnnotations
from cityzoo.modalities.image.flags import ImageFlags
from cityzoo.sample import ImageExample, ImageSet

if TYPE_CHECKING:
    import keras

    from cityzoo.spec import TrainSpec
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
DRAWING_PROCESSES = 8


def read(spec: TrainSpec[ImageFlags], task: Task) -> datasets.Dataset:
    """Read the labeled images, or draw the task's demo data.

    Raises:
        InputError: anything about the data that cannot be used.
    """
    flags = spec.modality
    source = spec.run.data
    if source is None:
        source = draw_demo(spec, task)
    data = task.read(source, spec.reader, **_options(spec), classes=flags.classes, val=flags.val)
    if flags.shots is None:
        return data
    data = replace(data, train=sample_shots(data.train, flags.shots, spec.run.seed))
    data.findings.describe(data.train)
    LOG.info("--shots %d: training on %d of them", flags.shots, len(data.train))
    return data


def _options(spec: TrainSpec[ImageFlags]) -> dict[str, Any]:
    flags = spec.modality
    return {
        "format": spec.run.format,
        "class_map": flags.class_map,
        "labels": flags.bad_boxes,
        "exif": flags.exif,
        "split_by": flags.split_by,
        "limit": spec.run.limit,
        "may_lack_classes": spec.run.continue_ is not None,
    }


def draw_demo(spec: TrainSpec[ImageFlags], task: Task) -> str:
    """Draw the task's demo data, unless that has been done, and return its folder.

    Raises:
        InputError: the task has none.
    """
    import keras

    from cityzoo import demo

    if task.demo is None:
        raise InputError(f"task '{spec.run.task}' has no demo data: give --data")
    LOG.info("no --data given: training on synthetic demo images")
    bar = keras.utils.Progbar(None, unit_name="image")
    workers = min(os.cpu_count() or 1, DRAWING_PROCESSES)
    folder = demo.write_demo(task.demo(), None, spec.run.seed, progress=partial(_show, bar), workers=workers)
    return str(folder)


def _show(bar: keras.utils.Progbar, done: int, total: int) -> None:
    bar.target = total
    bar.update(done)


def is_unlabelled(path: str) -> bool:
    """Return whether a source holds images and no annotations."""
    try:
        formats.find(path)
    except NoAnnotations:
        return True
    return False


def read_to_evaluate(
    spec: TrainSpec[ImageFlags], task: Task, class_names: Sequence[str], flags: Mapping[str, Any]
) -> tuple[ImageSet, datasets.Findings]:
    """Return the images that evaluate.py's flags name, labels in the order of the model's classes, and the findings.

    Raises:
        InputError: nothing there, or classes that the model does not have.
    """
    options = _options(spec)
    source, options["labels"] = flags["data"] or spec.run.data, flags["bad_boxes"]
    if flags["data"]:
        options |= {"format": flags["format"], "class_map": flags["class_map"], "limit": flags["limit"]}
    else:
        options |= {"val": spec.modality.val, "classes": spec.modality.classes}
        options["limit"] = flags["limit"] or spec.run.limit
    found = task.read(source or draw_demo(spec, task), spec.reader, **options, to_train=False)
    split = flags["split"] or (
        "all" if flags["data"] and not datasets.has_val_split(flags["data"]) else "val"
    )
    sides = {"val": (found.val,), "train": (found.train,), "all": (found.train, found.val)}[split]
    images = tuple(image for side in sides for image in side.examples)
    return reorder_labels(ImageSet(split, found.train.class_names, images), class_names), found.findings


def named_labels(images: ImageSet, source: str) -> Iterator[tuple[str, bytes]]:
    """Yield each image's path relative to the source, and its labels."""
    for each in images.examples:
        target = b"" if each.target is None else each.target.tobytes()
        numbers = each.boxes_xyxy.tobytes() + each.labels.tobytes() + target
        yield brief(each.path, source), numbers + repr(each.window_xyxy).encode()


def reorder_labels(truth: ImageSet, class_names: Sequence[str]) -> ImageSet:
    """Return the images with labels that point into the model's class names.

    Raises:
        InputError: a class with boxes that the model does not know.

    Example:
        >>> from cityzoo.sample import ImageExample
        >>> truth = ImageSet("val", ("bus", "car"), (ImageExample("a.jpg", (8, 8), [[0, 0, 4, 4]], [1]),))
        >>> reorder_labels(truth, ("car", "bus", "truck")).examples[0].labels.tolist()
        [0]
    """
    used = {truth.class_names[label] for image in truth.examples for label in _labels(image)}
    strange = sorted(used - set(class_names))
    if strange:
        raise InputError(
            f"the data has labels of {', '.join(strange)}, which the model does not know "
            f"(it knows {', '.join(class_names)}): "
            f"map or drop them, e.g. --class-map {strange[0]}={class_names[0]} or {strange[0]}=ignore"
        )
    position = [class_names.index(name) if name in class_names else -1 for name in truth.class_names]
    images = (
        replace(
            image,
            labels=np.array([position[label] for label in image.labels], np.int32),
            target=_in_order(image.target, position, len(class_names)),
        )
        for image in truth.examples
    )
    return ImageSet(
        truth.split, tuple(class_names), tuple(images), truth.data_class_names or truth.class_names
    )


def _labels(image: ImageExample) -> list[int]:
    whole = () if image.target is None else np.flatnonzero(image.target)
    return [*image.labels.tolist(), *(int(label) for label in whole)]


def _in_order(target: np.ndarray | None, position: Sequence[int], count: int) -> np.ndarray | None:
    if target is None or len(target) != len(position):
        return target
    ordered = np.zeros(count, np.float32)
    for value, place in zip(target, position, strict=True):
        if place >= 0:
            ordered[place] = value
    return ordered


def measure_example(example: ImageExample) -> dict[str, list[float]]:
    """Return brightness, blur and colors of an image; see `cityzoo.monitor.image_statistics`."""
    from cityzoo.data.image.decode import read_image
    from cityzoo.monitor.image_statistics import measure_image

    measured = measure_image(read_image(example.path, example.window_xyxy))
    return {name: [value] for name, value in measured.items()}
