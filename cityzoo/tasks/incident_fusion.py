"""Classify incidents by several modalities: camera, detectors, report, sound."""

from __future__ import annotations

from cityzoo.data.multimodal import load
from cityzoo.demo import FileDemo
from cityzoo.modalities.multimodal import BACKBONE, MULTIMODAL
from cityzoo.outputs.fused_classification import FusedClassification
from cityzoo.tasks import Task


def demo() -> FileDemo:
    """Return the rows of a simulated town, used if the user brings no data."""
    from cityzoo.demo.incidents import VERSION, town

    return FileDemo(
        "incident_fusion", VERSION, town.write_town, "images, detectors and reports of the same moments"
    )


TASK = Task(
    summary="one class per row of a table, from its image, text, sensors and sound together",
    modality=MULTIMODAL,
    output=FusedClassification,
    reader=load,
    demo=demo,
    monitor="loss",  # goes on falling where accuracy is 1, while rows with missing cells are still being learned
    defaults={
        "backbone": BACKBONE,
        "batch_size": 32,
        "learning_rate": 0.005,
        "weight_decay": 0.05,
        "patience": 30,
        "ema": 0.98,
    },
)
