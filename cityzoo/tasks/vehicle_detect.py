"""Find vehicles in the pictures of a street camera and say what they are."""

from __future__ import annotations

from cityzoo.demo import find_demo
from cityzoo.kinds.detection import Detection
from cityzoo.tasks import Task

TASK = Task(
    summary="boxes around cars, buses, trucks, motorbikes ... of a street camera's pictures",
    kind=Detection,
    demo=lambda: find_demo("vehicle_detect"),
    monitor="AP",
)
