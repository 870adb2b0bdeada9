"""Slow traffic of several vehicles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rolling import RollingValue
from cityzoo.watch.incidents.rule_observer import RuleObserver

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

LEAST_VEHICLES, LEAST_SHARE = 4, 0.5  # that are slow, and of those whose speed is known
RELEASE = 0.6  # of both, below which the alarm is released


class Congestion(RuleObserver):
    """Raise an alarm when at least four vehicles, half of those in the zone or more, are slow for the rule's seconds.

    Slow is less than 3 m/s on calibrated ground, else less than a quarter of the usual pace at that place.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._degree = RollingValue(self.rule.seconds)
        self._incident: Incident | None = None

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        trails = self.motion.trails
        degree = 0.0
        if len(trails.tracks):
            here = self.matches() & np.isfinite(trails.pace)
            field = self.motion.field
            together = (
                field.ways @ field.ways.T >= 0
            ) & here  # the other direction flows: each has its own share
            slow, count = (together & field.slow).sum(axis=1), together.sum(axis=1)
            degrees = np.minimum(slow / LEAST_VEHICLES, slow / np.maximum(count, 1) / LEAST_SHARE)
            degree = float(degrees[here].max(initial=0.0))
        self._degree.add(trails.clock, degree)
        if self._incident is None and self._degree.quantile(0.2) >= 1:
            self._incident, event = self.raise_alarm(observation)
            return [event]
        if self._incident is not None and self._degree.quantile(0.8) < RELEASE:
            incident, self._incident = self._incident, None
            return self.release(observation, incident)
        return []
