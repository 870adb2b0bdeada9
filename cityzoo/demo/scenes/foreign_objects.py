"""Foreign objects on a road: lost cargo, animals, fallen trees, barriers, wrecks, people."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cityzoo.demo.scenes.meshes import (
    DARK,
    LOOSE,
    Color,
    Point,
    Solid,
    Thing,
    disc,
    paint,
    parse_colors,
    pick,
)
from cityzoo.demo.scenes.road import Road
from cityzoo.demo.scenes.scenery import person
from cityzoo.demo.scenes.vehicles import BUILDERS, car

Spot = tuple[float, float]  # meters along the road and right of its middle line
RUBBER: Color = (30.0, 30.0, 32.0)
CARTONS = parse_colors("3 #b0885c, 1 #ceba96, 1 #46608c, 1 #c44632")
COATS = parse_colors("3 #704e32, 2 #282422, 2 #cec6b8, 2 #a47a4c")


def debris(rng: np.random.Generator, road: Road, spot: Spot) -> list[Thing]:
    """Return lost cargo: boxes, tires or planks, a few meters apart."""
    make = pick(rng, ((3, _carton), (2, _tyre), (2, _planks)))
    found = []
    for k in range(int(rng.integers(2, 5))):
        aside = (rng.uniform(-0.6, 0.6), rng.uniform(-0.5, 0.5)) if k else (0.0, 0.0)
        apart = 1.35 * k if k % 2 else -1.35 * k / 2
        x, y, _ = road.position(spot[0] + apart + aside[0], spot[1] + aside[1])
        solid, size = make(rng)
        found.append(solid.stand(x, y, rng.uniform(0, 2 * math.pi), size, LOOSE))
    return found


def _carton(rng: np.random.Generator) -> tuple[Solid, Point]:
    size = (rng.uniform(0.5, 1.0), rng.uniform(0.5, 1.1), rng.uniform(0.35, 0.85))
    solid = Solid().box((0, 0), size[:2], (0, size[2]), paint(rng, CARTONS))
    flap = size[2] + 0.004
    tape = [(-0.05, -size[1] / 2, flap), (0.05, -size[1] / 2, flap)]
    tape += [(0.05, size[1] / 2, flap), (-0.05, size[1] / 2, flap)]
    return solid.add(tape, (206.0, 190.0, 150.0), "matt"), size


def _tyre(rng: np.random.Generator) -> tuple[Solid, Point]:
    radius, high = rng.uniform(0.36, 0.55), rng.uniform(0.2, 0.32)
    ring = disc(0.0, 0.0, radius, 14)
    solid = Solid()
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        solid.add([(x1, y1, 0), (x2, y2, 0), (x2, y2, high), (x1, y1, high)], RUBBER, "matt")
    solid.add([(x, y, high) for x, y in ring], (48.0, 48.0, 50.0), "matt")
    solid.add([(0.55 * x, 0.55 * y, high) for x, y in ring], (14.0, 14.0, 15.0), "matt")
    return solid, (2 * radius, 2 * radius, high)


def _planks(rng: np.random.Generator) -> tuple[Solid, Point]:
    solid, length = Solid(), rng.uniform(1.2, 2.4)
    wood = (rng.uniform(150, 190), rng.uniform(116, 140), rng.uniform(74, 96))
    for k in range(5):
        solid.box((-0.5 + 0.25 * k, 0), (0.18, length), (0.1, 0.16), wood, "matt")
    for end in (-0.4, 0.0, 0.4):
        solid.box((0, end * length), (1.2, 0.12), (0, 0.1), tuple(0.7 * c for c in wood), "matt")
    return solid, (1.2, length, 0.16)


def animal(rng: np.random.Generator, road: Road, spot: Spot) -> list[Thing]:
    """Return a large dog, a deer or a cow crossing the road."""
    scale, bulk = pick(rng, ((1, (0.72, 0.8)), (3, (1.0, 0.8)), (3, (1.12, 1.25))))
    coat = paint(rng, COATS)
    solid, half = Solid(), 0.2 * bulk
    for ahead in (-0.55, 0.5):
        for side in (-0.7, 0.7):
            leg = (side * half, ahead + 0.06 * side)
            solid.box(leg, (0.12, 0.14), (0, 0.75), tuple(0.75 * c for c in coat))
        if ahead < 0:
            solid.ahead()
    belly = [(-0.75, 0.85 - 0.1 * bulk), (0.62, 0.8 - 0.1 * bulk)]
    back = [(0.75, 1.15), (0.6, 1.32), (-0.68, 1.3), (-0.8, 1.1)]
    solid.prism([*belly, *back], (half, half), coat, finish="matt")
    solid.prism([(-0.86, 0.6), (-0.78, 0.6), (-0.74, 1.2), (-0.8, 1.2)], (0.04, 0.04), coat).ahead()
    low = rng.uniform(-0.35, 0.25)  # grazing or watching
    neck = [(0.5, 1.0), (0.72, 0.98), (1.05, 1.45 + low), (0.85, 1.55 + low)]
    solid.prism(neck, (0.13 * bulk, 0.1), coat, finish="matt")
    head = [(0.85, 1.36 + low), (1.28, 1.28 + low), (1.3, 1.42 + low), (0.95, 1.62 + low)]
    solid.prism(head, (0.11, 0.09), tuple(0.9 * c for c in coat), finish="matt")
    for side in (-0.14, 0.14):
        solid.box((side, 0.9), (0.1, 0.06), (1.56 + low, 1.7 + low), tuple(0.8 * c for c in coat))
    x, y, heading = road.position(*spot)
    turn = heading + (1 if rng.random() < 0.5 else -1) * rng.uniform(0.25, 0.75) * math.pi
    thing = solid.stand(x, y, turn, (0.5 * scale, 2.1 * scale, 1.6 * scale), LOOSE)
    return [_moved(thing, lambda point: tuple(scale * value for value in point))]


def _moved(thing: Thing, move: Callable) -> Thing:
    """Return the thing with all corners transformed."""
    parts = tuple(tuple(s._replace(points=tuple(map(move, s.points))) for s in part) for part in thing.parts)
    return replace(thing, parts=parts)


def obstacle(rng: np.random.Generator, road: Road, spot: Spot) -> list[Thing]:
    """Return a fallen tree or a row of barriers across the road."""
    return [_fallen_tree(rng, road, spot)] if rng.random() < 0.55 else _barriers(rng, road, spot)


def _fallen_tree(rng: np.random.Generator, road: Road, spot: Spot) -> Thing:
    """Return a trunk across the view with its crown on the road; clumps of leaves face the camera."""
    length, side = rng.uniform(4.5, 7.5), -1 if rng.random() < 0.5 else 1
    bark, thick = (88.0, 70.0, 54.0), rng.uniform(0.28, 0.45)
    solid = Solid().box((0, 0), (length, thick), (0.1, 0.1 + thick), bark, "matt")
    green = (rng.uniform(50, 96), rng.uniform(88, 122), rng.uniform(34, 60))
    turns = [(math.cos(a), math.sin(a)) for a in (2 * math.pi * k / 9 for k in range(9))]
    for k, (place, lift, size) in enumerate(rng.random((13, 3)).tolist()):
        right, radius = side * length * (0.08 + 0.46 * place), 0.32 + 0.5 * size
        up = radius * 0.8 + lift * 1.1 * (1 - abs(place - 0.5))
        clump = [(right + 1.15 * radius * c, -0.3 - 0.01 * k, max(0.0, up + radius * s)) for c, s in turns]
        solid.add(clump, tuple((0.6 + 0.04 * k) * c for c in green), "leaf")
    x, y, _ = road.position(*spot)
    return solid.stand(x, y, math.atan2(x, y) + rng.uniform(-0.25, 0.25), (length, 0.9, 1.5), LOOSE)


def _barriers(rng: np.random.Generator, road: Road, spot: Spot) -> list[Thing]:
    found, width = [], rng.uniform(1.8, 2.3)
    for k in range(int(rng.integers(2, 4))):
        solid = Solid()
        for foot in (-0.4 * width, 0.4 * width):
            solid.box((foot, 0), (0.1, 0.5), (0, 0.08), DARK, "matt")
            solid.box((foot, 0), (0.08, 0.08), (0, 1.1), (150.0, 150.0, 150.0), "matt")
        for low in (0.45, 0.8):
            solid.box((0, 0), (width, 0.06), (low, low + 0.26), (236.0, 234.0, 228.0), "matt")
            for n in range(4):
                left, step = -width / 2 + (n + 0.1) * width / 4, 0.42 * width / 4
                for face in (-0.032, 0.032):
                    solid.end(face, (left, left + step), (low, low + 0.26), (206.0, 40.0, 34.0), "matt")
        x, y, heading = road.position(spot[0], spot[1] + (width + 0.25) * (k - 1))
        found.append(solid.stand(x, y, heading + rng.uniform(-0.12, 0.12), (width, 0.5, 1.1), LOOSE))
    return found


def wreck(rng: np.random.Generator, road: Road, spot: Spot) -> list[Thing]:
    """Return a vehicle on its side, across the lanes, or on the pavement."""
    how = pick(rng, ((4, "side"), (4, "across"), (3, "pavement")))
    x, y, heading = road.position(*spot)
    if how == "side":
        solid, size = car(rng)
        solid.box((0, 0), (size[0] - 0.06, size[1] - 0.1), (0.2, 0.27), (40.0, 40.0, 42.0), "matt")
        for ahead in (size[1] / 2 - 0.85, 0.8 - size[1] / 2):
            solid.box((0, ahead), (size[0] - 0.2, 0.14), (0.12, 0.24), (64.0, 64.0, 66.0), "matt")
            for right in (-0.5, 0.5):
                solid.box((right * (size[0] - 0.24), ahead), (0.22, 0.6), (0.0, 0.6), RUBBER, "matt")
        return [_tipped(solid, size, (x, y, rng.uniform(0, 2 * math.pi)), -1 if rng.random() < 0.5 else 1)]
    label = pick(rng, ((6, 0), (1, 1), (2, 2)))
    if how == "pavement":
        side = -1 if spot[1] < 0 else 1
        x, y, heading = road.position(spot[0], side * (road.half_width_m + 0.5 * road.pavement_m))
        label, turn = 0, heading + rng.uniform(-0.5, 0.5) + (math.pi if rng.random() < 0.5 else 0)
    else:
        turn = heading + (1 if rng.random() < 0.5 else -1) * rng.uniform(0.35, 0.65) * math.pi
    solid, size = BUILDERS[label](rng)
    return [solid.stand(x, y, turn, size, label)]


def _tipped(solid: Solid, size: Point, place: Point, side: int) -> Thing:
    width, length, height = size

    def tip(point: Point) -> Point:
        right, ahead, up = point
        return (side * (up - height / 2), ahead, width / 2 - side * right)

    return _moved(solid.stand(*place, (height, length, width), LOOSE), tip)


def people(rng: np.random.Generator, road: Road, spot: Spot) -> list[Thing]:
    """Return one to three people on the carriageway."""
    found = []
    for k in range(pick(rng, ((3, 1), (2, 2), (1, 3)))):
        x, y, _ = road.position(spot[0] + rng.uniform(-0.5, 0.5), spot[1] + 0.75 * k)
        found.append(replace(person(rng, x, y), label=LOOSE))
    return found


MAKERS: dict[str, Callable[[np.random.Generator, Road, Spot], list[Thing]]] = {
    "debris": debris,
    "animal": animal,
    "obstacle": obstacle,
    "wreck": wreck,
    "person": people,
}
