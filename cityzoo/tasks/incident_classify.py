"""Classify fire and smoke in a camera's frame; both may be present."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cityzoo.data import image as datasets
from cityzoo.data.image import derived_labels
from cityzoo.demo import Demo
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.tasks import Task


@dataclass(frozen=True)
class IncidentReader:
    """Read frames labeled as a whole or by boxes; "normal" and its like are not a class."""

    def __call__(self, source: str, **how: Any) -> datasets.Dataset:
        """Return the checked images of a source."""
        return derived_labels.map_splits(
            datasets.load(source, wants="either", **how), derived_labels.label_presence
        )


def demo() -> Demo:
    """Return street scenes in which something burns, or smokes, or neither."""
    from cityzoo.demo.scenes import incident_scene

    return Demo(
        "incident_classify",
        incident_scene.VERSION,
        incident_scene.CLASS_NAMES,
        incident_scene.draw_scene,
        counts={"train": 400, "val": 100},
    )


TASK = Task(
    summary="fire, smoke, both or neither in a camera's frame, with thresholds for alarms",
    modality=IMAGE,
    output=MultiLabelClassification,
    demo=demo,
    monitor="mean_auroc",
    # Few scenes, much alike: a backbone that learns them forgets what fire looks like elsewhere.
    defaults={
        "split_by": "auto",
        "image_size": (224, 224),
        "flips": True,
        "freeze": "backbone",
        "augment": "light",
        "views": 2,
        "learning_rate": 0.0005,
        "patience": 8,
    },
    reader=IncidentReader,
)
