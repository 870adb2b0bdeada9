"""Cars, buses, trucks and motorbikes, built from prisms in meters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cityzoo.demo.scenes.meshes import DARK, Color, Pair, Solid, disc, paint, parse_colors, pick, upright

CLASS_NAMES = ("car", "bus", "truck", "motorbike")
Size = tuple[float, float, float]
GLASS: Color = (42.0, 52.0, 62.0)
PLATE: Color = (225.0, 225.0, 215.0)
# Weights and colors, about as frequent as in traffic.
CAR_PAINT = parse_colors(
    "5 #e8e8e6, 4 #aaaeb2, 4 #5c6066, 4 #26272b, 2 #2c4880, 2 #961e22, 1 #c4baa0, 1 #28543e, "
    "1 #deac26, 1 #70422c"
)
BUS_PAINT = parse_colors("3 #cc2828, 3 #ecece8, 2 #2c68a8, 2 #ecb228, 2 #3c8c54")
LOAD_PAINT = parse_colors("5 #ecece8, 2 #30548c, 2 #a03428, 2 #466e54, 2 #bea06e, 1 #dc8228")

# length, width, height, bonnet, boot, windscreen rake, rear rake (all meters)
CAR_SHAPES = (
    (4, (4.6, 1.80, 1.45, 1.15, 0.55, 0.75, 0.60)),
    (4, (4.0, 1.74, 1.48, 0.95, 0.05, 0.65, 0.35)),
    (3, (4.6, 1.88, 1.72, 1.10, 0.05, 0.55, 0.30)),
    (2, (4.7, 1.82, 1.48, 1.15, 0.05, 0.75, 0.50)),
    (2, (4.7, 1.88, 1.85, 0.75, 0.03, 0.65, 0.15)),
)


def car(rng: np.random.Generator) -> tuple[Solid, Size]:
    """Return a sedan, hatchback, SUV, station wagon or minivan, and its width, length, height."""
    scale = rng.uniform(0.95, 1.06)
    length, width, height, bonnet, boot, rake, rear_rake = (scale * v for v in pick(rng, CAR_SHAPES))
    coat, half, end = paint(rng, CAR_PAINT), width / 2, length / 2
    belt = 0.60 * height
    solid = Solid().box((0, 0), (width - 0.2, length - 0.2), (0.14, 0.4), DARK, "matt")
    nose = [(-end, 0.28), (end, 0.28), (end, belt - 0.26), (end - 0.12, belt - 0.16)]
    tail = [(end - bonnet, belt), (-end + 0.08, belt), (-end, belt - 0.12)]
    solid.prism([*nose, *tail], (half, half - 0.03), coat)
    front, back = end - bonnet + 0.1, -end + boot
    cabin = [(back, belt), (front, belt), (front - rake, height), (back + rear_rake, height)]
    waist, roof = half - 0.06, half - 0.24
    glass = (GLASS, "glass")
    solid.prism(cabin, (waist, roof), coat, edges={1: glass, 3: glass})
    _car_windows(solid, cabin, waist, roof)
    solid.wheels((end - 0.85, -end + 0.8), 0.32 * height / 1.45, half)
    solid.end(end, (-half + 0.4, half - 0.4), (0.42, belt - 0.3), DARK, "matt")
    solid.end(end, (-0.26, 0.26), (0.34, 0.45), PLATE, "matt")
    solid.end(-end, (-0.26, 0.26), (0.45, 0.57), PLATE, "matt")
    solid.end(-end, (-half + 0.1, half - 0.1), (0.28, 0.4), DARK, "matt")
    solid.lamps(end, half - 0.04, (belt - 0.4, belt - 0.26), 0.34, "head")
    solid.lamps(-end, half - 0.03, (belt - 0.34, belt - 0.14), 0.3, "tail")
    return solid, (width, length, height)


def _car_windows(solid: Solid, cabin: list[Pair], waist: float, roof: float) -> None:
    (back, belt), (front, _), (top_front, height), (top_back, _) = cabin
    slope = (belt, (roof - waist) / (height - belt))
    low, high = belt + 0.04, height - 0.1
    rise = (high - belt) / (height - belt)
    front_high, back_high = front + (top_front - front) * rise, back + (top_back - back) * rise
    middle = (front + back) / 2 - 0.1
    fore = [(middle + 0.05, low), (front - 0.18, low), (front_high - 0.1, high), (middle + 0.05, high)]
    aft = [(back + 0.2, low), (middle - 0.05, low), (middle - 0.05, high), (back_high + 0.12, high)]
    solid.sides(fore, GLASS, "glass", waist, slope).sides(aft, GLASS, "glass", waist, slope)


def bus(rng: np.random.Generator) -> tuple[Solid, Size]:
    """Return a city bus or coach with its rows of windows, and its width, length, height."""
    length, width, height = rng.uniform(9.5, 12.5), 2.52, rng.uniform(2.9, 3.4)
    coat, half, end = paint(rng, BUS_PAINT), 1.26, length / 2
    solid = Solid().box((0, 0), (width - 0.2, length - 0.3), (0.2, 0.5), DARK, "matt")
    lean = rng.uniform(0.05, 0.3)
    top = [(end - lean, height), (-end + 0.08, height), (-end, height - 0.3)]
    profile = [(-end, 0.32), (end, 0.32), (end, 1.1), *top]
    roof = tuple(min(250.0, 0.5 * c + 120) for c in coat)
    solid.prism(profile, (half, half), coat, edges={2: (GLASS, "glass"), 3: (roof, "paint")})
    stripe = tuple(max(10.0, min(245.0, c + rng.uniform(-70, 70))) for c in coat)
    solid.sides(upright(-end + 0.1, end - 0.1, 0.75, 1.0), stripe, "paint", half)
    low, high, count = 0.42 * height, 0.80 * height, int(length / 1.45)
    step = (length - 0.9) / count
    for k in range(count):
        start = -end + 0.45 + k * step
        solid.sides(upright(start, start + step - 0.14, low, high), GLASS, "glass", half)
    door = upright(end - 1.9, end - 0.7, 0.4, high)
    solid.add([(half, ahead, up) for ahead, up in door], GLASS, "glass")
    solid.box((0, rng.uniform(-2.5, 2)), (1.7, 2.2), (height, height + 0.22), (190.0, 190.0, 190.0), "matt")
    solid.wheels((end - 2.5, -end + 2.9), 0.48, half)
    solid.end(end - 0.8 * lean, (-0.8, 0.8), (height - 0.42, height - 0.14), (235.0, 160.0, 40.0), "lit")
    solid.end(-end, (-half + 0.2, half - 0.2), (0.52 * height, 0.80 * height), GLASS, "glass")
    solid.end(-end, (-0.8, 0.8), (0.5, 1.2), DARK, "matt")
    solid.lamps(end, half - 0.1, (0.62, 0.86), 0.4, "head")
    solid.lamps(-end, half - 0.06, (0.8, 1.25), 0.24, "tail")
    return solid, (width, length, height)


def truck(rng: np.random.Generator) -> tuple[Solid, Size]:
    """Return a rigid or articulated truck with box, tank or open load, and its width, length, height."""
    kind = pick(rng, ((4, "rigid"), (4, "trailer"), (2, "tipper"), (1, "tank")))
    length = {"rigid": rng.uniform(6.5, 9), "trailer": rng.uniform(13, 16), "tipper": 7.5, "tank": 11.0}[kind]
    width, cab_height = 2.5, rng.uniform(2.5, 3.4) if kind != "trailer" else rng.uniform(3.1, 3.7)
    coat, load, end, half = paint(rng, CAR_PAINT + BUS_PAINT), paint(rng, LOAD_PAINT), length / 2, 1.25
    cab_back = end - (1.9 if kind != "trailer" else 2.2)
    solid = Solid().box((0, -0.2), (width - 0.5, length - 0.6), (0.45, 0.95), DARK, "matt")
    height = _cargo(rng, solid, kind, load, (-end, cab_back - 0.45))
    solid.lamps(-end, half - 0.1, (0.75, 1.0), 0.35, "tail")
    solid.end(-end, (-half + 0.1, half - 0.1), (0.5, 0.62), DARK, "matt")
    axles = (-end + 1.2, -end + 2.5) if kind != "trailer" else (-end + 1.2, -end + 2.5, -end + 3.8)
    solid.wheels(axles, 0.5, half).ahead()
    _cab(solid, coat, (cab_back, end), cab_height, half)
    return solid, (width, length, max(height, cab_height))


def _cab(solid: Solid, coat: Color, reach: Pair, height: float, half: float) -> None:
    back, end = reach
    sill = min(2.35, height - 0.15)
    lower = [(back, 0.5), (end, 0.5), (end, 1.45), (end - 0.15, sill), (back, sill)]
    solid.prism(lower, (half - 0.03, half - 0.05), coat, edges={2: (GLASS, "glass")})
    upper = [(back, sill), (end - 0.15, sill), (end - 0.45, height), (back, height)]
    solid.prism(upper, (half - 0.05, half - 0.15), coat)
    pane = [(end - 1.2, 1.5), (end - 0.2, 1.5), (end - 0.3, sill - 0.1), (end - 1.2, sill - 0.1)]
    solid.sides(pane, GLASS, "glass", half - 0.03).wheels((end - 1.1,), 0.5, half)
    solid.end(end, (-half + 0.25, half - 0.25), (0.75, 1.35), DARK, "matt")
    solid.lamps(end, half - 0.08, (0.6, 0.85), 0.36, "head").end(end, (-0.3, 0.3), (0.5, 0.64), PLATE, "matt")


def _cargo(rng: np.random.Generator, solid: Solid, kind: str, load: Color, reach: Pair) -> float:
    (back, front), half = reach, 1.25
    middle, length = (back + front) / 2, front - back
    if kind == "tank":
        ring = [(0.95, 0.75), (1.5, 1.2), (2.3, 1.2), (2.9, 0.75)]
        for (low, wide), (high, narrow) in zip(ring, ring[1:], strict=False):
            solid.prism(upright(back, front, low, high), (wide, narrow), load)
        return 2.9
    height = {"rigid": rng.uniform(2.9, 3.6), "trailer": rng.uniform(3.5, 4.0), "tipper": 2.2}[kind]
    solid.box((0, middle), (2 * half, length), (0.95, height), load)
    if kind == "tipper":
        for k in range(4):
            at = back + (k + 0.5) * length / 4
            solid.sides(upright(at, at + 0.15, 1.0, 2.2), DARK, "matt", half)
        heap = [(back + 0.2, 2.2), (front - 0.2, 2.2), (middle + 0.6, 2.65), (middle - 0.6, 2.65)]
        solid.prism(heap, (half - 0.15, 0.4), (120.0, 100.0, 76.0), finish="matt")
        return 2.65
    print_color = paint(rng, LOAD_PAINT)
    low, high = height * rng.uniform(0.45, 0.55), height * rng.uniform(0.65, 0.85)
    start, stop = back + length * rng.uniform(0.1, 0.3), front - length * rng.uniform(0.1, 0.3)
    solid.sides(upright(start, stop, low, high), print_color, "paint", half)
    solid.end(back, (-0.04, 0.04), (1.0, height - 0.1), DARK, "matt")
    solid.end(back, (-half, half), (0.95, 1.08), DARK, "matt")
    return height


def motorbike(rng: np.random.Generator) -> tuple[Solid, Size]:
    """Return a motorbike or scooter with its rider, and its width, length, height."""
    coat, jacket = paint(rng, CAR_PAINT), paint(rng, CAR_PAINT + LOAD_PAINT)
    trousers, helmet = (44.0, 48.0, 60.0), paint(rng, CAR_PAINT)
    black = (24.0, 24.0, 26.0)
    solid = Solid().prism(disc(-0.7, 0.32, 0.33), (0.08, 0.08), black, finish="matt")
    solid.box((0, -0.55), (0.3, 0.6), (0.45, 0.78), coat)
    solid.end(-0.855, (-0.09, 0.09), (0.6, 0.72), (190.0, 20.0, 20.0), "tail")
    if rng.random() < 0.3:  # a delivery box
        solid.box((0, -0.72), (0.46, 0.4), (0.8, 1.22), paint(rng, LOAD_PAINT))
    solid.ahead().box((0, 0), (0.36, 0.9), (0.28, 0.8), coat)
    for side in (-0.2, 0.2):
        solid.box((side, 0.08), (0.16, 0.42), (0.42, 0.86), trousers, "matt")
    torso = [(-0.32, 0.8), (0.0, 0.8), (0.24, 1.38), (0.02, 1.44)]
    solid.prism(torso, (0.19, 0.25), jacket, finish="matt")
    solid.prism(disc(0.16, 1.58, 0.17, 8), (0.13, 0.13), helmet)
    solid.ahead().prism(disc(0.7, 0.32, 0.33), (0.07, 0.07), black, finish="matt")
    solid.box((0, 0.6), (0.24, 0.24), (0.55, 1.02), coat)
    solid.box((0, 0.42), (0.78, 0.1), (1.0, 1.08), DARK, "matt")
    solid.end(0.73, (-0.1, 0.1), (0.78, 0.96), (245.0, 240.0, 220.0), "head")
    return solid, (0.8, 2.06, 1.76)


BUILDERS: tuple[Callable[[np.random.Generator], tuple[Solid, Size]], ...] = (car, bus, truck, motorbike)
