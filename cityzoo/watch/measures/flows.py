"""Turning movements: from the first line or zone of a vehicle to its last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cityzoo.watch.events import make_event
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Scene

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

GONE_SECONDS = 2.0  # unseen until a way has ended


@dataclass
class Way:
    """The places that a vehicle has passed."""

    track: int
    label: int
    seen: float  # clock
    places: list[str] = field(default_factory=list)


class FlowMeter:
    """Count the flows of a scene, and report each as an event when the vehicle is out of view.

    Args:
        scene: with flows, their lines and zones.
        motion: of the camera.
        class_names: by label.

    Attributes:
        totals: by name of the flow.
    """

    def __init__(self, scene: Scene, motion: Motion, class_names: Sequence[str]) -> None:
        self.motion, self.class_names = motion, tuple(class_names)
        self.flows = {(flow.start, flow.end): flow for flow in scene.flows}
        ends = {end for pair in self.flows for end in pair}
        self._zones = [zone for zone in scene.zones if zone.name in ends]
        self._lines = {line.name for line in scene.lines if line.name in ends}
        self.totals: Counter[str] = Counter({flow.name: 0 for flow in scene.flows})
        self._ways: dict[int, Way] = {}  # by identity

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the flows of the vehicles that have left the view."""
        self.motion.update(observation)
        trails = self.motion.trails
        inside = [(zone.name, zone.contains(trails.feet)) for zone in self._zones if len(trails.tracks)]
        for row, track in enumerate(trails.tracks):
            way = self._ways.setdefault(trails.identities[track.id], Way(track.id, track.label, trails.clock))
            way.seen, way.label = trails.clock, track.label
            way.places += [name for name, found in inside if found[row] and way.places[-1:] != [name]]
        for crossing in observation.crossings:
            key = trails.identities.get(crossing.track)
            if crossing.line in self._lines and key in self._ways:
                self._ways[key].places.append(crossing.line)
        gone = [key for key, way in self._ways.items() if trails.clock - way.seen > GONE_SECONDS]
        return [event for key in gone for event in self._close(observation, self._ways.pop(key))]

    def _close(self, observation: Observation, way: Way) -> list[dict[str, Any]]:
        flow = self.flows.get((way.places[0], way.places[-1])) if len(way.places) > 1 else None
        if flow is None:
            return []
        self.totals[flow.name] += 1
        figures: dict[str, Any] = {
            "track": way.track,
            "class": self.class_names[way.label],
            "flow": flow.name,
        }
        figures |= {"from": flow.start, "to": flow.end}
        return [make_event(observation.frame, "flow", **figures)]

    def health(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Do nothing: a vehicle that is not seen for a while has left."""
        return []

    def interval(self, start: float, end: float) -> dict[Any, dict[str, float]]:
        """Return nothing: flows are events."""
        return {}
