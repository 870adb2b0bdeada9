"""Say what type a vehicle is, from an image of it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cityzoo.cli import flag
from cityzoo.cli.values import parse_count, parse_number
from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.demo import Demo
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.classification import Classification
from cityzoo.tasks import Task


class VehicleType(Classification):
    """Classify crops, which fill the network's input whatever their shape: around a small box every pixel counts."""

    resize_mode: ClassVar[str] = "stretch"


@dataclass(frozen=True)
class VehicleCropReader:
    """Read an image for each vehicle: labelled as a whole, or cut from larger ones by its box."""

    context: float = flag(0.0, "cut this share of a box's sides more", parse_number, "SHARE")
    least_px: int = flag(8, "leave out boxes with a side below this", parse_count, "PIXELS")

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source."""
        found = datasets.load(source, wants="either", **how)
        if found.labelled:
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
