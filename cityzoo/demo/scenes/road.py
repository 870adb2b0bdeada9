"""Roads: geometry of lanes, and outlines of asphalt, markings and pavements."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.meshes import Color, pick

GroundPatch = tuple[np.ndarray, Color]  # outline (N, 2) in meters, color
FAR_M = 420.0
View = tuple[str, "Camera", tuple["Road", ...]]  # name of the layout, camera, roads: the main road first
Reach = tuple[float, float]

# weight; height of the pole (m), pitch and yaw (degrees), focal length (widths of the image), each from, to
LAYOUTS: dict[str, tuple[float, Reach, Reach, Reach, Reach]] = {
    "motorway": (3, (6.0, 11.0), (10.0, 19.0), (-9.0, 9.0), (0.9, 1.5)),
    "street": (3, (4.5, 7.5), (11.0, 19.0), (8.0, 24.0), (0.8, 1.2)),
    "junction": (2, (7.0, 12.0), (17.0, 26.0), (-18.0, 18.0), (0.75, 1.05)),
    "overview": (1.5, (13.0, 20.0), (22.0, 34.0), (-35.0, 35.0), (1.0, 1.5)),
    "low": (1, (3.4, 4.6), (6.0, 10.0), (-12.0, 12.0), (1.0, 1.5)),
}


@dataclass(frozen=True)
class Road:
    """A straight road or an arc through (x, y) along a heading."""

    # x, y, heading: start and direction of the middle line, meters and radians clockwise from +y
    x: float
    y: float
    heading: float
    curvature: float  # 1 / radius in 1/m, bending to the right when positive
    # (meters right of the middle line, +1 along or -1 against the heading) for each lane
    lanes: tuple[tuple[float, int], ...]
    lane_width_m: float  # width of every lane
    span_m: tuple[float, float]  # start and end along the middle line
    median_m: float  # width of the strip between the directions, 0 for a painted line
    pavement_m: float  # width of the pavement on both sides, 0 for a shoulder and grass

    @property
    def half_width_m(self) -> float:
        """Return the distance from the middle line to the outer edge of the shoulder."""
        return max(abs(offset) for offset, _ in self.lanes) + self.lane_width_m / 2 + 0.6

    def position(self, along_m: float, right_m: float) -> tuple[float, float, float]:
        """Return x, y and heading at a position along and across the road.

        Example:
            >>> Road(0, 0, 0.0, 0, ((2, 1),), 3.5, (0, 9), 0, 0).position(5.0, 2.0)
            (2.0, 5.0, 0.0)
        """
        turn = along_m * self.curvature
        ahead = along_m if abs(turn) < 1e-6 else math.sin(turn) / self.curvature
        aside = 0.0 if abs(turn) < 1e-6 else (1 - math.cos(turn)) / self.curvature
        aside, ahead = aside + right_m * math.cos(turn), ahead - right_m * math.sin(turn)
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        return self.x + cos * aside + sin * ahead, self.y - sin * aside + cos * ahead, self.heading + turn

    def strip(self, right_m: tuple[float, float], along_m: tuple[float, float]) -> np.ndarray:
        """Return the outline (N, 2) of a strip between two offsets and two positions."""
        steps = 2 if not self.curvature else max(2, min(20, int((along_m[1] - along_m[0]) / 6)))
        step = (along_m[1] - along_m[0]) / (steps - 1)
        places = [along_m[0] + step * k for k in range(steps)]
        out = [self.position(p, right_m[0])[:2] for p in places]
        return np.array(out + [self.position(p, right_m[1])[:2] for p in reversed(places)])


def make_road(
    rng: np.random.Generator,
    right_m: float,
    lanes_a_side: int,
    *,
    y: float = 0.0,
    heading: float = 0.0,
    motorway: bool = False,
    span_m: tuple[float, float] = (-8.0, FAR_M),
) -> Road:
    """Return a road whose middle line passes (right_m, y); one-way and left-hand traffic are random."""
    width = rng.uniform(3.4, 3.75) if motorway else rng.uniform(3.0, 3.5)
    median = rng.uniform(1.2, 4.0) if motorway else (rng.uniform(0.8, 2.5) if rng.random() < 0.2 else 0.0)
    side = -1 if rng.random() < 0.25 else 1  # left-hand traffic
    one_way = rng.random() < 0.12
    offsets = [median / 2 + width * (k + 0.5) for k in range(lanes_a_side)]
    if not motorway and lanes_a_side == 1:
        offsets = [offsets[0] + rng.uniform(0, 0.5)]
    lanes = [(o, side) for o in offsets] + [(-o, 1 if one_way and side == 1 else -side) for o in offsets]
    curvature = rng.uniform(-0.003, 0.003) if rng.random() < 0.4 and heading == 0 else 0.0
    pavement = 0.0 if motorway else rng.uniform(1.8, 4.0)
    return Road(right_m, y, heading, curvature, tuple(lanes), width, span_m, median, pavement)


def base_patches(road: Road, rng: np.random.Generator) -> list[GroundPatch]:
    """Return pavement, kerb, asphalt, wear and repairs, lowest first."""
    half, span = road.half_width_m, road.span_m
    gray = rng.uniform(92, 150)
    asphalt = (gray, gray + rng.uniform(-2, 2), gray + rng.uniform(-1, 6))
    found: list[GroundPatch] = []
    if road.pavement_m:
        slab = gray + rng.uniform(25, 60)
        outer = half + road.pavement_m
        found.append((road.strip((-outer, outer), span), (slab, slab - 4, slab - 10)))
        found.append((road.strip((-half - 0.25, half + 0.25), span), (slab + 18, slab + 16, slab + 12)))
    else:
        found.append((road.strip((-half - 1.2, half + 1.2), span), (gray + 22, gray + 16, gray + 6)))
    found.append((road.strip((-half, half), span), asphalt))
    worn = tuple(c - rng.uniform(3, 10) for c in asphalt)
    for offset, _ in road.lanes:
        for track in (-0.75, 0.75):
            found.append((road.strip((offset + track - 0.28, offset + track + 0.28), span), worn))
    for _ in range(int(rng.integers(0, 6))):
        start, across = rng.uniform(4, 70), rng.uniform(-half, half - 1)
        shade = rng.uniform(-28, 14)
        outline = road.strip((across, across + rng.uniform(0.8, 3)), (start, start + rng.uniform(1, 12)))
        found.append((outline, tuple(c + shade for c in asphalt)))
    if road.median_m:
        strip = (96.0, 122.0, 70.0) if rng.random() < 0.6 else (gray + 30, gray + 28, gray + 22)
        reach = road.median_m / 2 - 0.3
        found.append((road.strip((-reach, reach), span), strip))
    return found


def marking_patches(road: Road, rng: np.random.Generator, gap: Reach | None) -> list[GroundPatch]:
    """Return edge lines, middle line, dashes and zebras; gap: stretch of a crossing without markings."""
    bright = rng.uniform(190, 240)
    white, yellow = (bright, bright, bright - 6), (bright, bright * 0.78, 60.0)
    stretches = [road.span_m] if gap is None else [(road.span_m[0], gap[0]), (gap[1], road.span_m[1])]
    edge = road.half_width_m - 0.5
    found: list[GroundPatch] = []
    middle = yellow if rng.random() < 0.4 else white
    inner = road.median_m / 2 + 0.12 if road.median_m else 0.14
    for stretch in stretches:
        lines = [(edge, white), (-edge, white)] if not road.pavement_m or rng.random() < 0.5 else []
        lines += [(inner, middle), (-inner, middle)]
        found += [(road.strip((at - 0.08, at + 0.08), stretch), color) for at, color in lines]
    for right in _lane_borders(road):
        found += [(o, white) for o in _dashes(road, right, gap, rng.uniform(0, 12))]
    if gap is not None:
        for start in (gap[0] - 4.5, gap[1] + 1.5):
            found += [(o, white) for o in _zebra(road, start)]
        found.append((road.strip((-edge, edge), (gap[0] - 6.0, gap[0] - 5.6)), white))
    elif road.pavement_m and rng.random() < 0.4:
        found += [(o, white) for o in _zebra(road, rng.uniform(12, 40))]
    return found


def _lane_borders(road: Road) -> list[float]:
    offsets = sorted(offset for offset, _ in road.lanes)
    pairs = zip(offsets, offsets[1:], strict=False)
    return [(a + b) / 2 for a, b in pairs if b - a < road.lane_width_m * 1.2 and a * b > 0]


def _dashes(road: Road, right: float, gap: tuple[float, float] | None, first: float) -> list[np.ndarray]:
    starts = [first + 9.0 * k for k in range(18)]
    clear = [s for s in starts if gap is None or s + 3 < gap[0] - 6 or s > gap[1] + 5]
    return [road.strip((right - 0.09, right + 0.09), (s, s + 3.2)) for s in clear]


def _zebra(road: Road, start: float) -> list[np.ndarray]:
    half = road.half_width_m - 0.4
    return [road.strip((a, a + 0.5), (start, start + 3.0)) for a in np.arange(-half, half - 0.4, 1.0)]


def choose_view(
    rng: np.random.Generator,
    size_hw: tuple[int, int],
    layouts: Mapping[str, tuple[float, Reach, Reach, Reach, Reach]] = LAYOUTS,
) -> View:
    """Return the layout's name, the camera on its pole and the roads below it, the main road first."""
    layout = pick(rng, tuple((row[0], name) for name, row in layouts.items()))
    _, height, pitch, yaw, focal = layouts[layout]
    side = -1 if rng.random() < 0.5 else 1
    turn = math.radians(rng.uniform(*yaw)) * side
    wide = size_hw[1]
    camera = Camera(
        height_m=rng.uniform(*height),
        pitch=math.radians(rng.uniform(*pitch)),
        yaw=turn,
        roll=math.radians(rng.uniform(-2, 2)),
        focal_px=rng.uniform(*focal) * wide,
        size_wh=(wide, size_hw[0]),
    )
    return layout, camera, _roads(rng, layout, side, turn)


def _roads(rng: np.random.Generator, layout: str, side: int, yaw: float) -> tuple[Road, ...]:
    if layout == "motorway":
        return (make_road(rng, rng.uniform(-9, 9), int(rng.integers(2, 4)), motorway=True),)
    if layout == "street":
        return (make_road(rng, side * rng.uniform(5.5, 9.5), int(rng.integers(1, 3))),)
    if layout == "low":
        return (make_road(rng, rng.uniform(-4, 4), int(rng.integers(1, 4)), motorway=rng.random() < 0.5),)
    if layout == "overview":
        lanes = int(rng.integers(1, 4))
        return (make_road(rng, rng.uniform(-4, 4) + 16 * math.tan(yaw), lanes, motorway=lanes > 1),)
    main = make_road(rng, rng.uniform(-6, 6), int(rng.integers(1, 3)))
    cross = make_road(
        rng, -80.0, int(rng.integers(1, 3)), y=rng.uniform(22, 32), heading=math.pi / 2, span_m=(0.0, 160.0)
    )
    return (main, cross)
