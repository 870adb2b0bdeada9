"""The measures that a scene asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cityzoo.watch.measures.flows import FlowMeter
from cityzoo.watch.measures.ground_speed import SpeedMeter
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.measures.passages import PassageMeter
from cityzoo.watch.measures.stays import StayMeter
from cityzoo.watch.scene import Scene

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observer

MEASURED = ("count", "dwell", "stopped")  # purposes of zones whose stays are measured


def make_meters(scene: Scene, class_names: Sequence[str], motion: Motion) -> list[Observer]:
    """Return observers for the lines, zones, flows and the ground of a scene.

    Args:
        scene: of the camera.
        class_names: of the detector, by label.
        motion: shared with the rules of the camera.

    Example:
        >>> from cityzoo.watch.scene import Line
        >>> scene = Scene(lines=(Line("north", ((0, 0.5), (1, 0.5))),))
        >>> [type(meter).__name__ for meter in make_meters(scene, ["car"], Motion())]
        ['PassageMeter']
    """
    meters: list[Observer] = [PassageMeter(line, motion) for line in scene.lines]
    meters += [StayMeter(zone, motion, class_names) for zone in scene.zones if zone.purpose in MEASURED]
    meters += [SpeedMeter(motion)] if scene.ground is not None and scene.lines else []
    return meters + ([FlowMeter(scene, motion, class_names)] if scene.flows else [])
