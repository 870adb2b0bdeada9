"""Counts of an interval that are far from those of other days at the same hour."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rule_observer import RuleObserver

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

SECONDS = 900.0  # observed, that are counted together
LEAST_COUNTS, MOST_COUNTS = 5, 60  # at one hour of the day, until one of them is unusual, and remembered


class UnusualCounts(RuleObserver):
    """Raise an alarm when the crossings of a quarter of an hour deviate from the usual number at that hour.

    The deviation is in standard deviations of earlier quarters at the same hour of the day (UTC), at least that of
    a Poisson stream. A quarter with a gap of observation is left out. Nothing is usual before five quarters.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._known: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=MOST_COUNTS))
        self._start, self._count = math.nan, 0
        self._incident: Incident | None = None

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        now, events = observation.frame.time, list[dict[str, Any]]()
        if math.isnan(self._start) or self.motion.trails.after_gap:
            self._start, self._count = now, 0
        if now - self._start >= SECONDS:
            events = self._close(observation)
            self._start, self._count = now, 0
        lines = (self.rule.place,) if self.rule.place else [line.name for line in self.scene.lines]
        self._count += sum(item.line in lines and item.label in self.labels for item in observation.crossings)
        return events

    def _close(self, observation: Observation) -> list[dict[str, Any]]:
        known = self._known[datetime.fromtimestamp(self._start, timezone.utc).hour]
        deviation = measure_deviation(self._count, known)
        is_unusual = len(known) >= LEAST_COUNTS and abs(deviation) > self.rule.score
        if not is_unusual:
            known.append(self._count)
        figures: dict[str, Any] = {"value": self._count, "deviation": round(deviation, 2)}
        if is_unusual and self._incident is None:
            self._incident, event = self.raise_alarm(observation, **figures)
            return [event]
        if not is_unusual and self._incident is not None:
            incident, self._incident = self._incident, None
            return self.release(observation, incident, **figures)
        return []


def measure_deviation(count: int, known: deque[int]) -> float:
    """Return how many standard deviations a count is from earlier ones, 0 without any.

    Example:
        >>> measure_deviation(30, deque([9, 9, 9, 9]))
        7.0
    """
    if not known:
        return 0.0
    mean = sum(known) / len(known)
    spread = sum((value - mean) ** 2 for value in known) / len(known)
    return (count - mean) / math.sqrt(max(spread, mean, 1.0))
