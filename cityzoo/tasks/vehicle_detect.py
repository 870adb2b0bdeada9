"""Detect and classify vehicles in the images of a street camera."""

from __future__ import annotations

from cityzoo.data.image import load
from cityzoo.demo import Demo
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.detection import Detection
from cityzoo.tasks import Task


def demo() -> Demo:
    """Return the scenes that cityzoo draws of streets as a camera sees them."""
    from cityzoo.demo.scenes import traffic_scene

    return Demo("vehicle_detect", traffic_scene.VERSION, traffic_scene.CLASS_NAMES, traffic_scene.draw_scene)


TASK = Task(
    summary="boxes around cars, buses, trucks, motorbikes ... of a street camera's images",
    modality=IMAGE,
    output=Detection,
    reader=load,
    demo=demo,
    monitor="AP",
    # Measured in benchmarks/results/detector.md. The backbone trains from the first step, slowly, on images that are
    # never shown twice; a heavy one on a CPU stays frozen.
    defaults={
        "backbone_rate": 0.1,
        "ema": 0.998,
        "augment": "mosaic",
        "train_scale": 0.83,
        "patience": 50,  # on few images AP is noisy from epoch to epoch, and much of it comes as the rate falls
    },
)
