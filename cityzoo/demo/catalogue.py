"""Which task has which demo data."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cityzoo.errors import unknown

if TYPE_CHECKING:
    from cityzoo.demo.traffic_scene import Scene

DRAWERS = {
    "vehicle_detect": "traffic_scene"
}  # task -> module here with VERSION, CLASS_NAMES and draw_scene(seed)


@dataclass(frozen=True)
class Demo:
    """Hold one kind of demo data.

    Attributes:
        task: name of the task that it is for.
        version: counts up whenever the drawing changes, so that nobody trains on a cached older one unawares.
        class_names: what the labels of its scenes point to.
        draw: seed -> scene with image, boxes_xyxy, labels.
    """

    task: str
    version: int
    class_names: tuple[str, ...]
    draw: Callable[[int], Scene]


def find_demo(task: str) -> Demo:
    """Return the demo data of a task.

    Raises:
        InputError: the task has none; names the nearest that has.

    Example:
        >>> find_demo("vehicle_detect").class_names
        ('car', 'bus', 'truck', 'motorbike')
    """
    if task not in DRAWERS:
        raise unknown("demo task", task, DRAWERS)
    module = importlib.import_module(f"cityzoo.demo.{DRAWERS[task]}")
    return Demo(task, module.VERSION, module.CLASS_NAMES, module.draw_scene)
