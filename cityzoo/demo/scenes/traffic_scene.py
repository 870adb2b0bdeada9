"""Traffic-camera scenes: vehicles on roads in perspective, with exact boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from cityzoo.data.image.export import LabeledImage
from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.camera_effects import apply_camera_effects, beams, paint_lamps
from cityzoo.demo.scenes.ground import ground_patches, paint_ground, paint_sky, shadow_mask
from cityzoo.demo.scenes.light import Light, choose_light, make_light
from cityzoo.demo.scenes.meshes import Thing
from cityzoo.demo.scenes.renderer import Drawn, draw_ids, draw_things, painting_order, patches
from cityzoo.demo.scenes.road import GroundPatch, View, choose_view
from cityzoo.demo.scenes.scenery import place_scenery
from cityzoo.demo.scenes.vehicle_placement import USUAL, Density, outline_area, place_vehicles
from cityzoo.demo.scenes.vehicles import CLASS_NAMES

__all__ = ["CLASS_NAMES", "Layers", "Plan", "Scene", "draw_scene", "plan_scene", "render"]

VERSION = 2  # of the rendering; part of the cache folder's name
ENLARGED = 2  # scale of the canvas, for smooth edges and boxes in steps of half a pixel
LEAST_VISIBLE = 0.35  # visible share of the outline of a vehicle; others are removed from the scene
LEAST_SIDE_PX = 7.0  # smaller side of its box, likewise


@dataclass(frozen=True)
class Scene(LabeledImage):
    """A rendered image with its labels; boxes are in half pixels."""

    condition: str = ""  # light and weather, one of cityzoo.demo.scenes.light.CONDITIONS
    layout: str = ""  # name of the view of the road


@dataclass(frozen=True)
class Setting:
    """Setting of a family of scenes."""

    # (generator, (height, width)) -> name of the layout, camera, roads
    view: Callable[[np.random.Generator, tuple[int, int]], View] = choose_view
    density: Density = USUAL  # density of the traffic
    # seed of camera, roads, ground and scenery for all scenes; None: the seed of each scene
    place_seed: int | None = None
    people: bool = True  # whether there are people on the pavement


ANYWHERE = Setting()


@dataclass(frozen=True)
class Plan:
    """Content of a scene before rendering; camera pixels are those of the enlarged canvas.

    place_seed: seed of the ground.
    drawn: (id, patches) in drawing order, with the id 1 + position of the vehicle, or 0.
    """

    seed: int
    place_seed: int
    layout: str
    camera: Camera
    light: Light
    ground: tuple[GroundPatch, ...]
    scenery: tuple[Thing, ...]
    vehicles: tuple[Thing, ...]
    drawn: Drawn


@dataclass(frozen=True)
class Layers:
    """A rendered plan on the enlarged canvas: colors before light and weather, and instance ids.

    canvas: RGB. ids: (H, W) uint8, 1 + position of the visible vehicle, or 0.
    lamps: (H, W) uint8, kind of the visible lamp, or 0. shadows: "L", darkness.
    """

    canvas: Image.Image
    ids: np.ndarray
    lamps: np.ndarray
    shadows: Image.Image


def generator(seed: int, stream: int) -> np.random.Generator:
    """Return the random generator of one aspect of a scene.

    Each aspect has its own stream: an additional vehicle does not change clouds, rain and noise. Streams 0 to 7 are
    shared by all scenes, those of specific scenes start at 8.
    """
    return np.random.Generator(np.random.PCG64([seed, stream]))


def plan_scene(
    seed: int,
    size_hw: tuple[int, int] = (288, 384),
    condition: str | None = None,
    setting: Setting = ANYWHERE,
) -> Plan:
    """Return the plan of a scene: camera, roads, light, and visible vehicles.

    Args:
        seed: 0 or more; equal seeds give equal plans.
        size_hw: height and width of the image in pixels, both even and at least 64.
        condition: name of light and weather; None for a random one.
        setting: setting of the scene.

    Raises:
        ValueError: a negative seed or a size that is odd or too small.
    """
    if seed < 0 or min(size_hw) < 64 or any(side % 2 for side in size_hw):
        raise ValueError(
            f"seed {seed}, size {size_hw}: expected a seed >= 0 and even sides of at least 64 pixels"
        )
    place_seed = seed if setting.place_seed is None else setting.place_seed
    layout, camera, roads = setting.view(generator(place_seed, 0), size_hw)
    light_rng = generator(seed, 1)
    light = choose_light(light_rng) if condition is None else make_light(condition, light_rng)
    vehicles = place_vehicles(generator(seed, 2), roads, camera, setting.density)
    scenery = place_scenery(generator(place_seed, 3), roads, camera, setting.people)
    ground = ground_patches(roads, generator(place_seed, 4))
    wide, high = camera.size_wh
    size_wh = (wide * ENLARGED, high * ENLARGED)
    enlarged = replace(camera, focal_px=camera.focal_px * ENLARGED, size_wh=size_wh)
    things = (tuple(scenery), tuple(vehicles))
    return _take_out_hidden(
        arrange(Plan(seed, place_seed, layout, enlarged, light, tuple(ground), *things, ()))
    )


def arrange(plan: Plan) -> Plan:
    """Return the plan with its things in drawing order, as needed after a change of its vehicles."""
    things = [*plan.vehicles, *plan.scenery]
    found = patches(things, plan.camera, plan.light)
    ids = [*range(1, len(plan.vehicles) + 1), *[0] * len(plan.scenery)]
    return replace(plan, drawn=tuple((ids[k], found[k]) for k in painting_order(things) if found[k]))


def _take_out_hidden(plan: Plan) -> Plan:
    first = next((k for k, (number, _) in enumerate(plan.drawn) if number), len(plan.drawn))
    ids = draw_ids(plan.drawn[first:], plan.camera.size_wh)
    shown = np.bincount(ids.ravel(), minlength=len(plan.vehicles) + 1)
    kept = []
    for number, vehicle in enumerate(plan.vehicles, 1):
        if shown[number] and shown[number] >= LEAST_VISIBLE * outline_area(vehicle, plan.camera):
            x1, y1, x2, y2 = _box(ids, number)
            kept += [number] if min(x2 - x1, y2 - y1) >= LEAST_SIDE_PX else []
    new_number = {old: new for new, old in enumerate(kept, 1)} | {0: 0}
    vehicles = tuple(plan.vehicles[number - 1] for number in kept)
    drawn = tuple((new_number[number], parts) for number, parts in plan.drawn if number in new_number)
    return replace(plan, vehicles=vehicles, drawn=drawn)


def _box(ids: np.ndarray, number: int) -> tuple[float, ...]:
    mine = ids == number
    rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return tuple(float(edge) / ENLARGED for edge in edges)


def render(plan: Plan, stain: Callable[[Image.Image], Image.Image] | None = None) -> Layers:
    """Return the layers of a plan: colors without light and weather, instance ids, shadows.

    stain: changes the ground before things are drawn on it.
    """
    shadows = shadow_mask([*plan.scenery, *plan.vehicles], plan.camera, plan.light)
    canvas = paint_ground(plan.camera, plan.ground, shadows, plan.light, generator(plan.place_seed, 5))
    if stain is not None:
        canvas = stain(canvas)
    paint_sky(canvas, plan.camera, plan.light, generator(plan.place_seed, 6))
    return Layers(*draw_things(canvas, plan.drawn), shadows)


def boxes_of(layers: Layers, vehicles: Sequence[Thing]) -> np.ndarray:
    """Return the boxes (N, 4) float32 around the visible pixels of each vehicle, in image pixels."""
    return np.array([_box(layers.ids, k + 1) for k in range(len(vehicles))], np.float32).reshape(-1, 4)


def draw_scene(seed: int, size_hw: tuple[int, int] = (288, 384), condition: str | None = None) -> Scene:
    """Render a traffic-camera scene; equal arguments give equal bytes.

    Args:
        seed: 0 or more.
        size_hw: height and width in pixels, both even and at least 64.
        condition: one of cityzoo.demo.scenes.light.CONDITIONS; None for a random one.

    Raises:
        ValueError: a negative seed or a size that is odd or too small.

    Example:
        >>> scene = draw_scene(7)
        >>> scene.image.shape, scene.boxes_xyxy.shape[1], scene.labels.dtype.name
        ((288, 384, 3), 4, 'int32')
    """
    return shoot(plan_scene(seed, size_hw, condition))


def expose(plan: Plan, layers: Layers) -> np.ndarray:
    """Return the camera image (H, W, 3) uint8 of a rendered plan."""
    lamps = paint_lamps(layers.lamps, plan.light)
    lit = beams([*plan.scenery, *plan.vehicles], plan.camera, plan.light)
    return apply_camera_effects(layers.canvas, lamps, lit, plan.light, generator(plan.seed, 7))


def shoot(plan: Plan) -> Scene:
    """Render a plan, with the boxes of its vehicles."""
    layers = render(plan)
    image = expose(plan, layers)
    labels = np.array([v.label for v in plan.vehicles], np.int32)
    boxes = boxes_of(layers, plan.vehicles)
    return Scene(image, boxes, labels, condition=plan.light.condition, layout=plan.layout)
