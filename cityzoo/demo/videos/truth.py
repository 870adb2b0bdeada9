"""Truth of a video: crossings of a line, counts per interval, and incidents."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np

from cityzoo.demo.scenes.traffic_scene import ENLARGED
from cityzoo.demo.scenes.vehicles import CLASS_NAMES
from cityzoo.demo.videos.car_following import STEP_S
from cityzoo.demo.videos.frames import box_of_outline
from cityzoo.demo.videos.traffic import LINES_M, Track
from cityzoo.demo.videos.video_plan import VideoPlan
from cityzoo.errors import InputError

SIDES = ("near", "far")
WAYS = ("near-far", "far-near")  # along the road and against it
SEEN_PX = 12.0  # smaller side of the box of a vehicle in view
NEAR_LINE_M = 25.0  # from the line along the road; the middle of a box crosses it within this distance
JAM_SPEED, JAM_VEHICLES, VIEW_M = 3.0, 4, (5.0, 60.0)  # m/s; stretch of the road in which a jam is seen


@dataclass(frozen=True)
class Crossing:
    """A vehicle that crosses the line.

    seconds: when the middle of its whole box, hidden parts included, crosses the line in the image. road_seconds: when
    the middle of the vehicle crosses the line on the road.
    """

    seconds: float
    road_seconds: float
    track: int
    label: str
    source: str  # side it comes from, one of SIDES
    target: str


@dataclass(frozen=True)
class Incident:
    """An incident: a stopped or wrong-way vehicle with its track, or a jam (track 0).

    way: direction of the lane, one of WAYS; a wrong-way vehicle moves in the other one. start_s, end_s: while a vehicle
    stands, while a wrong-way vehicle is in view, while the vehicles of a direction crawl.
    """

    kind: str
    way: str
    start_s: float
    end_s: float
    track: int = 0


def line_position(plan: VideoPlan) -> float:
    """Return the position in meters along the road of the counting line, the first one that is inside the image.

    Raises:
        InputError: no line across the road is inside the image.
    """
    for along in LINES_M:
        points = _line(plan, along)
        if ((points > 0) & (points < 1)).all():
            return along
    raise InputError(
        f"place seed {plan.place_seed}: its road is wider than the image, choose another place seed"
    )


def line_of(plan: VideoPlan) -> np.ndarray:
    """Return the end points (2, 2) of the counting line in shares of width and height, the left one first."""
    return _line(plan, line_position(plan))


def _line(plan: VideoPlan, along: float) -> np.ndarray:
    half = plan.road.half_width_m + 1.0
    ground = [(*plan.road.position(along, side)[:2], 0.0) for side in (-half, half)]
    pixels, _ = plan.camera.project(np.array(ground))
    return pixels / np.array(plan.camera.size_wh)


def crossings_of(plan: VideoPlan) -> list[Crossing]:
    """Return the crossings of all vehicles in order of time."""
    found = [crossing for track in plan.tracks for crossing in _crossings(plan, track)]
    return sorted((c for c in found if 0 <= c.seconds < plan.seconds), key=lambda c: (c.seconds, c.track))


def _crossings(plan: VideoPlan, track: Track) -> list[Crossing]:
    along = np.array([track.lane.along(meters) for meters in track.ride.meters])
    at_m = line_position(plan)
    steps = np.flatnonzero(np.abs(along - at_m) < NEAR_LINE_M)
    if len(steps) < 2:
        return []
    times = track.ride.start_s + steps * STEP_S
    boxes = box_of_outline([track.place(plan.road, seconds) for seconds in times.tolist()], plan.camera)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    first, second = line_of(plan) * np.array(plan.camera.size_wh)
    (dx, dy), offset = second - first, middle - first
    below = dx * offset[:, 1] - dy * offset[:, 0]
    found = []
    for k in np.flatnonzero((below[:-1] >= 0) != (below[1:] >= 0)):
        share = below[k] / (below[k] - below[k + 1])
        source, target = SIDES if below[k] >= 0 else SIDES[::-1]
        seconds = float(times[k] + share * STEP_S)
        road = _zero(times, along[steps] - at_m)
        label = CLASS_NAMES[track.ride.thing.label]
        found.append(Crossing(round(seconds, 3), round(road, 3), track.number, label, source, target))
    return found


def _zero(times: np.ndarray, values: np.ndarray) -> float:
    at = np.flatnonzero((values[:-1] >= 0) != (values[1:] >= 0))
    if not len(at):
        return math.nan
    k = at[0]
    return float(times[k] + STEP_S * values[k] / (values[k] - values[k + 1]))


def count_intervals(crossings: list[Crossing], seconds: float, interval_s: float = 60.0) -> list[dict]:
    """Return the counts per interval, direction and class, intervals without vehicles included.

    Example:
        >>> crossing = Crossing(61.0, 61.1, 1, "car", "near", "far")
        >>> [row["total"] for row in count_intervals([crossing], 120.0)]
        [{'near-far': 0, 'far-near': 0}, {'near-far': 1, 'far-near': 0}]
    """
    rows = []
    for k in range(math.ceil(seconds / interval_s)):
        own = [c for c in crossings if k * interval_s <= c.seconds < (k + 1) * interval_s]
        classes = {way: Counter(c.label for c in own if f"{c.source}-{c.target}" == way) for way in WAYS}
        total = {way: sum(counts.values()) for way, counts in classes.items()}
        rows.append(
            {"start_s": k * interval_s, "total": total, "classes": {w: dict(c) for w, c in classes.items()}}
        )
    return rows


def incidents_of(plan: VideoPlan) -> list[Incident]:
    """Return stopped vehicles, wrong-way vehicles and jams in order of time."""
    found = [incident for track in plan.tracks for incident in _incidents(plan, track)]
    return sorted(found + _jams(plan), key=lambda incident: incident.start_s)


def _incidents(plan: VideoPlan, track: Track) -> list[Incident]:
    ride, way = track.ride, WAYS[track.lane.direction < 0]
    if ride.against:
        kind, steps = "wrong_way", _steps_in_view(plan, track)
    elif ride.stands_s >= 1 and ride.shift_m:
        kind = "stopped"
        steps = np.flatnonzero(
            (np.diff(ride.meters) == 0) & (np.abs(ride.aside_m[1:]) > abs(ride.shift_m) / 2)
        )
    else:
        return []
    start, end = (round(float(ride.start_s + step * STEP_S), 2) for step in steps[[0, -1]])
    return [Incident(kind, way, start, end, track.number)]


def _steps_in_view(plan: VideoPlan, track: Track) -> np.ndarray:
    """Return the steps of a ride at which the middle of the box is in the image and its sides are large enough."""
    times = track.ride.start_s + np.arange(len(track.ride.meters)) * STEP_S
    boxes = box_of_outline([track.place(plan.road, seconds) for seconds in times.tolist()], plan.camera)
    middle, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    inside = ((middle > 0) & (middle < plan.camera.size_wh)).all(axis=1)
    return np.flatnonzero(inside & (sides.min(axis=1) >= ENLARGED * SEEN_PX))


def _jams(plan: VideoPlan) -> list[Incident]:
    """Return the times in which the mean speed of a direction in view is that of a jam."""
    jams = []
    for direction in (1, -1):
        tracks = [
            track for track in plan.tracks if track.lane.direction == direction and not track.ride.against
        ]
        slow = [_is_jammed(tracks, float(second)) for second in range(int(plan.seconds))]
        edges = np.flatnonzero(np.diff([False, *slow, False]))
        way = WAYS[direction < 0]
        jams += [Incident("jam", way, float(a), float(b)) for a, b in edges.reshape(-1, 2) if b - a >= 10]
    return jams


def _is_jammed(tracks: list[Track], seconds: float) -> bool:
    speeds = []
    for track in tracks:
        step = int((seconds - track.ride.start_s) / STEP_S)
        if 0 < step < len(track.ride.meters):
            meters = track.ride.meters[step]
            if VIEW_M[0] <= track.lane.along(meters) <= VIEW_M[1]:
                speeds.append((meters - track.ride.meters[step - 1]) / STEP_S)
    return len(speeds) >= JAM_VEHICLES and sum(speeds) / len(speeds) < JAM_SPEED


def truth_of(plan: VideoPlan, fps: float) -> dict:
    """Return the truth of a video as written to truth.json."""
    crossings = crossings_of(plan)
    return {
        "fps": fps,
        "seconds": plan.seconds,
        "size_hw": list(plan.size_hw),
        "class_names": list(CLASS_NAMES),
        "line": {"name": "road", "points": line_of(plan).round(5).tolist(), "sides": list(SIDES)},
        "parts": [asdict(part) for part in plan.parts],
        "crossings": [asdict(crossing) for crossing in crossings],
        "intervals": count_intervals(crossings, plan.seconds),
        "incidents": [asdict(incident) for incident in incidents_of(plan)],
    }
