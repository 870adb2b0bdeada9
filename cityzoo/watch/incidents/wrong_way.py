"""Vehicles that drive against the direction of a lane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rule_observer import RuleObserver

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

AGAINST, ALONG = (
    -0.7,
    0.0,
)  # cosine of a motion and the direction of its place: against it, no longer against it
LEAST_TRAVEL, LEAST_SECONDS, LEAST_FRAMES = (
    1.0,
    0.8,
    4,
)  # sizes, observed seconds and frames against the direction
IN_JAM = 3.0  # times the travel where two vehicles or more are slow: tracks hop back from one to the next
FASTEST = 1.5  # sizes of one step: more is a track that jumped to another vehicle
LEAST_PACE = 0.15  # sizes per second of a vehicle that moves at all
LINE_SECONDS = 2.0  # after a crossing, in which a vehicle must show its direction
GONE_SECONDS = 3.0  # unseen, until the alarm is released


@dataclass(eq=False)
class Course:
    """How far a track has driven against the direction."""

    point: list[float]  # pixels
    seen: float
    travel: float = 0.0
    seconds: float = 0.0
    frames: int = 0
    crossed: float = -1e9  # clock, when it crossed a line in the forbidden direction
    incident: Incident | None = None


class WrongWay(RuleObserver):
    """Raise an alarm on a vehicle that crosses a line in a forbidden direction, or drives against that of a place.

    The direction is that of the zone's arrow, else the usual one of the traffic at that place: while nothing is
    usual there (few vehicles so far, or both directions), there is no alarm. A vehicle must go against it for four
    frames, 0.8 s and once its size without a step back or a jump, so that ids that change vehicles raise nothing.
    """

    join_seconds = 5.0  # the next vehicle is another incident

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.line = self.rule.place if self.zone is None else ""
        self._forbidden = {way for line, way in self.scene.forbidden if line == self.line}
        self._courses: dict[int, Course] = {}

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        trails = self.motion.trails
        clock, here = trails.clock, self.matches()
        against = self._measure_against() if len(trails.tracks) else np.zeros(0)
        events = []
        for crossing in observation.crossings:
            if crossing.line == self.line and crossing.direction in self._forbidden:
                course = self._courses.get(trails.identities.get(crossing.track, -1))
                if course is not None:
                    course.crossed = clock
        steps = zip(
            trails.tracks, trails.centers.tolist(), trails.sizes.tolist(), against.tolist(), strict=True
        )
        for row, (track, point, size, cosine) in enumerate(steps):
            course = self._courses.setdefault(trails.identities[track.id], Course(point, clock))
            self._follow(course, point, size, cosine)
            course.seen = clock
            if here[row] and course.incident is None and self._is_wrong(course):
                course.incident, event = self.raise_alarm(
                    observation, trails.boxes[row], **self.describe_track(track)
                )
                events.append(event)
        for key, course in list(self._courses.items()):
            if clock - course.seen > GONE_SECONDS:
                events += self.release(observation, self._courses.pop(key).incident)
        return events

    def _measure_against(self) -> np.ndarray:
        """Return the cosine (N,) of each track's motion and the direction at its place; 0 where there is none."""
        trails = self.motion.trails
        if self.line:  # the crossing says that it is wrong, the motion only has to be one
            usual = trails.velocity
            return np.where(trails.pace >= LEAST_PACE, -1.0, 0.0) * np.isfinite(usual[:, 0])
        arrow = self.zone.arrow if self.zone else ()
        if arrow:
            way = (np.array(arrow[1]) - arrow[0]) * trails.scale
            usual = np.tile(way / np.linalg.norm(way), (len(trails.tracks), 1))
        else:
            usual = self.motion.field.ways
        speed = np.maximum(np.linalg.norm(trails.velocity, axis=1), 1e-9)
        return np.nan_to_num((trails.velocity * usual).sum(axis=1) / speed * (trails.pace >= LEAST_PACE))

    def _follow(self, course: Course, point: list[float], size: float, against: float) -> None:
        step = math.dist(point, course.point) / size
        course.point, seconds = point, self.motion.trails.step
        if self.motion.trails.after_gap or against > ALONG or step > max(FASTEST, 8 * seconds):
            course.travel, course.seconds, course.frames = 0.0, 0.0, 0
        elif against <= AGAINST:
            course.travel += step
            course.seconds += seconds
            course.frames += 1

    def _is_wrong(self, course: Course) -> bool:
        if self.line and self.motion.trails.clock - course.crossed > LINE_SECONDS:
            return False
        is_jam = int(self.motion.field.slow.sum()) >= 2
        return (
            course.travel >= LEAST_TRAVEL * (IN_JAM if is_jam else 1)
            and course.seconds >= LEAST_SECONDS
            and course.frames >= LEAST_FRAMES
        )
