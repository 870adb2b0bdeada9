"""Vehicles on the lanes of a road over the parts of a video."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.road import Road
from cityzoo.demo.videos.car_following import STEP_S, LanePlan, Ride, Stop, drive_against, drive_lane
from cityzoo.demo.videos.parts import Part, list_starts, part_at

BEGIN_M, END_M = -50.0, 190.0  # of the lanes, along the road
# Positions along the road of the stopped vehicle, and of the counting line in the order of preference.
STOP_M, LINES_M = 46.0, (30.0, 34.0, 38.0, 58.0, 66.0, 80.0)
SPEED, CRAWL, WRONG_WAY_SPEED = 16.0, 1.6, 8.0  # m/s
JAM_HEAD_M = {1: 60.0, -1: 5.0}  # vehicles crawl up to this position along the road, per direction
CRAWL_M = 20.0  # over this distance; the queue behind it grows from the gaps that drivers keep


@dataclass(frozen=True)
class Lane:
    """A lane of the main road: meters right of its middle, and +1 along or -1 against it."""

    offset_m: float
    direction: int

    def along(self, meters: float) -> float:
        """Return the position along the road for a distance from the entrance of the lane."""
        return BEGIN_M + meters if self.direction > 0 else END_M - meters

    def meters(self, along: float) -> float:
        """Return the distance from the entrance of the lane for a position along the road."""
        return along - BEGIN_M if self.direction > 0 else END_M - along


@dataclass(frozen=True)
class Track:
    """A vehicle of a video: its id from 1, its lane and its ride."""

    number: int
    lane: Lane
    ride: Ride

    @property
    def end_s(self) -> float:
        """Return the time of its last position."""
        return self.ride.start_s + (len(self.ride.meters) - 1) * STEP_S

    def place(self, road: Road, seconds: float) -> Thing:
        """Return the vehicle where it is at a time from start_s to end_s."""
        step = min((seconds - self.ride.start_s) / STEP_S, len(self.ride.meters) - 1.0)
        low = int(step)
        high, share = min(low + 1, len(self.ride.meters) - 1), step - low
        meters, aside = (
            (1 - share) * values[low] + share * values[high]
            for values in (self.ride.meters, self.ride.aside_m)
        )
        right = self.lane.offset_m + math.copysign(1.0, self.lane.offset_m) * aside
        x, y, heading = road.position(self.lane.along(meters), right)
        back = (self.lane.direction < 0) != self.ride.against
        return replace(self.ride.thing, x=x, y=y, heading=heading + (math.pi if back else 0.0))


def plan_traffic(parts: Sequence[Part], seed: int, road: Road) -> tuple[Track, ...]:
    """Return the vehicles of all lanes, numbered in the order in which they enter."""
    lanes = [Lane(*lane) for lane in road.lanes]
    total = sum(part.seconds for part in parts)
    found: list[tuple[Lane, Ride]] = []
    for k, lane in enumerate(lanes):
        rng = np.random.Generator(np.random.PCG64([seed, 2, k]))
        plan = _lane_plan(parts, lanes, lane, road)
        found += [(lane, ride) for ride in drive_lane(rng, plan, total)]
        found += [
            (lane, drive_against(rng, plan, start + 5.0, WRONG_WAY_SPEED))
            for start, part in list_starts(parts)
            if part.incident == "wrong_way" and lane == _outer(lanes, lane.direction, lanes[0].direction)
        ]
    found.sort(key=lambda pair: pair[1].start_s)
    return tuple(Track(number, lane, ride) for number, (lane, ride) in enumerate(found, 1))


def _outer(lanes: Sequence[Lane], direction: int, affected: int) -> Lane | None:
    """Return the outermost lane of a direction, None if incidents do not affect the direction."""
    own = [lane for lane in lanes if lane.direction == direction]
    return max(own, key=lambda lane: abs(lane.offset_m)) if direction == affected else None


def _lane_plan(parts: Sequence[Part], lanes: Sequence[Lane], lane: Lane, road: Road) -> LanePlan:
    """Return the traffic of a lane; incidents happen in the direction of the first lane."""
    starts, affected = list_starts(parts), lanes[0].direction
    outer = lane == _outer(lanes, lane.direction, affected)
    head_m = lane.meters(JAM_HEAD_M[lane.direction])
    jams = [(at, at + part.seconds - 30) for at, part in starts if part.incident == "jam"]
    # The lane is closed before a vehicle drives through it against its direction.
    through = (END_M - BEGIN_M) / WRONG_WAY_SPEED
    closed = [(at - 25, at + 5 + through) for at, part in starts if part.incident == "wrong_way" and outer]
    aside = road.half_width_m + 0.75 - abs(lane.offset_m)
    stops = [
        Stop(at + 10, 45.0, lane.meters(STOP_M), aside)
        for at, part in starts
        if part.incident == "stopped" and outer
    ]

    def per_hour(seconds: float) -> float:
        if any(begin <= seconds < end for begin, end in closed):
            return 0.0
        return parts[part_at(parts, seconds)].per_hour

    def crawl(seconds: float, meters: float) -> float:
        jammed = lane.direction == affected and any(begin <= seconds < end for begin, end in jams)
        return CRAWL if jammed and head_m - CRAWL_M <= meters < head_m else math.inf

    return LanePlan(END_M - BEGIN_M, SPEED, per_hour, crawl, tuple(stops))
