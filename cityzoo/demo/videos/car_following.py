"""Traffic of one lane: each driver follows the vehicle ahead."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from cityzoo.demo.scenes.meshes import Thing, pick
from cityzoo.demo.scenes.vehicle_placement import CLASS_SHARES
from cityzoo.demo.scenes.vehicles import BUILDERS

STEP_S = 0.1  # of the simulation
# Parameters of the intelligent driver model: acceleration, comfortable and hardest braking in m/s2, time gap, gap.
ACCELERATION, COMFORTABLE, HARDEST, TIME_GAP_S, GAP_M = 1.5, 2.0, 7.0, 1.3, 2.0
SPEED_FACTORS = (1.0, 0.88, 0.88, 1.0)  # of the usual speed, per class
# Distance before the stop at which a driver pulls over, length of that path, free road needed to drive on.
BEFORE_M, ASIDE_M, CLEAR_M = 32.0, 20.0, 14.0


@dataclass(frozen=True)
class Stop:
    """A car that leaves the lane and stops on the shoulder."""

    start_s: float  # the first car that arrives after this time stops
    seconds: float  # how long it stands at least
    at_m: float  # from the entrance of the lane
    aside_m: float  # from the middle of the lane


@dataclass(frozen=True)
class LanePlan:
    """Traffic of a lane over time."""

    length_m: float
    speed: float  # usual speed, m/s
    per_hour: Callable[[float], float]  # seconds -> vehicles that arrive per hour
    crawl: Callable[[float, float], float] = lambda seconds, meters: (
        math.inf
    )  # seconds, meters -> speed limit
    stops: tuple[Stop, ...] = ()


@dataclass
class Ride:
    """A vehicle and its way along a lane, in steps of STEP_S.

    thing: the vehicle at the origin. start_s: time of the first step. meters: distance of its middle from the entrance
    of the lane per step. aside_m: distance from the middle of the lane, positive to the road's edge, per step.
    """

    thing: Thing
    start_s: float
    usual_speed: float
    wander_m: float
    at_m: float
    speed: float
    meters: list[float] = field(default_factory=list)
    aside_m: list[float] = field(default_factory=list)
    stop: Stop | None = None
    stands_s: float = 0.0
    shift: float = 0.0  # 0 in the lane, 1 on the shoulder
    shift_m: float = 0.0  # its size in meters
    against: bool = False  # whether it drives against the direction of the lane

    @property
    def length_m(self) -> float:
        """Return the length of the vehicle."""
        return self.thing.size_m[1]


def acceleration(speed: float, wanted: float, gap_m: float, closing: float) -> float:
    """Return the acceleration in m/s2 of the intelligent driver model (Treiber, Hennecke and Helbing 2000).

    Args:
        speed: own speed, m/s.
        wanted: speed on a free road, m/s.
        gap_m: distance to the vehicle ahead; inf for none.
        closing: own speed less that of the vehicle ahead, m/s.

    Example:
        >>> acceleration(10.0, 10.0, math.inf, 0.0), acceleration(0.0, 10.0, math.inf, 0.0)
        (0.0, 1.5)
    """
    gap_wanted = GAP_M + max(
        0.0, speed * TIME_GAP_S + speed * closing / (2 * math.sqrt(ACCELERATION * COMFORTABLE))
    )
    free = (speed / wanted) ** 4 if speed <= wanted else 1 + min(COMFORTABLE, speed - wanted) / ACCELERATION
    return max(-HARDEST, ACCELERATION * (1 - free - (gap_wanted / max(gap_m, 0.1)) ** 2))


def drive_lane(rng: np.random.Generator, plan: LanePlan, seconds: float) -> list[Ride]:
    """Return the rides of all vehicles that enter a lane within a time, in order of their entry."""
    rides: list[Ride] = []
    lane: list[Ride] = []  # the first is the farthest
    shoulder: list[Ride] = []
    stops, waiting = list(plan.stops), 0
    coming: Ride | None = None
    for step in range(math.ceil(seconds / STEP_S)):
        now = step * STEP_S
        waiting += int(rng.random() < plan.per_hour(now) * STEP_S / 3600)
        waiting = min(waiting, 3) if plan.per_hour(now) else 0
        coming = coming if plan.per_hour(now) else None
        if waiting and coming is None:
            coming = _arrive(rng, plan)
        if coming is not None and _may_enter(coming, lane):
            coming.start_s, coming.speed = (
                now,
                min(coming.usual_speed, lane[-1].speed + 1 if lane else math.inf),
            )
            lane.append(coming)
            rides.append(coming)
            waiting, coming = max(0, waiting - 1), None
        if stops and now >= stops[0].start_s:
            stops = stops[_choose(lane, stops[0]) :]
        _move(lane, shoulder, plan, now)
        for ride in [r for r in lane if r.stop and r.shift >= 1]:
            lane.remove(ride)
            shoulder.append(ride)
        for ride in [r for r in shoulder if _may_drive_on(r, lane)]:
            shoulder.remove(ride)
            ride.stop = None
            lane.insert(sum(other.at_m > ride.at_m for other in lane), ride)
        for ride in [*lane, *shoulder]:
            ride.meters.append(ride.at_m)
            ride.aside_m.append(ride.wander_m + ride.shift * ride.shift_m)
        lane = [ride for ride in lane if ride.at_m < plan.length_m]
    return rides


def drive_against(rng: np.random.Generator, plan: LanePlan, start_s: float, speed: float) -> Ride:
    """Return the ride of a car through an empty lane, from its end to its entrance."""
    steps = np.arange(0, plan.length_m / speed, STEP_S)
    ride = Ride(_vehicle(rng, 0), start_s, speed, 0.0, plan.length_m, speed, against=True)
    ride.meters, ride.aside_m = (plan.length_m - speed * steps).tolist(), [0.0] * len(steps)
    return ride


def _vehicle(rng: np.random.Generator, label: int) -> Thing:
    solid, size = BUILDERS[label](rng)
    return solid.stand(0.0, 0.0, 0.0, size, label)


def _arrive(rng: np.random.Generator, plan: LanePlan) -> Ride:
    label = pick(rng, CLASS_SHARES)
    usual = plan.speed * SPEED_FACTORS[label] * rng.uniform(0.88, 1.12)
    wander = rng.uniform(-0.3, 0.3) * (2.5 if label == 3 else 1)
    return Ride(_vehicle(rng, label), 0.0, usual, wander, 0.0, usual)


def _may_enter(ride: Ride, lane: list[Ride]) -> bool:
    if not lane:
        return True
    gap_m, _ = _gap(ride, lane[-1])
    return gap_m > GAP_M + min(lane[-1].speed + 1, ride.usual_speed) * TIME_GAP_S


def _choose(lane: list[Ride], stop: Stop) -> int:
    """Let the first car that is still far from the place of the stop stop there; return how many were found."""
    for ride in lane:
        braking = ride.speed**2 / (2 * COMFORTABLE)
        if ride.thing.label == 0 and ride.at_m < stop.at_m - max(BEFORE_M, 1.2 * braking):
            ride.stop, ride.shift_m = stop, stop.aside_m - ride.wander_m
            return 1
    return 0


def _move(lane: list[Ride], shoulder: list[Ride], plan: LanePlan, now: float) -> None:
    ahead: Ride | None = None
    for ride in [*shoulder, *lane]:
        leader = None if ride.shift >= 1 else ahead
        wanted = min(ride.usual_speed, plan.crawl(now, ride.at_m))
        pull = acceleration(ride.speed, wanted, *_gap(ride, leader))
        if ride.stop is not None:
            rest = ride.stop.at_m - ride.at_m
            pull = min(pull, acceleration(ride.speed, wanted, rest, ride.speed))
            ride.shift = min(1.0, max(ride.shift, (BEFORE_M - rest) / ASIDE_M))
        speed = max(0.0, ride.speed + pull * STEP_S)
        arrived = ride.stop is not None and ride.stop.at_m - ride.at_m < GAP_M + 1
        ride.speed = 0.0 if speed < (0.3 if arrived else 0.1) and (arrived or pull < 0) else speed
        ride.at_m += ride.speed * STEP_S
        ride.stands_s += STEP_S * (ride.speed == 0.0)
        if ride.stop is None and ride.shift > 0:
            ride.shift = max(0.0, ride.shift - ride.speed * STEP_S / ASIDE_M)
        ahead = ride if ride.shift < 1 else None


def _gap(ride: Ride, leader: Ride | None) -> tuple[float, float]:
    if leader is None:
        return math.inf, 0.0
    return leader.at_m - ride.at_m - (leader.length_m + ride.length_m) / 2, ride.speed - leader.speed


def _may_drive_on(ride: Ride, lane: list[Ride]) -> bool:
    if ride.stop is None or ride.stands_s < ride.stop.seconds:
        return False
    return not any(
        -CLEAR_M - 4 * other.speed < other.at_m - ride.at_m < CLEAR_M + other.length_m / 2 for other in lane
    )
