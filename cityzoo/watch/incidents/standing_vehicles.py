"""Vehicles that stand where traffic moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cityzoo.watch.incidents.incident_log import Incident
from cityzoo.watch.incidents.rule_observer import RuleObserver
from cityzoo.watch.measures.trails import CLOCK, LOG_SIZE, STILL_PACE, X, Y
from cityzoo.watch.tracking.assignment import compute_overlaps

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation

SAME_PLACE = 0.4  # intersection over union of the boxes of a vehicle that stands
STILL_DISTANCE = 0.1  # sizes, of the places of a vehicle that already stood
LEFT_SECONDS, HIDDEN_SECONDS = (
    1.0,
    5.0,
)  # until a place counts as free: its vehicle drove away, or is not seen
ARRIVED = 1.0  # sizes that a vehicle has moved before it stops: parked cars and stains have not
NEIGHBOURS, REACH, JAM = (
    5,
    8.0,
    2,
)  # the nearest vehicles, within so many sizes, and how many slow ones are a jam


@dataclass(eq=False)
class Spot:
    """A place where a vehicle stands."""

    box: np.ndarray
    since: float  # clock
    seen: float  # clock, when a vehicle last stood there
    track: int
    has_arrived: bool  # the vehicle was seen in motion before
    in_jam: bool = False  # it has stood among slow vehicles
    incident: Incident | None = None


class StandingVehicles(RuleObserver):
    """Raise an alarm on a vehicle that stands for the rule's seconds; one that stands among slow ones is in a jam.

    Places are remembered, not tracks: a vehicle that is lost and found, or whose id passes to another one, still
    stands. Time is that of observation: nothing stands through a gap.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._spots: list[Spot] = []

    def update(self, observation: Observation) -> list[dict[str, Any]]:
        """Return the alarms that this frame raises and releases."""
        self.motion.update(observation)
        trails = self.motion.trails
        clock = trails.clock
        still = trails.still & self.matches()
        places = np.array([spot.box for spot in self._spots]).reshape(-1, 4)
        overlaps = compute_overlaps(trails.boxes, places)
        for row in np.flatnonzero(still).tolist():
            if overlaps.shape[1] and overlaps[row].max() >= SAME_PLACE:
                spot = self._spots[int(overlaps[row].argmax())]
                spot.seen, spot.track = clock, trails.tracks[row].id
            else:
                self._spots.append(self._begin(row))
        slow = self.motion.field.slow
        with np.errstate(invalid="ignore"):
            gone = np.flatnonzero(~still & (trails.pace >= 2 * STILL_PACE)).tolist()
        left = {trails.tracks[row].id for row in gone}
        return [event for spot in list(self._spots) for event in self._judge(observation, spot, slow, left)]

    def _begin(self, row: int) -> Spot:
        """Return a new spot, since when the vehicle has been within a fraction of its size of it."""
        trails = self.motion.trails
        track, clock = trails.tracks[row], trails.clock
        samples = trails.trail(track.id)
        away = np.hypot(samples[:, X] - trails.centers[row, 0], samples[:, Y] - trails.centers[row, 1])
        moved = np.flatnonzero(
            (away > STILL_DISTANCE * trails.sizes[row])
            | (np.abs(samples[:, LOG_SIZE] - np.log(trails.sizes[row])) > STILL_DISTANCE)
        )
        since = samples[moved[-1] + 1, CLOCK] if len(moved) and moved[-1] + 1 < len(samples) else clock
        since = since if len(moved) else samples[0, CLOCK] if len(samples) else clock
        return Spot(trails.boxes[row], float(since), clock, track.id, bool(trails.travel[row] >= ARRIVED))

    def _judge(
        self, observation: Observation, spot: Spot, slow: np.ndarray, left: set[int]
    ) -> list[dict[str, Any]]:
        trails = self.motion.trails
        patience = LEFT_SECONDS if spot.track in left else HIDDEN_SECONDS
        if trails.clock - spot.seen > patience:
            self._spots.remove(spot)
            return self.release(observation, spot.incident)
        if spot.incident is not None or spot.seen < trails.clock:
            return []
        if self._is_jammed(spot, slow):
            spot.in_jam, spot.since = (
                True,
                trails.clock,
            )  # it may be broken down: counted from the end of the jam
            return []
        arrived = spot.has_arrived or bool(self.rule.place)
        if not arrived or trails.clock - spot.since < self.rule.seconds:
            return []
        track = next(track for track in trails.tracks if track.id == spot.track)
        spot.incident, event = self.raise_alarm(
            observation,
            np.array(track.box),
            **self.describe_track(track),
            seconds=round(trails.clock - spot.since, 1),
        )
        return [event]

    def _is_jammed(self, spot: Spot, slow: np.ndarray) -> bool:
        """Return whether the vehicles around a spot that go its way are slow, too."""
        trails = self.motion.trails
        others = np.array([track.id != spot.track for track in trails.tracks], bool)
        others &= np.isfinite(trails.pace) & ~self.motion.is_opposite(spot.box)
        center, size = (spot.box[:2] + spot.box[2:]) / 2, np.sqrt(np.prod(spot.box[2:] - spot.box[:2]))
        distance = np.linalg.norm(trails.centers - center, axis=1) / np.maximum(size, trails.sizes)
        near = np.flatnonzero(others & (distance <= REACH))
        near = near[distance[near].argsort()[:NEIGHBOURS]]
        count = int(slow[near].sum())
        return count >= JAM and 2 * count >= len(near)
