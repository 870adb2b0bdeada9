"""What happens in zones: who is there and for how long, queues, and the share of time that they are occupied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.events import make_event
from cityzoo.watch.measures.motion import Motion
from cityzoo.watch.scene import Zone

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

IN_FRAMES = 2  # inside until a vehicle has entered
OUT_SECONDS = 1.0  # outside or unseen until it has left
GAP_METRES = 15.0  # between two vehicles of one queue
VEHICLE_METRES = 5.0  # length of the last one
EDGE = 0.01  # share of the image, over which the feet of boxes at its lower edge count as inside


@dataclass
class Stay:
    """A vehicle in a zone."""

    track: int
    label: int
    entered: float  # clock
    seen: float
    frames: int = 1
    is_known: bool = False  # whether its entry was reported
    dwells: bool = False


class StayMeter:
    """Follow the vehicles in one zone by the middle of the lower edge of their boxes.

    A vehicle that is lost and found under a new id stays on. Time is that of observation.

    Args:
        zone: that is measured.
        motion: of the camera.
        class_names: by label.
    """

    zone_columns = ("dwell_seconds", "dwell_longest", "occupancy", "queue", "queue_longest", "queue_metres")

    def __init__(self, zone: Zone, motion: Motion, class_names: Sequence[str]) -> None:
        self.zone, self.motion, self.class_names = zone, motion, tuple(class_names)
        self._stays: dict[int, Stay] = {}  # by identity
        self._steps: list[tuple[float, float, bool, int, float]] = []  # time, step, occupied, queue, metres
        self._dwells: list[tuple[float, float]] = []  # time, seconds

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return who has entered, dwells and has left: zone_enter, dwell, zone_leave."""
        self.motion.update(observation)
        trails, frame = self.motion.trails, observation.frame
        inside = self._find_inside()
        events = []
        for row in np.flatnonzero(inside).tolist():
            track = trails.tracks[row]
            key = trails.identities[track.id]
            stay = self._stays.setdefault(key, Stay(track.id, track.label, trails.clock, trails.clock, 0))
            stay.seen, stay.label, stay.track, stay.frames = (
                trails.clock,
                track.label,
                track.id,
                stay.frames + 1,
            )
            seconds, place = trails.clock - stay.entered, trails.feet[row].round(4).tolist()
            if not stay.is_known and stay.frames >= IN_FRAMES:
                stay.is_known = True
                events.append(make_event(frame, "zone_enter", **self._describe(stay), point=place))
            if self.zone.purpose == "dwell" and not stay.dwells and seconds >= self.zone.dwell_seconds:
                stay.dwells = True
                figures = {"seconds": round(seconds, 1), "point": place}
                events.append(make_event(frame, "dwell", **self._describe(stay), **figures))
        for key, stay in list(self._stays.items()):
            if trails.clock - stay.seen > OUT_SECONDS:
                del self._stays[key]
                if stay.is_known:
                    seconds = stay.seen - stay.entered
                    self._dwells.append((frame.time, seconds))
                    events.append(
                        make_event(frame, "zone_leave", **self._describe(stay), seconds=round(seconds, 1))
                    )
        queue = inside & trails.still
        self._steps.append(
            (frame.time, trails.step, bool(inside.any()), int(queue.sum()), self._measure_queue(queue))
        )
        return events

    def health(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Do nothing: the clock stands still in gaps."""
        return []

    def interval(self, start: float, end: float) -> dict[str, dict[str, float]]:
        """Return dwell, occupancy and queue of the zone in an interval, and forget it."""
        steps = [step for step in self._steps if start <= step[0] < end]
        dwells = [seconds for time, seconds in self._dwells if start <= time < end]
        self._steps = [step for step in self._steps if step[0] >= end]
        self._dwells = [dwell for dwell in self._dwells if dwell[0] >= end]
        if not steps:
            return {}
        _, seconds, occupied, queue, metres = np.array(steps, float).T
        weights = np.maximum(seconds, 1e-9)
        row = {
            "occupancy": float((weights * occupied).sum() / weights.sum()),
            "queue": float((weights * queue).sum() / weights.sum()),
            "queue_longest": float(queue.max()),
        }
        if np.isfinite(metres).any():
            row["queue_metres"] = float(np.nanmax(metres))
        if dwells:
            row |= {"dwell_seconds": sum(dwells) / len(dwells), "dwell_longest": max(dwells)}
        return {self.zone.name: {key: round(value, 3) for key, value in row.items()}}

    def _find_inside(self) -> np.ndarray:
        trails, names = self.motion.trails, self.zone.classes
        allowed = [not names or self.class_names[track.label] in names for track in trails.tracks]
        feet = np.minimum(trails.feet, 1 - EDGE)
        return np.array(allowed, bool) & self.zone.contains(feet) if len(feet) else np.zeros(0, bool)

    def _describe(self, stay: Stay) -> dict[str, Any]:
        return {"track": stay.track, "class": self.class_names[stay.label], "zone": self.zone.name}

    def _measure_queue(self, queue: np.ndarray) -> float:
        """Return the length of the queue from the stop line, the head of the zone's arrow, or its first vehicle."""
        ground, feet = self.motion.trails.ground, self.motion.trails.feet[queue]
        if ground is None:
            return float("nan")
        if not len(feet):
            return 0.0
        places = ground.to_metres(feet)
        if self.zone.arrow:
            tail, head = ground.to_metres(np.array(self.zone.arrow))
            back = np.sort((head - places) @ (head - tail) / np.linalg.norm(head - tail))
        else:
            spread = places - places.mean(axis=0)
            axis = np.linalg.svd(spread, full_matrices=False)[2][0] if len(places) > 1 else np.ones(2)
            back = np.sort(spread @ axis)
            back -= back[0]
        gaps = np.flatnonzero(np.diff(back, prepend=0.0) > GAP_METRES)
        joined = back[: gaps[0]] if len(gaps) else back
        return float(max(joined[-1], 0.0) + VEHICLE_METRES) if len(joined) else 0.0
