"""Rendering of things through the camera: colors, instance ids and lamps, from far to near."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from cityzoo.demo.scenes.camera import NEAR_M, Camera, Outline
from cityzoo.demo.scenes.light import Light
from cityzoo.demo.scenes.meshes import Point, Surface, Thing

SHINING = ("head", "tail", "lit", "street")
LAMP_STEP = 51  # larger than any id; its multiples mark lamps, up to the fourth, whose ids stay below 256
SMALLEST_AREA = 0.7  # of a surface, in pixels of the enlarged canvas


@dataclass(frozen=True)
class Patch:
    """One visible surface on the canvas: outline in pixels, shaded color, finish."""

    outline: Outline
    color: tuple[int, int, int]
    finish: str


Drawn = Sequence[tuple[int, list[Patch]]]  # instance id (0: no vehicle) and patches, in drawing order


def twice_area(outline: Sequence[tuple[float, float]]) -> float:
    """Return twice the area of an outline, positive if it is counter-clockwise on the screen.

    Example:
        >>> twice_area([(0, 1), (1, 1), (1, 0), (0, 0)])
        2.0
    """
    total = 0.0
    previous = outline[-1]
    for point in outline:
        total += point[0] * previous[1] - previous[0] * point[1]
        previous = point
    return total


def patches(things: Sequence[Thing], camera: Camera, light: Light) -> list[list[Patch]]:
    """Return the surfaces of each thing that face the camera; [] for a thing that extends behind the lens."""
    surfaces = [_in_order(thing) for thing in things]
    corners_of = [np.array([p for surface in own for p in surface.points]) for own in surfaces]
    world = [thing.to_world(corners) for thing, corners in zip(things, corners_of, strict=True)]
    pixels, depth = camera.project(np.concatenate(world)) if world else (np.zeros((0, 2)), np.zeros(0))
    points, start, found = list(map(tuple, pixels.tolist())), 0, []
    for thing, own, corners in zip(things, surfaces, world, strict=True):
        stop = start + len(corners)
        haze = light.haze_share(float(depth[start:stop].mean()))
        sun = light.sun_seen_from(thing.heading)
        near = depth[start:stop].min() < NEAR_M
        found.append([] if near else _facing(own, points[start:stop], sun, light, haze))
        start = stop
    return found


def _facing(surfaces: list[Surface], points: Outline, sun: Point, light: Light, haze: float) -> list[Patch]:
    visible, start = [], 0
    for surface in surfaces:
        outline = points[start : start + len(surface.points)]
        start += len(surface.points)
        area = twice_area(outline)
        if area > 2 * SMALLEST_AREA or (area > 0 and surface.finish in SHINING):
            visible.append(Patch(outline, _shade(surface, sun, light, haze), surface.finish))
    return visible


def _in_order(thing: Thing) -> list[Surface]:
    seen_from_ahead = -(thing.x * math.sin(thing.heading) + thing.y * math.cos(thing.heading)) > 0
    parts = thing.parts if seen_from_ahead else thing.parts[::-1]
    return [surface for part in parts for surface in part]


def _shade(surface: Surface, sun: Point, light: Light, haze: float) -> tuple[int, int, int]:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = surface.points[:3]
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = math.sqrt(nx * nx + ny * ny + nz * nz) or 1.0
    facing = (
        0.45 if surface.finish == "leaf" else max(0.0, (nx * sun[0] + ny * sun[1] + nz * sun[2]) / length)
    )
    bright = (1 - haze) * (light.sky_part * (0.78 + 0.22 * nz / length) + light.sun_part * facing)
    mirrored = (1 - haze) * (0.12 + 0.25 * max(0.0, nz / length)) if surface.finish == "glass" else 0.0
    (r, g, b), (sky_r, sky_g, sky_b), (far_r, far_g, far_b) = surface.color, light.sky_low, light.haze_color
    return (
        min(255, int(bright * r + mirrored * sky_r + haze * far_r)),
        min(255, int(bright * g + mirrored * sky_g + haze * far_g)),
        min(255, int(bright * b + mirrored * sky_b + haze * far_b)),
    )


def painting_order(things: Sequence[Thing]) -> list[int]:
    """Return the positions of things from back to front, seen from the pole at x = y = 0.

    If a line along a side of one of two footprints separates them, the one on the camera's side covers the other
    (separating planes in the painter's algorithm); otherwise the nearer covers the farther.

    Example:
        >>> near, far = Thing((), 0, 5, 0, (2, 4, 1)), Thing((), 0, 15, 0, (2, 4, 1))
        >>> painting_order([near, far])
        [1, 0]
    """
    if not things:
        return []
    covers = _covers(things)
    distance = np.array([math.hypot(t.x, t.y) for t in things])
    waiting, order = np.ones(len(things), bool), []
    for _ in things:
        ready = waiting & ~covers[:, waiting].any(axis=1)
        pool = np.flatnonzero(ready if ready.any() else waiting)
        chosen = int(pool[np.argmax(distance[pool])])
        waiting[chosen] = False
        order.append(chosen)
    return order


def _covers(things: Sequence[Thing]) -> np.ndarray:
    """Return (N, N) bool: whether thing i covers thing j and must be painted after it."""
    middle = np.array([(t.x, t.y) for t in things])
    heading = np.array([t.heading for t in things])
    half = np.array([t.size_m[:2] for t in things]) / 2
    right, ahead = (np.cos(heading), -np.sin(heading)), (np.sin(heading), np.cos(heading))
    axes = np.stack([*right, *ahead], -1).reshape(-1, 2, 2)  # thing, axis, xy
    corners = np.stack([t.corners() for t in things])
    camera = -np.einsum("ix,iax->ia", middle, axes)
    reach = np.einsum("jcx,iax->ijac", corners, axes) + camera[:, None, :, None]
    slack, edge = 0.05, half[:, None, :]
    above, below = reach.min(-1) >= edge - slack, reach.max(-1) <= -edge + slack
    camera_above, camera_below = (camera >= half)[:, None, :], (camera <= -half)[:, None, :]
    i_before_j = ((above & ~camera_above) | (below & ~camera_below)).any(-1)
    j_before_i = ((above & camera_above) | (below & camera_below)).any(-1)
    first, second = i_before_j | j_before_i.T, j_before_i | i_before_j.T
    covers = first & ~second
    np.fill_diagonal(covers, False)
    return covers


def hull(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the convex hull of points, by Andrew's monotone chain.

    Example:
        >>> hull([(0, 0), (2, 0), (1, 1), (2, 2), (0, 2)])
        [(0, 0), (2, 0), (2, 2), (0, 2)]
    """
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered

    def chain(run: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for p in run:
            while len(kept) > 1 and (
                (kept[-1][0] - kept[-2][0]) * (p[1] - kept[-2][1])
                <= (kept[-1][1] - kept[-2][1]) * (p[0] - kept[-2][0])
            ):
                kept.pop()
            kept.append(p)
        return kept[:-1]

    return chain(ordered) + chain(ordered[::-1])


def draw_ids(drawn: Drawn, size_wh: tuple[int, int]) -> np.ndarray:
    """Return the visible id per pixel, (H, W) uint8; later (id, patches) cover earlier ones."""
    ids = Image.new("L", size_wh)
    draw = ImageDraw.Draw(ids)
    for number, thing_patches in drawn:
        for patch in thing_patches:
            draw.polygon(patch.outline, fill=number)
    return np.asarray(ids)


def draw_things(ground: Image.Image, drawn: Drawn) -> tuple[Image.Image, np.ndarray, np.ndarray]:
    """Draw all things on the ground, in one pass for colors, ids and lamps.

    Returns:
        The RGB canvas; ids (H, W) uint8 as from draw_ids; lamps (H, W) uint8: 1 + position in SHINING, or 0.
    """
    canvas = ground.convert("RGBA")
    canvas.putalpha(0)
    draw = ImageDraw.Draw(canvas)
    lamp = {finish: LAMP_STEP * k for k, finish in enumerate(SHINING, 1)}
    for number, thing_patches in drawn:
        for patch in thing_patches:
            # Alpha holds the id and lamp of a patch; ImageDraw writes it without blending.
            draw.polygon(patch.outline, fill=(*patch.color, number + lamp.get(patch.finish, 0)))
    marks = np.asarray(canvas.getchannel("A"))
    return canvas.convert("RGB"), marks % LAMP_STEP, marks // LAMP_STEP
