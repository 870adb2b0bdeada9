"""Which images a run is judged on, and where what is found goes."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.data import image as datasets
from cityzoo.data.image import formats
from cityzoo.errors import InputError, NoAnnotations
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.spec import TrainSpec
from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)


def uses_other_data(flags: argparse.Namespace) -> bool:
    """Return whether other images are asked for than those that the run's training held out."""
    return flags.data is not None or flags.split is not None or flags.limit is not None


def unlabelled_source(flags: argparse.Namespace) -> str | None:
    """Return where the data is that nothing is said of, and say what happens to it; None where there are labels.

    Raises:
        InputError: something is required of it that cannot be judged.
    """
    if flags.data is None:
        return None
    try:
        formats.find(flags.data)
    except NoAnnotations as error:
        if flags.require or len(flags.runs) > 1:
            raise InputError(f"{error}: without labels there is nothing to require or to compare") from error
        LOG.info("'%s' holds no labels: nothing is judged, what the model sees is written", flags.data)
        return flags.data
    return None


def load_evaluation_data(
    flags: argparse.Namespace, spec: TrainSpec, task: Task, class_names: Sequence[str]
) -> tuple[ImageSet, dict[str, Any]]:
    """Return the images that the flags name, their labels in the order of the model's classes, and the findings.

    Raises:
        InputError: nothing there, or classes that the model does not know.
    """
    asked = (
        spec
        if flags.data is None
        else replace(spec, data=flags.data, val=None, format=None, class_map=flags.class_map)
    )
    if asked.data is None:
        from cityzoo import demo

        asked = replace(asked, data=str(demo.write_demo(task.demo(), seed=spec.seed)))
    found = task.read(
        asked.data,
        spec.options,
        format=asked.format,
        classes=() if flags.data else spec.classes,
        class_map=asked.class_map,
        labels=flags.labels,
        val=asked.val,
        exif=spec.exif,
        split_by=spec.split_by,
        to_train=False,
        limit=flags.limit if flags.limit or flags.data else spec.limit,
    )
    split = flags.split or ("all" if flags.data and not datasets.has_val_split(flags.data) else "val")
    sides = {"val": (found.val,), "train": (found.train,), "all": (found.train, found.val)}[split]
    images = tuple(image for side in sides for image in side.examples)
    return reorder_labels(
        ImageSet(split, found.train.class_names, images), class_names
    ), found.findings.as_dict()


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
            labels=[position[label] for label in image.labels],
            target=_in_order(image.target, position, len(class_names)),
        )
        for image in truth.examples
    )
    return ImageSet(truth.split, tuple(class_names), tuple(images))


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


def next_free_folder(out: str | None, run: Path, stem: str) -> Path:
    """Return a new folder: what --out says, or the next free number in the run.

    Raises:
        InputError: it exists or cannot be made.
    """
    number = 1
    while out is None and (run / f"{stem}-{number}").exists():
        number += 1
    folder = Path(out) if out else run / f"{stem}-{number}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(f"--out '{folder}' exists: give a new name or remove it") from error
    except OSError as error:
        raise InputError(f"'{folder}' cannot be made ({error.strerror}): give another --out") from error
    return folder
