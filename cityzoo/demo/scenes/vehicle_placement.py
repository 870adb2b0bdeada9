"""Placement of vehicles on lanes and at the curb."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.meshes import Point, Thing, pick
from cityzoo.demo.scenes.renderer import hull, twice_area
from cityzoo.demo.scenes.road import Road
from cityzoo.demo.scenes.vehicles import BUILDERS

CLASS_SHARES = ((0.47, 0), (0.11, 1), (0.15, 2), (0.27, 3))
LENGTHS_M = ((4.0, 5.2), (10.0, 12.5), (7.0, 14.0), (2.1, 2.6))  # range of lengths per class
REACH_M = 110.0  # largest distance of a vehicle along a road
SMALLEST_PX = 10.0  # of a vehicle's outline, in image pixels


@dataclass(frozen=True)
class Density:
    """Density of the traffic."""

    # (weight, mean meters between two vehicles), sampled per scene
    gaps_m: tuple[tuple[float, float], ...] = ((1, 55.0), (3, 24.0), (3, 12.0), (1.5, 4.0))
    # range of factors between the mean gap of a lane and the scene's
    unlike: tuple[float, float] = (0.6, 1.6)
    first_m: float = 12.0  # largest distance of the first vehicle from the start of its lane
    closest_m: float = 1.2  # least gap between two vehicles of a lane
    parked: float = 0.5  # frequency of parked vehicles, 0..1
    most: int = 22  # largest number of vehicles; ids must stay below renderer.LAMP_STEP
    nearest: bool = False  # whether the nearest vehicles are kept if there are more, or random ones
    class_shares: tuple[tuple[float, int], ...] = CLASS_SHARES  # (weight, class) of the vehicles on the lanes


USUAL = Density()


def place_vehicles(
    rng: np.random.Generator, roads: tuple[Road, ...], camera: Camera, density: Density = USUAL
) -> list[Thing]:
    """Return visible vehicles that do not collide, those on the nearest lanes first."""
    gap_m = pick(rng, density.gaps_m)
    found: list[Thing] = []
    for road in roads:
        for offset, direction in road.lanes:
            own_gap_m = gap_m * rng.uniform(*density.unlike)
            _fill_lane(rng, road, (offset, direction), own_gap_m, density, camera, found)
    if roads[0].pavement_m and len(roads) == 1 and rng.random() < density.parked:
        _park(rng, roads[0], camera, found)
    if len(found) <= density.most:
        return found
    if density.nearest:
        order = np.argsort([math.hypot(t.x, t.y) for t in found], kind="stable")
    else:
        order = rng.permutation(len(found))
    return [found[k] for k in sorted(order[: density.most].tolist())]


def _fill_lane(
    rng: np.random.Generator,
    road: Road,
    lane: tuple[float, int],
    gap_m: float,
    density: Density,
    camera: Camera,
    found: list[Thing],
) -> None:
    along, end = road.span_m[0] + rng.uniform(0, density.first_m), min(road.span_m[1], REACH_M)
    while along < end:
        label = pick(rng, density.class_shares)
        length = rng.uniform(*LENGTHS_M[label])
        along += length / 2
        x, y, heading = road.position(along, lane[0] + rng.uniform(-0.3, 0.3) * (3 if label == 3 else 1))
        turned = heading + (0 if lane[1] > 0 else math.pi) + rng.normal(0, 0.015)
        _try(rng, label, (x, y, turned), camera, found)
        along += length / 2 + density.closest_m + rng.exponential(gap_m)


def _try(rng: np.random.Generator, label: int, place: Point, camera: Camera, found: list[Thing]) -> None:
    """Add a vehicle if it is visible and does not collide with others."""
    (pixels,), (depth,) = camera.project(np.array([[place[0], place[1], 1.0]]))
    wide, high = camera.size_wh
    margin = (LENGTHS_M[label][1] / 2 + 0.5) * camera.focal_px / max(float(depth), 1.0)
    if depth < 2 or not (-margin < pixels[0] < wide + margin and -margin < pixels[1] < high + margin):
        return
    solid, size = BUILDERS[label](rng)
    thing = solid.stand(*place, size, label)
    if is_visible(thing, camera) and not any(collide(thing, other) for other in found):
        found.append(thing)


def _park(rng: np.random.Generator, road: Road, camera: Camera, found: list[Thing]) -> None:
    side = -1 if rng.random() < 0.5 else 1
    along = rng.uniform(2, 10)
    while along < 60:
        label = 0 if rng.random() < 0.85 else 3
        x, y, heading = road.position(along, side * (road.half_width_m + 0.75))
        _try(rng, label, (x, y, heading + (0 if side > 0 else math.pi)), camera, found)
        along += LENGTHS_M[label][1] + rng.uniform(0.8, 6)


def _cuboid(thing: Thing, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    ground, height = thing.corners(), thing.size_m[2]
    return camera.project(np.array([(x, y, z) for z in (0.0, height) for x, y in ground.tolist()]))


def outline_area(thing: Thing, camera: Camera) -> float:
    """Return the area in pixels of a thing's upright cuboid, including parts outside the image."""
    return abs(twice_area(hull(list(map(tuple, _cuboid(thing, camera)[0].tolist()))))) / 2


def is_visible(thing: Thing, camera: Camera) -> bool:
    """Return whether a large enough part of a thing is in the image."""
    pixels, depth = _cuboid(thing, camera)
    if depth.min() < 1.5:
        return False
    (x1, y1), (x2, y2), (wide, high) = pixels.min(0).tolist(), pixels.max(0).tolist(), camera.size_wh
    if x2 - x1 < SMALLEST_PX or y2 - y1 < SMALLEST_PX:
        return False
    inside_x, inside_y = min(x2, wide) - max(x1, 0), min(y2, high) - max(y1, 0)
    if min(inside_x, inside_y) < SMALLEST_PX or max(x2 - x1, y2 - y1) > 0.8 * wide:
        return False
    return inside_x * inside_y > 0.3 * (x2 - x1) * (y2 - y1)


def collide(first: Thing, second: Thing) -> bool:
    """Return whether two footprints come within half a meter, by separating axes in both frames."""
    if math.hypot(first.x - second.x, first.y - second.y) > (first.size_m[1] + second.size_m[1]) / 2 + 2:
        return False
    return _reaches_into(first, second) and _reaches_into(second, first)


def _reaches_into(first: Thing, second: Thing) -> bool:
    sin, cos = math.sin(first.heading), math.cos(first.heading)
    offset = second.corners() - np.array([first.x, first.y])
    across, along = offset @ np.array([cos, -sin]), offset @ np.array([sin, cos])
    half_w, half_l = first.size_m[0] / 2 + 0.25, first.size_m[1] / 2 + 0.5
    return bool(
        across.min() < half_w and across.max() > -half_w and along.min() < half_l and along.max() > -half_l
    )
