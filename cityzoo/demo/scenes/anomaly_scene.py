"""Scenes of one fixed camera: normal frames of a street, and frames with anomalies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.fire import SHOWS, Burning, FireAndSmoke, Source, draw_blaze, render_fire
from cityzoo.demo.scenes.foreign_objects import MAKERS
from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.renderer import draw_ids
from cityzoo.demo.scenes.road import Road, View, make_road
from cityzoo.demo.scenes.road_damage import EDGE, KINDS, Stain, paint_stain, stain_alpha
from cityzoo.demo.scenes.scenery import person
from cityzoo.demo.scenes.traffic_scene import (
    ENLARGED,
    Plan,
    Scene,
    Setting,
    arrange,
    generator,
    plan_scene,
    render,
)
from cityzoo.demo.scenes.vehicle_placement import Density, collide

VERSION = 1  # of the rendering; part of the cache folder's name
CLASS_NAMES = ("normal", *MAKERS, "damage", "fire")
NORMAL_SHARE, SECOND_SHARE = 0.4, 0.15  # of held-out images; of images with an anomaly that get a second one
SHAKE_PX = 2.0  # the pole sways in the wind
LEAST_AREA = 250  # pixels of an anomaly in an image of 256 x 320
PLACE_SEED = 13
TRIES = 40


def _view(rng: np.random.Generator, size_hw: tuple[int, int]) -> View:
    high, wide = size_hw
    camera = Camera(6.2, math.radians(18), math.radians(8), math.radians(0.6), 1.05 * wide, (wide, high))
    return "street", camera, (make_road(rng, 3.6, 1),)


# A quiet side street under a gray sky, whose normal variation 200 frames cover. With moving shadows and all kinds of
# vehicles, frames of one day would be too few, and rare but normal content would score as high as anomalies.
CONDITION = "overcast"
CARS = Density(((1, 160.0),), parked=0.0, class_shares=((1.0, 0),))
SETTING = Setting(_view, CARS, PLACE_SEED, people=False)


@dataclass(frozen=True)
class ForeignObject:
    """One anomaly."""

    kind: str  # one of CLASS_NAMES except "normal"
    room: tuple[Thing, ...]  # footprints to keep clear of other things
    things: tuple[Thing, ...] = ()  # its parts
    stain: Stain | None = None  # stain on the ground, or None
    burning: tuple[Source, Burning, int] | None = None  # place, size and seed of its fire, or None

    def blaze(self, plan: Plan) -> FireAndSmoke | None:
        """Return its fire and smoke in a plan, or None."""
        if self.burning is None:
            return None
        source, burning, seed = self.burning
        return draw_blaze(plan, source, burning, generator(seed, 10))


def draw_normal(seed: int, size_hw: tuple[int, int] = (256, 320)) -> Scene:
    """Render a normal frame of the street; equal arguments give equal bytes.

    The scene has no boxes, mask None and the name "normal". Arguments and errors are those of
    `traffic_scene.draw_scene`.
    """
    return render_street(plan_street(seed, size_hw), ())


def draw_held_out(seed: int, size_hw: tuple[int, int] = (256, 320)) -> Scene:
    """Render a frame without anomalies, or with one or two; equal arguments give equal bytes.

    The scene has no boxes, the mask of visible anomalies or None, and as its name "normal" or the kind of the first
    anomaly. Arguments and errors are those of `traffic_scene.draw_scene`.

    Example:
        >>> draw_held_out(3, (96, 128)).name, draw_held_out(4, (96, 128)).name
        ('fire', 'normal')
    """
    return render_street(*plan_anomalies(plan_street(seed, size_hw)))


def plan_street(seed: int, size_hw: tuple[int, int]) -> Plan:
    """Return the plan of the street with vehicles and pedestrians, and a slightly swaying camera; see `plan_scene`."""
    rng = generator(max(seed, 0), 8)  # plan_scene refuses a negative seed
    plan = plan_scene(seed, size_hw, CONDITION, SETTING)
    aside, up = rng.uniform(-SHAKE_PX, SHAKE_PX, 2) * ENLARGED / plan.camera.focal_px / math.sqrt(2)
    camera = replace(plan.camera, yaw=plan.camera.yaw + aside, pitch=plan.camera.pitch + up)
    road, walkers = _road(plan), []
    for _ in range(int(rng.integers(0, 2))):
        side = -1 if rng.random() < 0.5 else 1
        x, y, _ = road.position(
            rng.uniform(12, 45), side * (road.half_width_m + rng.uniform(0.5, road.pavement_m - 0.3))
        )
        walkers.append(person(rng, x, y))
    return arrange(replace(plan, camera=camera, scenery=(*plan.scenery, *walkers)))


def _road(plan: Plan) -> Road:
    return SETTING.view(generator(PLACE_SEED, 0), plan.camera.size_wh[::-1])[2][0]


def plan_anomalies(plan: Plan) -> tuple[Plan, tuple[ForeignObject, ...]]:
    """Return the plan without vehicles in the way, and up to two anomalies, determined by its seed."""
    rng = generator(plan.seed, 9)
    if rng.random() < NORMAL_SHARE:
        return plan, ()
    kinds = rng.permutation(len(CLASS_NAMES) - 1)[: 2 if rng.random() < SECOND_SHARE else 1] + 1
    found: tuple[ForeignObject, ...] = ()
    for kind in kinds.tolist():
        for attempt in range(TRIES):
            anomaly = _make(plan, CLASS_NAMES[kind], rng, 26.0 - 14.0 * attempt / TRIES)
            if any(collide(a, b) for o in found for a in o.room for b in anomaly.room):
                continue
            cleared = _cleared(plan, anomaly)
            least = LEAST_AREA * math.prod(plan.camera.size_wh) / ENLARGED**2 / (256 * 320)
            if mask_of(cleared, (*found, anomaly))[-1].sum() >= least:
                plan, found = cleared, (*found, anomaly)
                break
    return plan, found


def _make(plan: Plan, kind: str, rng: np.random.Generator, reach_m: float) -> ForeignObject:
    """Return an anomaly at a random place on the road, at most `reach_m` away."""
    road = _road(plan)
    along, (lane, _) = rng.uniform(10.5, reach_m), road.lanes[int(rng.integers(len(road.lanes)))]
    right = lane + rng.uniform(-0.6, 0.6)
    if kind in MAKERS:
        things = tuple(MAKERS[kind](rng, road, (along, right)))
        return ForeignObject(kind, things, things)
    x, y, _ = road.position(along, right)
    if kind == "damage":
        what = KINDS[int(rng.integers(len(KINDS)))]
        half = {"pothole": (0.5, 0.9), "oil": (0.7, 1.5)}[what]
        half_m = (rng.uniform(*half), 1.5 * rng.uniform(*half))
        room = Thing((), x, y, 0.0, (half_m[0], half_m[1], 0.1))
        return ForeignObject(kind, (room,), stain=Stain(what, x, y, half_m, int(rng.integers(2**31))))
    fire = (rng.uniform(0.6, 1.3), rng.uniform(0.7, 1.6))
    smoke = (rng.uniform(0.5, 1.0), rng.uniform(4, 9), 0.2, 0.9)
    gray = rng.uniform(40, 150)
    burning = Burning(fire, smoke, rng.uniform(-0.6, 0.6), (gray, gray, gray))
    room = Thing((), x, y, 0.0, (1.2, 1.2, 0.5))
    return ForeignObject(kind, (room,), burning=(Source((x, y, 0.0)), burning, int(rng.integers(2**31))))


def _cleared(plan: Plan, anomaly: ForeignObject) -> Plan:
    kept = tuple(v for v in plan.vehicles if not any(collide(v, thing) for thing in anomaly.room))
    return plan if len(kept) == len(plan.vehicles) else arrange(replace(plan, vehicles=kept))


def mask_of(plan: Plan, anomalies: Sequence[ForeignObject]) -> list[np.ndarray]:
    """Return the mask of each anomaly, (H, W) bool: the pixels that it covers by half or more."""
    crowded, first = _crowded(plan, anomalies), len(plan.vehicles) + 1
    ids, found = draw_ids(crowded.drawn, plan.camera.size_wh), []
    cover = draw_ids([(1, parts) for _, parts in crowded.drawn], plan.camera.size_wh)
    for anomaly in anomalies:
        mine = (ids >= first) & (ids < first + len(anomaly.things))
        first += len(anomaly.things)
        if anomaly.stain is not None:
            mine = (stain_alpha(anomaly.stain, plan.camera)[0] >= EDGE) & (cover == 0)
        shows = np.asarray(Image.fromarray(mine.astype(np.uint8) * 255).reduce(ENLARGED)) >= 127
        blaze = anomaly.blaze(crowded)
        for veil in (blaze.fire, blaze.smoke) if blaze is not None else ():
            shows = shows if veil is None else shows | (veil.alpha >= SHOWS)
        found.append(shows)
    return found


def _crowded(plan: Plan, anomalies: Sequence[ForeignObject]) -> Plan:
    things = tuple(thing for anomaly in anomalies for thing in anomaly.things)
    return arrange(replace(plan, vehicles=plan.vehicles + things)) if things else plan


def render_street(plan: Plan, anomalies: Sequence[ForeignObject]) -> Scene:
    """Render the street with anomalies, and their mask."""

    def stain(ground: Image.Image) -> Image.Image:
        for anomaly in anomalies:
            if anomaly.stain is not None:
                ground = paint_stain(ground, anomaly.stain, plan.camera, plan.light)
        return ground

    crowded = _crowded(plan, anomalies)
    blazes = [blaze for anomaly in anomalies if (blaze := anomaly.blaze(crowded)) is not None]
    image = render_fire(crowded, render(crowded, stain), blazes)
    mask = np.any(mask_of(plan, anomalies), axis=0) if anomalies else None
    boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    name = anomalies[0].kind if anomalies else "normal"
    return Scene(image, boxes, labels, mask, name, plan.light.condition, plan.layout)
