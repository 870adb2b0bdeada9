"""Classify the type of a vehicle from its crop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from cityzoo.cli import flag
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.demo import Demo
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.classification import Classification
from cityzoo.tasks import Task


class VehicleType(Classification):
    """Classify crops, stretched to the input: every pixel of a small box counts."""

    resize_mode: ClassVar[Literal["letterbox", "stretch"]] = "stretch"


@dataclass(frozen=True)
class VehicleCropReader:
    """Read one image per vehicle: labeled as a whole, or cropped by its box."""

    context: float = flag(0.0, "enlarge crops by this fraction of the box", parse_number, "SHARE")
    least_px: int = flag(8, "leave out boxes with a side below this", parse_count, "PIXELS")

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source."""
        found = datasets.load(source, wants="either", **how)
        if found.labeled:
            return found
        return derived_labels.map_splits(
            found, lambda side: derived_labels.crop_boxes(side, self.context, self.least_px)
        )


def demo() -> Demo:
    """Return street scenes, of which the vehicles are cut."""
    from cityzoo.demo.scenes import traffic_scene

    return Demo(
        "vehicle_classify",
        traffic_scene.VERSION,
        traffic_scene.CLASS_NAMES,
        traffic_scene.draw_scene,
        counts={"train": 150, "val": 50},
    )


TASK = Task(
    summary="the type of a vehicle (car, bus, truck, motorbike ...) from its crop",
    modality=IMAGE,
    output=VehicleType,
    demo=demo,
    monitor="balanced_accuracy",
    defaults={
        "image_size": (160, 160),
        "patience": 8,
        "augment": "light",
        "views": 2,
        "learning_rate": 0.0005,
    },
    reader=VehicleCropReader,
)
