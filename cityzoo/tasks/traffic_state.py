"""Classify the traffic of a frame: free, dense or jammed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cityzoo.cli import flag
from cityzoo.cli.values import parse_count, parse_share
from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.demo import Demo
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageExample, ImageSet, no_boxes, no_labels
from cityzoo.tasks import Task

NAMES = {"three": ("free", "dense", "jammed"), "two": ("flowing", "jammed")}


@dataclass(frozen=True)
class TrafficStateReader:
    """Read frames labeled with their state, or derive it from the vehicles' boxes.

    A frame is dense from `dense_count` vehicles on, or where they cover `dense_cover` of the image, and jammed where
    they reach both `jam_count` and `jam_cover`: many vehicles far away are no jam yet, and neither is one bus in front.
    What is right depends on how the camera stands: look at some frames of your own (--preview), and set them.
    """

    states: str = flag("three", "free, dense, jammed; or two: flowing, jammed", choices=tuple(NAMES))
    dense_count: int = flag(6, "vehicles from which a frame counts as dense", parse_count, "N")
    dense_cover: float = flag(0.12, "or the share of the image that vehicles cover", parse_share, "SHARE")
    jam_count: int = flag(14, "vehicles from which a frame counts as jammed", parse_count, "N")
    jam_cover: float = flag(0.10, "and the share of the image that they cover at least", parse_share, "SHARE")

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source."""
        found = datasets.load(source, wants="either", **how)
        return found if found.labeled else derived_labels.map_splits(found, self.of_boxes)

    def of_boxes(self, side: ImageSet) -> ImageSet:
        """Return images with the state that their boxes tell."""
        names = NAMES[self.states]
        images = tuple(
            replace(
                each,
                boxes_xyxy=no_boxes(),
                labels=no_labels(),
                target=np.eye(len(names), dtype=np.float32)[names.index(self.state(each))],
            )
            for each in side.examples
        )
        return ImageSet(side.split, names, images)

    def state(self, image: ImageExample) -> str:
        """Return the state of an image with boxes.

        Example:
            >>> road = ImageExample("a.jpg", (100, 100), [[0, 0, 40, 40]], [0])
            >>> readers = TrafficStateReader(), TrafficStateReader(dense_cover=0.2), TrafficStateReader(states="two")
            >>> tuple(reader.state(road) for reader in readers)
            ('dense', 'free', 'flowing')
        """
        count, cover = len(image.labels), derived_labels.covered_area(image)
        if count >= self.jam_count and cover >= self.jam_cover:
            return "jammed"
        if self.states == "two":
            return "flowing"
        return "dense" if count >= self.dense_count or cover >= self.dense_cover else "free"


def demo() -> Demo:
    """Return street scenes from empty roads to jams."""
    from cityzoo.demo.scenes import jam_scene

    return Demo(
        "traffic_state",
        jam_scene.VERSION,
        jam_scene.CLASS_NAMES,
        jam_scene.draw_scene,
        counts={"train": 400, "val": 100},
    )


TASK = Task(
    summary="free, dense or jammed traffic in a camera's frame",
    modality=IMAGE,
    output=Classification,
    demo=demo,
    monitor="balanced_accuracy",
    defaults={"split_by": "auto", "patience": 8, "augment": "light", "views": 2, "learning_rate": 0.0005},
    reader=TrafficStateReader,
)
