"""Alarms of one rule as events: raised once, released once, joined when they come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.alarms.stream_rules import StreamRule
from cityzoo.watch.events import make_event
from cityzoo.watch.tracking.assignment import compute_overlaps

if TYPE_CHECKING:
    from cityzoo.watch.frames import Frame

JOIN_SECONDS = 1800.0  # after which an incident that comes back at the same place is a new one
JOIN_OVERLAP = 0.2  # of its boxes
TYPES = {"wrong way": "wrong_way", "missing": "source", "measure": "limit", "unusual": "anomaly"}
JAMS = {("speed", "<"), ("queue", ">"), ("occupancy", ">")}  # values beyond their limit that are congestion
TYPES |= dict.fromkeys(("dark", "blurred", "frozen", "moved"), "anomaly")


@dataclass(eq=False)
class Incident:
    """An alarm that is raised, or was until a while ago."""

    number: str
    box: np.ndarray | None  # pixels; None: of the whole place
    fields: dict[str, Any] = field(default_factory=dict)
    ended: float = -1.0  # clock


class IncidentLog:
    """Write the events of one rule.

    An incident that comes back within 30 observed minutes with an overlapping box, or without one at the same place,
    has the same `incident` and `repeat: true`: it need not be announced again.

    Args:
        camera: name of the camera.
        rule: what raises the alarms.
        places: "line" or "zone" by the name of the place.
        join_seconds: observed, after which an incident that comes back is a new one.
    """

    def __init__(
        self, camera: str, rule: StreamRule, places: dict[str, str], join_seconds: float = JOIN_SECONDS
    ) -> None:
        self.camera, self.rule, self.join_seconds = camera, rule, join_seconds
        self._ended: list[Incident] = []
        self._count = 0
        subject = rule.subject.lower()
        presence = subject if subject in ("person", "fire", "smoke") else "presence"
        self.type = presence if rule.kind == "presence" else TYPES.get(rule.kind, rule.kind)
        if rule.value and (rule.value.channel, rule.value.way) in JAMS:
            self.type = "congestion"
        self.fixed = {"rule": rule.text, "severity": rule.severity}
        if rule.place:
            self.fixed[places[rule.place]] = rule.place

    def open(
        self, frame: Frame, clock: float, box: np.ndarray | None = None, **fields: Any
    ) -> tuple[Incident, dict[str, Any]]:
        """Raise an alarm; return it and its event.

        Args:
            frame: that raises it.
            clock: observed seconds.
            box: where it is, pixels.
            fields: more entries of its events; None is left out.
        """
        self._ended = [item for item in self._ended if clock - item.ended <= self.join_seconds]
        same = next((item for item in self._ended if _overlap(item.box, box)), None)
        if same is not None:
            self._ended.remove(same)
        else:
            self._count += 1
        number = same.number if same else f"{self.camera}-{self.type}-{int(frame.time * 1000)}-{self._count}"
        incident = Incident(number, box, fields)
        event = self._describe(frame, incident, "raised")
        return incident, event | ({"repeat": True} if same else {})

    def close(self, frame: Frame, clock: float, incident: Incident, **fields: Any) -> dict[str, Any]:
        """Release an alarm and return its event."""
        incident.ended = clock
        self._ended.append(incident)
        incident.fields |= fields
        return self._describe(frame, incident, "released")

    def _describe(self, frame: Frame, incident: Incident, state: str) -> dict[str, Any]:
        entries = {"state": state, "incident": incident.number, **self.fixed, **incident.fields}
        event = make_event(frame, self.type, **entries)
        if incident.box is not None:
            height, width = frame.image.shape[:2]
            x, y = (incident.box[:2] + incident.box[2:]) / 2 / [width, height]
            event["point"] = [round(float(x), 4), round(float(y), 4)]
        return event


def _overlap(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    if first is None or second is None:
        return first is second
    return float(compute_overlaps(first[None], second[None])[0, 0]) >= JOIN_OVERLAP
