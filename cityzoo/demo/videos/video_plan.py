"""Plan of a video: parts with their light, traffic and incident, and the way of every vehicle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.ground import ground_patches
from cityzoo.demo.scenes.jam_scene import HIGH_LAYOUTS
from cityzoo.demo.scenes.light import CONDITIONS, Light, make_light
from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.road import GroundPatch, Road, choose_view
from cityzoo.demo.scenes.scenery import place_scenery
from cityzoo.demo.scenes.traffic_scene import ENLARGED, generator
from cityzoo.demo.videos.car_following import STEP_S, LanePlan, Ride, Stop, drive_against, drive_lane
from cityzoo.errors import InputError, unknown

BEGIN_M, END_M = -50.0, 190.0  # of the lanes, along the road
LINE_M, STOP_M = 30.0, 46.0  # positions of the counting line and of the stopped vehicle along the road
PLACE_SEED = 8  # a motorway with a free view of its lanes
SPEED, CRAWL, WRONG_WAY_SPEED = 16.0, 1.6, 8.0  # m/s
JAM_HEAD_M = {1: 60.0, -1: 5.0}  # vehicles crawl up to this position along the road, per direction
CRAWL_M = 20.0  # over this distance; the queue behind it grows from the gaps that drivers keep
INCIDENTS = ("", "stopped", "wrong_way", "jam")


@dataclass(frozen=True)
class Part:
    """A stretch of a video with one light."""

    seconds: float
    condition: str  # one of cityzoo.demo.scenes.light.CONDITIONS
    per_hour: float = 500.0  # vehicles per lane and hour
    incident: str = ""  # one of INCIDENTS


VIDEOS: dict[str, tuple[Part, ...]] = {
    "incidents": (
        Part(100, "day"),
        Part(90, "day", incident="stopped"),
        Part(80, "dusk"),
        Part(80, "dusk", incident="wrong_way"),
        Part(100, "rain"),
        Part(150, "rain", 1500.0, "jam"),
    ),
    "normal": tuple(Part(600, condition) for condition in ("day", "dusk", "rain") * 2),
    "short": (Part(20, "day"),),
}


@dataclass(frozen=True)
class Lane:
    """A lane of the main road: meters right of its middle, and +1 along or -1 against it."""

    offset_m: float
    direction: int

    def along(self, metres: float) -> float:
        """Return the position along the road for a distance from the entrance of the lane."""
        return BEGIN_M + metres if self.direction > 0 else END_M - metres

    def metres(self, along: float) -> float:
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
        return self.ride.start_s + (len(self.ride.metres) - 1) * STEP_S

    def place(self, road: Road, seconds: float) -> Thing:
        """Return the vehicle where it is at a time from start_s to end_s."""
        step = min((seconds - self.ride.start_s) / STEP_S, len(self.ride.metres) - 1.0)
        low = int(step)
        high, share = min(low + 1, len(self.ride.metres) - 1), step - low
        metres, aside = (
            (1 - share) * values[low] + share * values[high]
            for values in (self.ride.metres, self.ride.aside_m)
        )
        right = self.lane.offset_m + math.copysign(1.0, self.lane.offset_m) * aside
        x, y, heading = road.position(self.lane.along(metres), right)
        back = (self.lane.direction < 0) != self.ride.against
        return replace(self.ride.thing, x=x, y=y, heading=heading + (math.pi if back else 0.0))


@dataclass(frozen=True)
class VideoPlan:
    """Content of a video before rendering; camera pixels are those of the enlarged canvas."""

    seed: int
    place_seed: int
    parts: tuple[Part, ...]
    lights: tuple[Light, ...]
    layout: str
    camera: Camera
    road: Road
    ground: tuple[GroundPatch, ...]
    scenery: tuple[Thing, ...]
    tracks: tuple[Track, ...]

    @property
    def seconds(self) -> float:
        """Return the duration."""
        return sum(part.seconds for part in self.parts)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Return height and width of the frames in pixels."""
        wide, high = self.camera.size_wh
        return high // ENLARGED, wide // ENLARGED

    def light(self, seconds: float) -> Light:
        """Return the light at a time."""
        return self.lights[part_at(self.parts, seconds)]


def part_at(parts: Sequence[Part], seconds: float) -> int:
    """Return the position of the part at a time; the last for later times.

    Example:
        >>> part_at((Part(10, "day"), Part(5, "rain")), 10.0)
        1
    """
    ends = list(accumulate(part.seconds for part in parts))
    return min(sum(seconds >= end for end in ends), len(parts) - 1)


def plan_video(
    parts: Sequence[Part], seed: int = 0, size_hw: tuple[int, int] = (288, 384), place_seed: int = PLACE_SEED
) -> VideoPlan:
    """Return the plan of a video; equal arguments give equal plans.

    Args:
        parts: stretches with light, traffic and incident; at least one.
        seed: 0 or more, of traffic and light.
        size_hw: height and width in pixels, both even and at least 64.
        place_seed: seed of road, camera and scenery.

    Raises:
        InputError: no parts, an unknown condition or incident, or a size or seed out of range.
    """
    if not parts or seed < 0 or min(size_hw) < 64 or any(side % 2 for side in size_hw):
        raise InputError(
            f"{len(parts)} parts, seed {seed}, size {size_hw}: expected one part or more, a seed >= 0, even sides >= 64"
        )
    for part in parts:
        if part.condition not in CONDITIONS:
            raise unknown("condition", part.condition, CONDITIONS)
        if part.incident not in INCIDENTS or part.seconds <= 0:
            raise InputError(
                f"{part}: expected seconds above 0 and one of the incidents {', '.join(INCIDENTS[1:])}"
            )
    layouts = {"motorway": HIGH_LAYOUTS["motorway"]}
    layout, camera, roads = choose_view(generator(place_seed, 0), size_hw, layouts)
    scenery = place_scenery(generator(place_seed, 3), roads, camera, people=False)
    ground = ground_patches(roads, generator(place_seed, 4))
    wide, high = camera.size_wh
    enlarged = replace(
        camera, focal_px=camera.focal_px * ENLARGED, size_wh=(wide * ENLARGED, high * ENLARGED)
    )
    lights = tuple(make_light(part.condition, _generator(seed, 1, k)) for k, part in enumerate(parts))
    tracks = plan_traffic(parts, seed, roads[0])
    return VideoPlan(
        seed,
        place_seed,
        tuple(parts),
        lights,
        layout,
        enlarged,
        roads[0],
        tuple(ground),
        tuple(scenery),
        tracks,
    )


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(key))


def plan_traffic(parts: Sequence[Part], seed: int, road: Road) -> tuple[Track, ...]:
    """Return the vehicles of all lanes, numbered in the order in which they enter."""
    lanes = [Lane(*lane) for lane in road.lanes]
    total = sum(part.seconds for part in parts)
    found: list[tuple[Lane, Ride]] = []
    for k, lane in enumerate(lanes):
        rng = _generator(seed, 2, k)
        plan = _lane_plan(parts, lanes, lane, road)
        found += [(lane, ride) for ride in drive_lane(rng, plan, total)]
        found += [
            (lane, drive_against(rng, plan, start + 5.0, WRONG_WAY_SPEED))
            for start, part in _starts(parts)
            if part.incident == "wrong_way" and lane == _outer(lanes, lane.direction, lanes[0].direction)
        ]
    found.sort(key=lambda pair: pair[1].start_s)
    return tuple(Track(number, lane, ride) for number, (lane, ride) in enumerate(found, 1))


def _starts(parts: Sequence[Part]) -> list[tuple[float, Part]]:
    ends = accumulate(part.seconds for part in parts)
    return [(end - part.seconds, part) for end, part in zip(ends, parts, strict=True)]


def _outer(lanes: Sequence[Lane], direction: int, affected: int) -> Lane | None:
    """Return the outermost lane of a direction, None if incidents do not affect the direction."""
    own = [lane for lane in lanes if lane.direction == direction]
    return max(own, key=lambda lane: abs(lane.offset_m)) if direction == affected else None


def _lane_plan(parts: Sequence[Part], lanes: Sequence[Lane], lane: Lane, road: Road) -> LanePlan:
    """Return the traffic of a lane; incidents happen in the direction of the first lane."""
    starts, affected = _starts(parts), lanes[0].direction
    outer = lane == _outer(lanes, lane.direction, affected)
    head_m = lane.metres(JAM_HEAD_M[lane.direction])
    jams = [(at, at + part.seconds - 30) for at, part in starts if part.incident == "jam"]
    # The lane is closed before a vehicle drives through it against its direction.
    through = (END_M - BEGIN_M) / WRONG_WAY_SPEED
    closed = [(at - 25, at + 5 + through) for at, part in starts if part.incident == "wrong_way" and outer]
    aside = road.half_width_m + 0.75 - abs(lane.offset_m)
    stops = [
        Stop(at + 10, 45.0, lane.metres(STOP_M), aside)
        for at, part in starts
        if part.incident == "stopped" and outer
    ]

    def per_hour(seconds: float) -> float:
        if any(begin <= seconds < end for begin, end in closed):
            return 0.0
        return parts[part_at(parts, seconds)].per_hour

    def crawl(seconds: float, metres: float) -> float:
        jammed = lane.direction == affected and any(begin <= seconds < end for begin, end in jams)
        return CRAWL if jammed and head_m - CRAWL_M <= metres < head_m else math.inf

    return LanePlan(END_M - BEGIN_M, SPEED, per_hour, crawl, tuple(stops))
