"""Detect anomalies in one camera's view, trained on normal frames alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.demo import Demo
from cityzoo.errors import InputError
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.anomaly import Anomaly
from cityzoo.sample import ImageSet, no_boxes, no_labels
from cityzoo.tasks import Task

NAMES = ("normal", "anomaly")
USUAL = (*derived_labels.ABSENT, "good", "ok")  # names of folders with normal frames


@dataclass(frozen=True)
class NormalFramesReader:
    """Read frames of one camera: a folder "normal" (or "good", "ok") and others, or frames that are all normal.

    Training takes the normal ones alone; of the held-out ones all that is not normal counts as an anomaly.
    """

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source."""
        found = datasets.load(source, wants="frames", **how)
        train = _judged(found.train)
        normal = tuple(each for each in train.examples if np.asarray(each.target)[0])
        if not normal:
            names = ", ".join(found.train.class_names) or "none"
            raise InputError(
                f"'{source}' has no normal frames to learn from (classes: {names}): put them into a folder 'normal', "
                "or give a plain folder of frames that are all normal"
            )
        made = iter((replace(train, examples=normal), _judged(found.val)))
        return derived_labels.map_splits(found, lambda _: next(made))


def _judged(side: ImageSet) -> ImageSet:
    usual = [name.lower() in USUAL for name in side.class_names]
    images = []
    for each in side.examples:
        named = np.zeros(len(usual)) if each.target is None else each.target
        strange = any(there and not normal for there, normal in zip(named, usual, strict=True))
        target = np.array([not strange, strange], np.float32)
        images.append(replace(each, target=target, boxes_xyxy=no_boxes(), labels=no_labels()))
    return ImageSet(side.split, NAMES, tuple(images))


def demo() -> Demo:
    """Return frames of one street, of which some held-out ones show what does not belong."""
    from cityzoo.demo.scenes import anomaly_scene

    return Demo(
        "scene_anomaly",
        anomaly_scene.VERSION,
        anomaly_scene.CLASS_NAMES,
        anomaly_scene.draw_normal,
        draw_held_out=anomaly_scene.draw_held_out,
        format="class_folders",
        counts={"train": 200, "val": 120},
    )


TASK = Task(
    summary="what does not belong in a camera's view, with heat maps; learns from normal frames alone",
    modality=IMAGE,
    output=Anomaly,
    demo=demo,
    monitor="image_auroc",
    defaults={"augment": "none", "views": 1},
    reader=NormalFramesReader,
)
