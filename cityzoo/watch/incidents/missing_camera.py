"""Cameras that send no frames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.frames import Frame
from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rule_observer import RuleObserver

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation


class MissingCamera(RuleObserver):
    """Raise an alarm when no frame has arrived for the rule's seconds, and release it with the next frame.

    No frame, no update: events of the source ("lost", "gap") and `tick` bring the time.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._last: Frame | None = None
        self._incident: Incident | None = None

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the release of the alarm, if it was raised."""
        missed = observation.frame.time - self._last.time if self._last else 0.0
        events = (
            self.tick(observation.frame.time) if self._last else []
        )  # of a recording, only the frames have times
        self._last = observation.frame
        incident, self._incident = self._incident, None
        if incident is not None:
            frame = observation.frame
            events.append(self.log.close(frame, frame.time, incident, seconds=round(missed, 1)))
        return events

    def health(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Take the time of an event of the source; a camera that is not there at the start is missing, too."""
        if event.get("what") in ("connected", "ended"):
            return []
        return self.tick(datetime.fromisoformat(event["time"]).timestamp())

    def tick(self, now: float) -> list[dict[str, Any]]:
        """Return the alarm if it is due at a time in Unix seconds."""
        if self._last is None:
            self._last = Frame(self.log.camera, -1, now, 0.0, np.zeros((1, 1, 3), np.uint8))
        silent = now - self._last.time
        if self._incident is not None or silent < self.rule.seconds:
            return []
        last = self._last
        frame = Frame(last.camera, last.index, now, last.stream_seconds + silent, last.image)
        self._incident, event = self.log.open(frame, now, seconds=round(silent, 1))
        return [event]
