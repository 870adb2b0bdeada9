"""Say how the traffic of a frame flows: free, dense or jammed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cityzoo import data as datasets
from cityzoo.cli import flag
from cityzoo.data import labels
from cityzoo.demo import Demo
from cityzoo.kinds.classification import Classification
from cityzoo.parsing import parse_count, parse_share
from cityzoo.sample import Picture, PictureSet, no_boxes
from cityzoo.tasks import Task

NAMES = {"three": ("free", "dense", "jammed"), "two": ("flowing", "jammed")}


@dataclass(frozen=True)
class States:
    """Read frames labelled with their state, or make it from the vehicles' boxes.

    A frame is dense from `dense_count` vehicles on, or where they cover `dense_cover` of the picture, and jammed where
    they reach both `jam_count` and `jam_cover`: many vehicles far away are no jam yet, and neither is one bus in front.
    What is right depends on how the camera stands: look at some frames of your own (--preview), and set them.
    """

    states: str = flag("three", "free, dense, jammed; or two: flowing, jammed", choices=tuple(NAMES))
    dense_count: int = flag(6, "vehicles from which a frame counts as dense", parse_count, "N")
    dense_cover: float = flag(0.12, "or the share of the picture that vehicles cover", parse_share, "SHARE")
    jam_count: int = flag(14, "vehicles from which a frame counts as jammed", parse_count, "N")
    jam_cover: float = flag(
        0.10, "and the share of the picture that they cover at least", parse_share, "SHARE"
    )

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked pictures of a source."""
        found = datasets.load(source, wants="either", **how)
        return found if found.labelled else labels.of_each_side(found, self.of_boxes)

    def of_boxes(self, side: PictureSet) -> PictureSet:
        """Return pictures with the state that their boxes tell."""
        names = NAMES[self.states]
        pictures = tuple(
            replace(
                each,
                boxes_xyxy=no_boxes(),
                labels=(),
                target=np.eye(len(names), dtype=np.float32)[names.index(self.state(each))],
            )
            for each in side.pictures
        )
        return PictureSet(side.split, names, pictures)

    def state(self, picture: Picture) -> str:
        """Return the state of a picture with boxes.

        Example:
            >>> road = Picture("a.jpg", (100, 100), [[0, 0, 40, 40]], [0])
            >>> States().state(road), States(dense_cover=0.2).state(road), States(states="two").state(road)
            ('dense', 'free', 'flowing')
        """
        count, cover = len(picture.labels), labels.covered(picture)
        if count >= self.jam_count and cover >= self.jam_cover:
            return "jammed"
        if self.states == "two":
            return "flowing"
        return "dense" if count >= self.dense_count or cover >= self.dense_cover else "free"


def demo() -> Demo:
    """Return street scenes from empty roads to jams."""
    from cityzoo.demo import jam_scene

    return Demo(
        "traffic_state",
        jam_scene.VERSION,
        jam_scene.CLASS_NAMES,
        jam_scene.draw_scene,
        counts={"train": 400, "val": 100},
    )


TASK = Task(
    summary="free, dense or jammed traffic in a camera's frame",
    kind=Classification,
    demo=demo,
    monitor="balanced_accuracy",
    defaults={"split_by": "auto", "patience": 8, "augment": "light", "views": 2, "learning_rate": 0.0005},
    reader=States,
)
