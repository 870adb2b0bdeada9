"""Ground, roads, sky, and shadows on the ground."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.meshes import LOOSE, Color, Thing
from cityzoo.demo.scenes.renderer import hull
from cityzoo.demo.scenes.road import GroundPatch, Road, base_patches, marking_patches

Rgb = tuple[int, ...]


def to_rgb(color: Color) -> Rgb:
    """Return a color as integers 0..255.

    Example:
        >>> to_rgb((12.4, 300.0, -3.0))
        (12, 255, 0)
    """
    return tuple(int(max(0.0, min(255.0, c))) for c in color)


def ground_patches(roads: tuple[Road, ...], rng: np.random.Generator) -> list[GroundPatch]:
    """Return all outlines on the ground, lowest first."""
    found: list[GroundPatch] = []
    for road in reversed(roads):  # the crossing road first: the main road covers its kerbs
        found += base_patches(road, rng)
    gap = None
    if len(roads) > 1:
        main, cross = roads
        gap = (cross.y - cross.half_width_m, cross.y + cross.half_width_m)
        reach = -80.0 - main.x
        asphalt = found[2 if cross.pavement_m else 1][1]  # above pavement and kerb, or above the verge
        mouth = main.half_width_m + max(main.pavement_m, cross.pavement_m)
        found.append((main.strip((-mouth, mouth), gap), asphalt))
        gap = (-reach - main.half_width_m, -reach + main.half_width_m)
        found += marking_patches(cross, rng, gap)
    return found + marking_patches(roads[0], rng, gap)


def paint_ground(
    camera: Camera,
    patches: Sequence[GroundPatch],
    shadows: Image.Image,
    light: Light,
    rng: np.random.Generator,
) -> Image.Image:
    """Return an RGB canvas with ground, road, grain, shadows and haze, before the sky is painted."""
    wide, high = camera.size_wh
    lit = light.sky_part + light.sun_part * light.sun[2]
    wet = 0.72 if light.rain else 1.0
    land: Color = (92.0, 116.0, 66.0) if rng.random() < 0.65 else (140.0, 128.0, 108.0)
    land = tuple(c + rng.uniform(-14, 14) for c in land)
    canvas = Image.new("RGB", camera.size_wh, to_rgb(tuple(lit * c for c in land)))
    draw = ImageDraw.Draw(canvas)
    for pixels, (_, color) in zip(camera.project_ground([o for o, _ in patches]), patches, strict=True):
        if pixels:
            draw.polygon(pixels, fill=to_rgb(tuple(lit * wet * c for c in color)))
    canvas.paste((14, 16, 20), mask=ImageChops.lighter(_grain(canvas.size, rng), shadows))
    canvas.paste(to_rgb(light.haze_color), mask=_haze_mask(camera, light))
    return canvas


def _grain(size_wh: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Return an "L" mask of the surface: broad faint stains and fine grain."""
    wide, high = (side // 3 for side in size_wh)
    coarse = rng.normal(22, 11, (max(2, high // 16), max(2, wide // 20)))
    broad = Image.fromarray(coarse.clip(0, 255).astype(np.uint8))
    grit = rng.normal(0, 11, (high, wide)).astype(np.float32)
    stains = np.asarray(broad.resize((wide, high), Image.Resampling.BICUBIC), np.float32) + grit
    return Image.fromarray(stains.clip(0, 255).astype(np.uint8)).resize(size_wh, Image.Resampling.BILINEAR)


def _haze_mask(camera: Camera, light: Light) -> Image.Image:
    rows = np.arange(camera.size_wh[1]) + 0.5
    below = (rows - camera.horizon_row()) / camera.focal_px
    distance = np.where(below > 1e-3, camera.height_m / np.maximum(below, 1e-3), 1e4)
    share = 255 * (1 - np.exp(-light.haze_per_m * distance))
    return Image.fromarray(share.astype(np.uint8)[:, None]).resize(camera.size_wh)


def paint_sky(canvas: Image.Image, camera: Camera, light: Light, rng: np.random.Generator) -> None:
    """Paint sky, clouds and a skyline above the horizon."""
    wide, high = camera.size_wh
    tilt = math.tan(camera.roll) * wide / 2
    middle = camera.horizon_row()
    left, right = middle - tilt, middle + tilt
    lowest = int(max(left, right)) + 2
    if lowest <= 0:
        return
    height = min(lowest, high)
    share = np.linspace(0, 1, 32)[:, None, None] ** 1.5
    sky = np.array(light.sky_high) * (1 - share) + np.array(light.sky_low) * share
    layer = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    layer = layer.resize((wide, height), Image.Resampling.BILINEAR)
    cover = rng.normal(60, 70, (4, 8)).clip(0, 190).astype(np.uint8)
    clouds = Image.fromarray(cover).resize((wide, height), Image.Resampling.BICUBIC)
    layer.paste(to_rgb(tuple(0.5 * c + 118 for c in light.sky_low)), mask=clouds)
    mask = Image.new("L", (wide, height))
    outline = [(0, -1), (wide, -1), (wide, right), (0, left)]
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    canvas.paste(layer, (0, 0), mask)
    _skyline(ImageDraw.Draw(canvas), (left, right), wide, light, rng)


def _skyline(
    draw: ImageDraw.ImageDraw, ends: tuple[float, float], wide: int, light: Light, rng: np.random.Generator
) -> None:
    far = light.haze_share(350)
    dark = (70.0, 84.0, 70.0) if rng.random() < 0.6 else (104.0, 104.0, 110.0)
    color = to_rgb(tuple((1 - far) * 0.8 * c + far * h for c, h in zip(dark, light.haze_color, strict=True)))
    town = rng.random() < 0.5
    at, points = 0.0, [(0.0, ends[0] + 2)]
    while at < wide:
        step = wide * rng.uniform(0.015, 0.06)
        base = ends[0] + (ends[1] - ends[0]) * at / wide
        top = base - wide * (rng.uniform(0.004, 0.06) if town else rng.uniform(0.006, 0.022))
        points += [(at, top), (at + step, top)] if town else [(at, top)]
        at += step
    draw.polygon([*points, (wide, ends[1] + 2)], fill=color)


def shadow_outlines(thing: Thing, light: Light) -> list[tuple[np.ndarray, int]]:
    """Return (outline (N, 2) in meters, darkness 0..255) of a thing's cast and contact shadows."""
    ground, found = thing.corners(), []
    if light.shadow > 0:
        shift = -np.array(light.sun[:2]) / light.sun[2] * thing.size_m[2]
        slim = 0.8 if thing.label >= 0 else 1.0  # cabins are narrower than the chassis
        top = np.array([thing.x, thing.y]) + slim * (ground - np.array([thing.x, thing.y])) + shift
        outline = hull([*map(tuple, ground.tolist()), *map(tuple, top.tolist())])
        found.append((np.array(outline), int(255 * light.shadow)))
    if thing.label >= 0 or thing.label == LOOSE:
        found.append((ground, int(255 * max(0.45, light.shadow))))
    return found


def shadow_mask(things: Sequence[Thing], camera: Camera, light: Light) -> Image.Image:
    """Return the "L" mask of all shadows on the ground, softened."""
    mask = Image.new("L", camera.size_wh)
    draw = ImageDraw.Draw(mask)
    shadows = sorted((s for t in things for s in shadow_outlines(t, light)), key=lambda pair: pair[1])
    for outline, (_, dark) in zip(camera.project_ground([o for o, _ in shadows]), shadows, strict=True):
        if outline:
            draw.polygon(outline, fill=dark)
    return mask.filter(ImageFilter.BoxBlur(1))
