"""Count the vehicles in a camera's frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.demo import Demo
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.counting import Counting
from cityzoo.tasks import Task


@dataclass(frozen=True)
class CountReader:
    """Read frames with boxes; the target is their number."""

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source."""
        return derived_labels.map_splits(datasets.load(source, **how), derived_labels.count_boxes)


def demo() -> Demo:
    """Return street scenes from empty roads to jams."""
    from cityzoo.demo.scenes import jam_scene

    return Demo(
        "vehicle_count",
        jam_scene.VERSION,
        jam_scene.CLASS_NAMES,
        jam_scene.draw_scene,
        counts={"train": 400, "val": 100},
    )


TASK = Task(
    summary="how many vehicles a camera's frame shows, and where they are",
    modality=IMAGE,
    output=Counting,
    demo=demo,
    monitor="mae",
    reader=CountReader,
)
