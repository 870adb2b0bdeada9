"""Alarms on what is measured in a zone or at a line: counts, speeds, occupancy, queues, dwell and headway."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.alarms.live import LiveAlarms
from cityzoo.alarms.rules import Rule
from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rolling import RollingValue
from cityzoo.watch.incidents.rule_observer import RuleObserver
from cityzoo.watch.measures.coverage import covers_line

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

EVERY = 1.0  # second between the values that raise and release
SHARE = 0.8  # of the rule's time in which the value is beyond the limit
QUIET_SECONDS = 30.0  # without a vehicle to measure, until an alarm on its speed or headway is released
LEFT_SECONDS = 1.0  # outside the zone or unseen, until a stay ends


class MeasuredValue(RuleObserver):
    """Raise an alarm when a value is beyond its limit for four fifths of the rule's seconds.

    Values: vehicles in the zone (count), mean speed in km/h, share of time with a vehicle in % (occupancy), standing
    vehicles (queue), longest stay so far in s (dwell), time since the last crossing or between two in s (headway).
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        value = self.rule.value or Rule("count", ">", 0, 1, 0.5)
        self._channel, self._is_upper = value.channel, value.way == ">"
        self._alarms, self._values = LiveAlarms([value]), RollingValue(self.rule.seconds)
        self._incident: Incident | None = None
        self._next = self._known = 0.0
        self._stays: dict[
            int, tuple[float, float]
        ] = {}  # by identity: clock of entry and when last seen inside
        self._crossed: dict[str, float] = {}  # clock, by direction
        line = next((line for line in self.scene.lines if line.name == self.rule.place), None)
        self._line = np.array(line.points) if line else None

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        clock = self.motion.trails.clock
        measured = self._measure(observation)
        self._values.add(clock, measured)
        self._known = self._known if math.isnan(measured) else clock
        if clock < self._next:
            return []
        self._next = clock + EVERY
        if clock - self._known > max(
            QUIET_SECONDS, self.rule.seconds
        ):  # nobody there: nothing is beyond a limit
            self._values = RollingValue(self.rule.seconds)
            self._alarms.forget(self.rule.place)
            incident, self._incident = self._incident, None
            return self.release(observation, incident)
        value = self._summarize()
        events = []
        for change in self._alarms.update(self.rule.place, self._channel, value):
            figures: dict[str, Any] = {"value": round(change.value, 2)}
            if change.is_raised:
                self._incident, event = self.raise_alarm(observation, **figures)
                events.append(event)
            else:
                incident, self._incident = self._incident, None
                events += self.release(observation, incident, **figures)
        return events

    def _summarize(self) -> float:
        if self._channel == "occupancy":
            return self._values.mean()
        return self._values.quantile(1 - SHARE if self._is_upper else SHARE)

    def _measure(self, observation: Observation) -> float:
        trails, here = self.motion.trails, self.matches()
        if self._channel == "count":
            return float(here.sum())
        if self._channel == "queue":
            return float((here & trails.still).sum())
        if self._channel == "speed":
            speeds = trails.metres[here & np.isfinite(trails.metres)]
            return float(speeds.mean() * 3.6) if len(speeds) else math.nan
        if self._channel == "occupancy":
            if self._line is not None:
                here = here & covers_line(trails.boxes / np.tile(trails.scale, 2), self._line)
            return 100.0 * bool(here.any())
        return self._longest_stay(here) if self._channel == "dwell" else self._headway(observation)

    def _longest_stay(self, here: np.ndarray) -> float:
        trails = self.motion.trails
        for row in np.flatnonzero(here).tolist():
            key = trails.identities[trails.tracks[row].id]
            self._stays[key] = self._stays.get(key, (trails.clock, 0.0))[0], trails.clock
        self._stays = {
            key: stay for key, stay in self._stays.items() if trails.clock - stay[1] <= LEFT_SECONDS
        }
        return max((seen - entry for entry, seen in self._stays.values()), default=0.0)

    def _headway(self, observation: Observation) -> float:
        clock, times = self.motion.trails.clock, []
        for crossing in observation.crossings:
            if crossing.line == self.rule.place:
                last = self._crossed.get(crossing.direction)
                self._crossed[crossing.direction] = clock
                times += [clock - last] if last is not None else []
        waits = [clock - last for last in self._crossed.values()] if self._is_upper else []
        return max(waits + times, default=math.nan) if self._is_upper else min(times, default=math.nan)
