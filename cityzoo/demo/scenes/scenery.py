"""Objects next to the road: houses, trees, lamps, signs, barriers, people."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.meshes import Color, Solid, Thing, paint, parse_colors, upright
from cityzoo.demo.scenes.road import Road

HOUSE_PAINT = parse_colors("2 #beaa96, 2 #a05a46, 2 #c8c8c4, 1 #787c84, 2 #d6be8c, 1 #96a0aa")
SIGN_PAINT = parse_colors("2 #1e50a0, 2 #1e6e46, 1 #ebebe6")
POSTER_PAINT = parse_colors("1 #d23c3c, 1 #f0c83c, 1 #3c78be, 1 #f0f0f0, 1 #3c3c3c")
CLOTHES = parse_colors("1 #282c3c, 1 #962832, 1 #c8c4b4, 1 #3c5a82, 1 #5a6e46")


def house(rng: np.random.Generator, x: float, y: float, heading: float) -> Thing:
    """Return a block with rows of windows, with its length along the heading."""
    width, length, height = rng.uniform(8, 12), rng.uniform(9, 20), rng.uniform(6, 22)
    coat = paint(rng, HOUSE_PAINT)
    solid = Solid().box((0, 0), (width, length), (0, height), coat)
    columns = int(length / 3.0)
    floors = 0 if math.hypot(x, y) > 70 else int(height / 3.2)  # windows farther away would be dots
    for floor in range(floors):
        for column in range(columns):
            low, start = 1.2 + 3.2 * floor, -length / 2 + 0.8 + column * (length - 0.6) / columns
            lit = rng.random() < 0.25
            color: Color = (206.0, 180.0, 120.0) if lit else (60.0, 70.0, 82.0)
            pane = upright(start, start + 1.3, low, low + 1.6)
            solid.sides(pane, color, "lit" if lit and rng.random() < 0.7 else "glass", width / 2)
    for k in range(int(width / 3)):
        for floor in range(floors):
            left, low = -width / 2 + 0.8 + 3 * k, 1.2 + 3.2 * floor
            solid.end(-length / 2, (left, left + 1.3), (low, low + 1.6), (60.0, 70.0, 82.0), "glass")
            solid.end(length / 2, (left, left + 1.3), (low, low + 1.6), (60.0, 70.0, 82.0), "glass")
    return solid.stand(x, y, heading, (width, length, height))


def tree(rng: np.random.Generator, x: float, y: float) -> Thing:
    """Return a tree: a trunk and flat clumps of leaves that face the camera."""
    height, spread = rng.uniform(4, 9), rng.uniform(1.3, 2.6)
    solid = Solid().end(-1e-3, (-0.14, 0.14), (0, height * 0.5), (74.0, 60.0, 48.0), "leaf")
    green = (rng.uniform(45, 100), rng.uniform(88, 125), rng.uniform(30, 60))
    turns = [(math.cos(a), math.sin(a)) for a in (2 * math.pi * k / 8 for k in range(8))]
    for k, (angle, reach, size) in enumerate(rng.random((11, 3)).tolist()):
        angle, reach = 2 * math.pi * angle, spread * math.sqrt(reach) if k > 1 else 0.3 * spread
        right, up = reach * math.cos(angle), height * 0.68 + 1.15 * reach * math.sin(angle)
        shade = 0.62 + 0.045 * k + 0.12 * math.sin(angle)
        radius = spread * ((0.3 if k > 1 else 0.55) + 0.26 * size)
        clump = [
            (right + radius * c, 0.0, up + radius * (1 - 0.2 * (n % 2)) * s) for n, (c, s) in enumerate(turns)
        ]
        solid.add(clump, tuple(shade * c for c in green), "leaf")
    return solid.stand(x, y, math.atan2(x, y), (2 * spread, 0.6, height))


def street_lamp(rng: np.random.Generator, x: float, y: float, heading: float) -> Thing:
    """Return a lamp post with its arm along the heading."""
    height, arm = rng.uniform(6.5, 9.5), rng.uniform(1.2, 2.4)
    gray = (110.0, 114.0, 118.0)
    solid = Solid().box((0, 0), (0.16, 0.16), (0, height), gray, "matt")
    solid.box((0, arm / 2), (0.1, arm), (height - 0.1, height), gray, "matt")
    solid.box((0, arm), (0.3, 0.7), (height - 0.18, height - 0.02), (236.0, 226.0, 190.0), "street")
    return solid.stand(x, y, heading, (0.3, 0.3, height))


def board(rng: np.random.Generator, x: float, y: float, heading: float) -> Thing:
    """Return a road sign or a poster on a post, facing against the heading."""
    poster = rng.random() < 0.4
    width, low = (rng.uniform(2.5, 4), 1.6) if poster else (rng.uniform(0.6, 1.6), 2.1)
    high = low + width * rng.uniform(0.5, 0.9)
    solid = Solid().box((0, 0), (0.12, 0.12), (0, high), (120.0, 122.0, 124.0), "matt")
    coat = paint(rng, POSTER_PAINT if poster else SIGN_PAINT)
    solid.box((0, -0.12), (width, 0.08), (low, high), coat)
    for _ in range(3 if poster else 2):
        left, bottom = rng.uniform(-0.45, 0.1) * width, low + rng.uniform(0.1, 0.55) * (high - low)
        span, rise = (left, left + 0.35 * width), (bottom, bottom + 0.3 * (high - low))
        solid.end(-0.165, span, rise, paint(rng, POSTER_PAINT), "matt")
    return solid.stand(x, y, heading, (width, 0.4, high))


def person(rng: np.random.Generator, x: float, y: float) -> Thing:
    """Return a pedestrian (rendered, but not labeled)."""
    scale = rng.uniform(0.9, 1.08)
    solid = Solid()
    stride = rng.uniform(0.05, 0.2)
    trousers, coat = paint(rng, CLOTHES), paint(rng, CLOTHES)
    solid.box((-0.1, -stride), (0.17, 0.2), (0, 0.85 * scale), trousers, "matt")
    solid.box((0.1, stride), (0.17, 0.2), (0, 0.85 * scale), trousers, "matt")
    solid.box((0, 0), (0.46, 0.26), (0.82 * scale, 1.48 * scale), coat, "matt")
    solid.box((0, 0), (0.2, 0.22), (1.5 * scale, 1.75 * scale), (196.0, 150.0, 122.0), "matt")
    return solid.stand(x, y, rng.uniform(0, 2 * math.pi), (0.5, 0.5, 1.75 * scale))


def barrier(road: Road) -> list[Thing]:
    """Return the crash barrier on a road's median, in pieces."""
    gray, found, along = (156.0, 158.0, 160.0), [], 4.0
    while along < 130:
        length = 6.0 if along < 45 else 14.0
        solid = Solid().box((0, 0), (0.12, length), (0.42, 0.78), gray, "matt")
        solid.box((0, 2.0), (0.1, 0.14), (0, 0.44), (110.0, 110.0, 110.0), "matt")
        found.append(solid.stand(*road.position(along + length / 2, 0.0), (0.2, length, 0.8)))
        along += length
    return found


class _Roadside:
    """Placement of things next to the main road, visible to the camera and clear of other roads."""

    def __init__(self, roads: tuple[Road, ...], camera: Camera) -> None:
        self.roads, self.camera = roads, camera
        self.things: list[Thing] = []

    def put(self, along: float, right: float, make: Callable[..., Thing], margin_m: float = 2.0) -> None:
        x, y, heading = self.roads[0].position(along, right)
        for crossing in self.roads[1:]:
            if abs(y - crossing.y) < crossing.half_width_m + crossing.pavement_m + margin_m:
                return
        pixels, depth = self.camera.project(np.array([[x, y, 0.0], [x, y, 6.0]]))
        reach = margin_m * 1.5 * self.camera.focal_px / max(depth[0], 1.0)
        seen = pixels[:, 0].max() > -reach and pixels[:, 0].min() < self.camera.size_wh[0] + reach
        if depth.min() > 5 and seen and pixels[1, 1] < self.camera.size_wh[1]:
            self.things.append(make(x, y, heading))


def place_scenery(
    rng: np.random.Generator, roads: tuple[Road, ...], camera: Camera, people: bool = True
) -> list[Thing]:
    """Return all visible objects next to the main road."""
    road, roadside = roads[0], _Roadside(roads, camera)
    for side in (-1, 1):
        town = road.pavement_m > 0 and rng.random() < 0.75
        _row_of_lamps(rng, roadside, road, side)
        along = rng.uniform(8, 20)
        while town and along < 120:
            right = side * (road.half_width_m + max(road.pavement_m, 1.5) + 7.5)
            roadside.put(along, right, lambda x, y, heading: house(rng, x, y, heading), 7.0)
            along += rng.uniform(17, 26)
        _trees(rng, roadside, road, side, town)
        for _ in range(int(rng.integers(0, 3))):
            right = side * (road.half_width_m + 0.9)
            roadside.put(rng.uniform(12, 50), right, lambda x, y, heading: board(rng, x, y, heading))
        for _ in range(int(rng.integers(0, 6)) if people and road.pavement_m else 0):
            right = side * (road.half_width_m + rng.uniform(0.3, max(road.pavement_m, 0.5)))
            roadside.put(rng.uniform(8, 45), right, lambda x, y, heading: person(rng, x, y))
    rails = barrier(road) if road.median_m > 1 and len(roads) == 1 and rng.random() < 0.7 else []
    return rails + roadside.things


def _row_of_lamps(rng: np.random.Generator, roadside: _Roadside, road: Road, side: int) -> None:
    step, along = rng.uniform(24, 34), rng.uniform(8, 20)
    right = side * (road.half_width_m + 0.7)
    while along < 110:
        roadside.put(along, right, lambda x, y, heading: street_lamp(rng, x, y, heading - side * math.pi / 2))
        along += step


def _trees(rng: np.random.Generator, roadside: _Roadside, road: Road, side: int, town: bool) -> None:
    step, along = rng.uniform(8, 18) if rng.random() < 0.75 else 60.0, rng.uniform(9, 20)
    edge = road.half_width_m + max(road.pavement_m, 1.5)
    while along < 130:
        right = side * (edge - 0.6 if town else edge + rng.uniform(1.5, 9))
        roadside.put(along, right, lambda x, y, heading: tree(rng, x, y))
        along += step
