"""What the observers of all rules share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.alarms.stream_rules import StreamRule
from cityzoo.watch.incidents.incident_log import JOIN_SECONDS, Incident, IncidentLog
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Scene
from cityzoo.watch.tracking import Track

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation


class RuleObserver(ABC):
    """Observe one rule on one camera.

    Args:
        camera: name of the camera.
        rule: what raises the alarm.
        scene: with the rule's place.
        class_names: by label.
        motion: of the camera, shared with the other rules.
    """

    join_seconds = JOIN_SECONDS

    def __init__(
        self, camera: str, rule: StreamRule, scene: Scene, class_names: Sequence[str], motion: Motion
    ) -> None:
        self.rule, self.scene, self.class_names, self.motion = rule, scene, tuple(class_names), motion
        places = {line.name: "line" for line in scene.lines} | {zone.name: "zone" for zone in scene.zones}
        self.log = IncidentLog(camera, rule, places, self.join_seconds)
        self.zone = next((zone for zone in scene.zones if zone.name == rule.place), None)
        allowed = (rule.subject,) if rule.subject else self.zone.classes if self.zone else ()
        people = ("person", "pedestrian", "fire", "smoke")
        self.labels = {
            label
            for label, name in enumerate(self.class_names)
            if (name in allowed if allowed else name not in people)
        }

    @abstractmethod
    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that a frame raises and releases."""

    def health(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the alarms that an event of the source raises and releases."""
        return []

    def interval(self, start: float, end: float) -> dict[Any, dict[str, float]]:
        """Return columns for the counts of an interval."""
        return {}

    def matches(self) -> np.ndarray:
        """Return which tracks (N,) of the trails are of the rule's classes and in its zone."""
        trails = self.motion.trails
        found = np.array([track.label in self.labels for track in trails.tracks], bool)
        return found & self.zone.contains(trails.feet) if self.zone and len(found) else found

    def raise_alarm(
        self, observation: Observation, box: np.ndarray | None = None, **fields: Any
    ) -> tuple[Incident, dict[str, Any]]:
        """Return a new incident and its event."""
        return self.log.open(observation.frame, self.motion.trails.clock, box, **fields)

    def release(
        self, observation: Observation, incident: Incident | None, **fields: Any
    ) -> list[dict[str, Any]]:
        """Return the event that releases an incident, if there is one."""
        if incident is None:
            return []
        return [self.log.close(observation.frame, self.motion.trails.clock, incident, **fields)]

    def describe_track(self, track: Track) -> dict[str, Any]:
        """Return the entries of an event about a track."""
        return {
            "track": track.id,
            "class": self.class_names[track.label],
            "class_share": round(track.class_share, 3),
            "score": round(track.score, 3),
        }
