"""Traffic scenes with fire, smoke, both or neither, and boxes around them."""

from __future__ import annotations

import math

import numpy as np

from cityzoo.demo.scenes.fire import (
    SHOWS,
    Burning,
    FireAndSmoke,
    Source,
    box_of,
    contrast,
    draw_blaze,
    render_fire,
)
from cityzoo.demo.scenes.meshes import Thing, parse_colors, pick
from cityzoo.demo.scenes.plumes import Veil
from cityzoo.demo.scenes.traffic_scene import ENLARGED, Layers, Plan, Scene, generator, plan_scene, render

VERSION = 1  # of the rendering; part of the cache folder's name
CLASS_NAMES = ("fire", "smoke")
KINDS = ((0.22, "fire"), (0.28, "smoke"), (0.20, "both"), (0.30, "neither"))
LEAST_SIDE_PX = 7.0  # of a box, in an image of height 288; otherwise another place is tried
LEAST_AREA = 30  # visible pixels
LEAST_CONTRAST = 17.0  # of 255 levels, between the image with and without smoke
TRIES = 80
SMOKE_COLORS = parse_colors("3 #222122, 2 #4a4846, 3 #807e7c, 2 #b0aeac, 2 #deddda")


def incident_of(seed: int) -> str:
    """Return the content of the scene of a seed: fire, smoke, both or neither."""
    return pick(generator(seed, 8), KINDS)


def draw_scene(seed: int, size_hw: tuple[int, int] = (288, 384)) -> Scene:
    """Render a traffic scene that may have fire or smoke; equal arguments give equal bytes.

    Boxes are whole pixels around visible fire and smoke; the name is as from `incident_of`. Arguments and errors are
    those of `traffic_scene.draw_scene`.
    """
    plan = plan_scene(seed, size_hw)
    layers = render(plan)
    blaze = plan_blaze(plan, layers)
    blazes = draw_exhausts(plan) if blaze is None else [blaze]
    image = render_fire(plan, layers, blazes, low_sun(plan))
    found = [(box_of(veil), k) for k, veil in enumerate((blaze.fire, blaze.smoke))] if blaze else []
    found = [(box, label) for box, label in found if box is not None]
    boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    labels = np.array([label for _, label in found], np.int32)
    name = {(): "neither", (0,): "fire", (1,): "smoke"}.get(tuple(labels.tolist()), "both")
    return Scene(image, boxes, labels, None, name, plan.light.condition, plan.layout)


def plan_blaze(plan: Plan, layers: Layers) -> FireAndSmoke | None:
    """Return the fire and smoke of a plan, at the first source where they are visible enough.

    layers: layers of the plan, which determine the contrast between smoke and its background.
    """
    kind, rng = incident_of(plan.seed), generator(plan.seed, 9)
    if kind == "neither":
        return None
    for _ in range(TRIES):
        source, burning = _source(plan, kind, rng)
        blaze = draw_blaze(plan, source, burning, rng)
        if blaze is None or not all(_shows(v, plan) for v in (blaze.fire, blaze.smoke) if v is not None):
            continue
        if blaze.smoke is None or contrast(blaze.smoke, layers, plan.light) >= LEAST_CONTRAST:
            return blaze
    return None


def _shows(veil: Veil, plan: Plan) -> bool:
    box, enough = box_of(veil), LEAST_SIDE_PX * plan.camera.size_wh[1] / ENLARGED / 288
    if box is None or (veil.alpha >= SHOWS).sum() < LEAST_AREA * (enough / LEAST_SIDE_PX) ** 2:
        return False
    return min(box[2] - box[0], box[3] - box[1]) >= enough


def _source(plan: Plan, kind: str, rng: np.random.Generator) -> tuple[Source, Burning]:
    """Return a random source of fire or smoke, which may be hidden, and their sizes."""
    houses = [t for t in plan.scenery if t.size_m[0] >= 8]
    chances = [(0.4 * bool(plan.vehicles), "vehicle"), (0.35, "ground"), (0.25 * bool(houses), "house")]
    where = pick(rng, tuple(chances))
    if where == "vehicle":
        thing = plan.vehicles[int(rng.integers(len(plan.vehicles)))]
        source, scale = _on_vehicle(thing, rng), math.sqrt(thing.size_m[1] / 4.5) * rng.uniform(0.8, 1.7)
    elif where == "house":
        source = _on_house(houses[int(rng.integers(len(houses)))], rng)
        scale = rng.uniform(1.2, 2.6)
    else:
        source, scale = _on_ground(plan, rng), rng.uniform(0.6, 1.6)
    fire = (scale * rng.uniform(1.0, 2.2), scale * rng.uniform(1.2, 2.8)) if kind != "smoke" else None
    smoke = None
    if kind != "fire":
        height = scale * math.exp(rng.uniform(math.log(7), math.log(26)))
        thick = rng.uniform(0.7, 0.98)
        smoke = (scale * rng.uniform(0.9, 2.0), height, rng.uniform(0.15, 0.4), thick)
    return source, Burning(fire, smoke, rng.uniform(-0.8, 0.8), pick(rng, SMOKE_COLORS))


def _on_vehicle(thing: Thing, rng: np.random.Generator) -> Source:
    # Mostly the engine, otherwise the interior or the rear.
    along = thing.size_m[1] * (rng.uniform(0.3, 0.45) if rng.random() < 0.6 else rng.uniform(-0.45, 0.1))
    ((x, y, z),) = thing.to_world(np.array([[0.0, along, thing.size_m[2] * rng.uniform(0.4, 0.7)]]))
    return Source((float(x), float(y), float(z)), thing)


def _on_house(thing: Thing, rng: np.random.Generator) -> Source:
    """Return a window that faces the road, or the roof."""
    width, length, height = thing.size_m
    roof = rng.random() < 0.4
    side = -1 if thing.x > 0 else 1
    across = 0.2 * side * width if roof else (0.5 * width + 0.1) * side
    up = height if roof else height * rng.uniform(0.25, 0.85)
    ((x, y, z),) = thing.to_world(np.array([[across, length * rng.uniform(-0.35, 0.35), up]]))
    # Smoke of the roof rises behind the edge of the wall, smoke of a window in front of it.
    return Source((float(x), float(y), float(z)), None if roof else thing)


def _on_ground(plan: Plan, rng: np.random.Generator) -> Source:
    """Return a visible point on the ground, with distances uniform on a logarithmic scale."""
    camera = plan.camera
    distance = math.exp(rng.uniform(math.log(9), math.log(60)))
    angle = camera.yaw + math.atan(rng.uniform(-0.45, 0.45) * camera.size_wh[0] / camera.focal_px)
    return Source((distance * math.sin(angle), distance * math.cos(angle), 0.0))


def draw_exhausts(plan: Plan) -> list[FireAndSmoke]:
    """Return faint exhaust clouds behind some vehicles, which do not count as smoke."""
    rng = generator(plan.seed, 10)
    found: list[FireAndSmoke | None] = []
    for thing in plan.vehicles if rng.random() < 0.5 else ():
        if rng.random() > 0.4 or len(found) == 3:
            continue
        ((x, y, z),) = thing.to_world(np.array([[0.3, -thing.size_m[1] / 2 - 0.3, 0.3]]))
        gray = rng.uniform(150, 225)
        wisp = (rng.uniform(0.4, 0.8), rng.uniform(1.0, 2.2), 0.35, rng.uniform(0.1, 0.3))
        burning = Burning(None, wisp, rng.uniform(-1, 1), (gray, gray, gray))
        found.append(draw_blaze(plan, Source((float(x), float(y), float(z)), thing), burning, rng))
    return [blaze for blaze in found if blaze is not None]


def low_sun(plan: Plan) -> np.ndarray | None:
    """Return the orange glare (H, W, 3) float32 of a low sun above the horizon, or None."""
    rng, (wide, high) = generator(plan.seed, 11), (side // ENLARGED for side in plan.camera.size_wh)
    horizon = plan.camera.horizon_row() / ENLARGED
    if plan.light.condition != "dusk" or horizon < 0.04 * high or rng.random() > 0.6:
        return None
    columns, rows = np.meshgrid(np.arange(wide, dtype=np.float32), np.arange(high, dtype=np.float32))
    away = np.hypot(columns - rng.uniform(0, wide), rows - horizon * rng.uniform(0.3, 0.9)) / wide
    shape = 210 * np.exp(-((away / 0.02) ** 2)) + 120 * np.exp(-away / 0.07) + 40 * np.exp(-away / 0.3)
    return shape[..., None] * np.array([1.0, 0.66, 0.3], np.float32)
