"""Fire and smoke in a scene, hidden by nearer things, with the glow on their surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from cityzoo.demo.scenes.camera_effects import LIT_COLOR, apply_camera_effects, beams, paint_lamps
from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.meshes import Color, Thing
from cityzoo.demo.scenes.plumes import Fire, Plume, Veil, draw_fire, draw_smoke
from cityzoo.demo.scenes.renderer import draw_ids, painting_order, patches
from cityzoo.demo.scenes.traffic_scene import ENLARGED, Layers, Plan, generator

SHOWS = 0.15  # least opacity of a pixel that belongs to fire or smoke
FIRELIGHT = (1.3, 0.62, 0.22)  # added to the surroundings of a fire, per color


@dataclass(frozen=True)
class Source:
    """Position of a fire: x, y, z in world meters, and the burning thing, if any."""

    place: tuple[float, float, float]
    thing: Thing | None = None


@dataclass(frozen=True)
class Burning:
    """Sizes of fire and smoke, in meters as in Fire and Plume; None for no fire or smoke."""

    fire: tuple[float, float] | None  # width, height
    smoke: tuple[float, float, float, float] | None  # width at the foot, height, spread, thickness
    drift: float
    smoke_color: Color


@dataclass(frozen=True)
class FireAndSmoke:
    """Layers of fire and smoke, each of the size of the image; None for no fire or smoke."""

    fire: Veil | None
    smoke: Veil | None


def draw_blaze(plan: Plan, source: Source, burning: Burning, rng: np.random.Generator) -> FireAndSmoke | None:
    """Return fire and smoke at a source as the camera sees them; None if the source is hidden or outside."""
    camera, light = plan.camera, plan.light
    (pixel,), (depth,) = camera.project(np.array([source.place]))
    column, row = (pixel / ENLARGED).astype(int).tolist()
    clear = 1 - _hidden(plan, source)
    seen = depth >= 3 and 0 <= column < clear.shape[1] and 0 <= row < clear.shape[0]
    if not seen or clear[row, column] < 0.5:
        return None
    foot, meter_px = tuple((pixel / ENLARGED).tolist()), float(camera.focal_px / depth / ENLARGED)
    size_wh = (camera.size_wh[0] // ENLARGED, camera.size_wh[1] // ENLARGED)
    fire = smoke = None
    if burning.smoke is not None:
        width, height, spread, thick = burning.smoke
        rises = (foot[0], foot[1] - (0.35 * burning.fire[1] * meter_px if burning.fire else 0))
        haze = light.haze_share(float(depth))
        plume = Plume(rises, meter_px, width, height, spread, burning.drift, thick, burning.smoke_color, haze)
        veil = draw_smoke(plume, size_wh, light, rng)
        smoke = Veil(veil.alpha * clear, veil.color)
    if burning.fire is not None:
        veil = draw_fire(Fire(foot, meter_px, *burning.fire, 0.5 * burning.drift), size_wh, rng)
        fire = Veil(veil.alpha * clear * (1 - 0.5 * light.haze_share(float(depth))), veil.color)
    return FireAndSmoke(fire, smoke)


def _hidden(plan: Plan, source: Source) -> np.ndarray:
    """Return the opacity of things in front of a source, (H, W) float32 0..1."""
    things = [*plan.vehicles, *plan.scenery]
    marker = Thing((), *source.place[:2], 0.0, (0.6, 0.6, 1.0))
    order = painting_order([*things, marker])
    after = order[order.index(len(things)) + 1 :]
    nearer = [things[k] for k in after if things[k] is not source.thing]
    drawn = [(1, found) for found in patches(nearer, plan.camera, plan.light)]
    cover = Image.fromarray(draw_ids(drawn, plan.camera.size_wh) * np.uint8(255)).reduce(ENLARGED)
    return np.asarray(cover, np.float32) / 255


def box_of(veil: Veil | None) -> tuple[float, float, float, float] | None:
    """Return x1, y1, x2, y2 in pixels around the visible part of a layer; None if nothing is visible.

    Example:
        >>> alpha = np.zeros((6, 8), np.float32)
        >>> alpha[2:4, 3:7] = 0.9
        >>> box_of(Veil(alpha, np.zeros((6, 8, 3), np.float32)))
        (3.0, 2.0, 7.0, 4.0)
    """
    if veil is None:
        return None
    seen = veil.alpha >= SHOWS
    # Single distant pixels do not belong to the box.
    rows, columns = np.flatnonzero(seen.sum(axis=1) > 1), np.flatnonzero(seen.sum(axis=0) > 1)
    if not len(rows) or not len(columns):
        return None
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def contrast(veil: Veil, layers: Layers, light: Light) -> float:
    """Return the mean change of the image by a layer where it is visible, in levels of 255."""
    seen = veil.alpha >= SHOWS
    before = np.asarray(layers.canvas.reduce(ENLARGED), np.float32)[seen]
    change = np.abs(veil.color[seen] - before) * veil.alpha[seen][:, None] * np.array(light.ambient)
    return float(change.mean()) if seen.any() else 0.0


def render_fire(
    plan: Plan, layers: Layers, blazes: list[FireAndSmoke], shine: np.ndarray | None = None
) -> np.ndarray:
    """Return the image (H, W, 3) uint8 of a rendered plan with fires and smoke.

    Args:
        plan: the plan.
        layers: its layers; their canvas is not changed.
        blazes: the farthest first.
        shine: (H, W, 3) float32 light added in the lens, 0..255; or None.
    """
    light = plan.light
    lamps, canvas = paint_lamps(layers.lamps, light), layers.canvas
    lit = beams([*plan.scenery, *plan.vehicles], plan.camera, light)
    for blaze in blazes:
        canvas = _over(canvas, blaze)
        if lamps is not None and blaze.smoke is not None:
            clear = Image.fromarray((255 * (1 - blaze.smoke.alpha)).astype(np.uint8))
            lamps = Image.composite(lamps, Image.new("RGB", lamps.size), clear)
        if blaze.fire is not None:
            lit, glow = _firelight(lit, blaze.fire, light)
            shine = glow if shine is None else shine + glow
    return apply_camera_effects(canvas, lamps, lit, light, generator(plan.seed, 7), shine)


def _over(canvas: Image.Image, blaze: FireAndSmoke) -> Image.Image:
    for veil in (blaze.smoke, blaze.fire):
        if veil is not None:
            color = Image.fromarray(veil.color.clip(0, 255).astype(np.uint8))
            alpha = Image.fromarray((255 * veil.alpha).astype(np.uint8))
            color, alpha = (p.resize(canvas.size, Image.Resampling.BILINEAR) for p in (color, alpha))
            canvas = Image.composite(color, canvas, alpha)
    return canvas


def _firelight(lit: np.ndarray | None, fire: Veil, light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Return the light on the scene including the fire, and the light in the lens."""
    dark = max(0.0, 1.0 - sum(light.ambient) / 3)
    bright = fire.alpha[..., None] * fire.color
    flame = Image.fromarray(bright.clip(0, 255).astype(np.uint8))
    size_px = float(np.sqrt((fire.alpha > SHOWS).sum()))
    wide = np.asarray(flame.filter(ImageFilter.GaussianBlur(1.1 * size_px + 2)), np.float32)
    far = np.asarray(flame.filter(ImageFilter.GaussianBlur(3.2 * size_px + 4)), np.float32)
    near = np.asarray(flame.filter(ImageFilter.GaussianBlur(0.25 * size_px + 1)), np.float32)
    base = 0.0 if lit is None else lit[..., None] * np.array(LIT_COLOR, np.float32) if lit.ndim == 2 else lit
    # By day the sun is brighter; after dark the fire lights the road.
    strength = (0.15 + 4.0 * dark) / 255 * (wide + 3 * far).max(-1, keepdims=True)
    on_scene = strength * np.array(FIRELIGHT, np.float32) * (1 - 0.9 * fire.alpha[..., None])
    shine = dark * bright + (0.05 + 0.4 * dark) * near + (0.03 + 0.35 * dark) * wide
    return (base + on_scene).astype(np.float32), shine.astype(np.float32)
