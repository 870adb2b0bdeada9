"""Things made of flat surfaces: what vehicles, houses, poles and people are built from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Colour = tuple[float, float, float]
Point = tuple[float, float, float]

LOOSE = -2  # label of what has no lamps, but a dark rim where it rests on the ground


class Surface(NamedTuple):
    """Hold one flat outline in the thing's own metres (right, ahead, up), counter-clockwise from outside.

    finish: "paint" and "matt" take the light, "glass" mirrors some sky, "head", "tail", "lit" and "street"
    shine after dark, "leaf" ignores the sun's side.
    """

    points: tuple[Point, ...]
    colour: Colour
    finish: str


@dataclass(frozen=True)
class Thing:
    """Hold one object of the world: its surfaces, where it stands, how much room it takes.

    parts: surfaces in drawing order, part by part from its rear to its front. heading: radians clockwise
    from +y. size_m: width, length, height. label: class of a vehicle, LOOSE for what lies about, else -1.
    """

    parts: tuple[tuple[Surface, ...], ...]
    x: float
    y: float
    heading: float
    size_m: tuple[float, float, float]
    label: int = -1

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Return the points (N, 3) of the thing's own frame in world metres (N, 3).

        Example:
            >>> turned = Thing((), 1.0, 2.0, math.pi / 2, (1, 1, 1))
            >>> turned.to_world(np.array([[0.0, 3.0, 1.0]])).round(6).tolist()
            [[4.0, 2.0, 1.0]]
        """
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        across, along = points[:, 0], points[:, 1]
        return np.column_stack(
            [self.x + cos * across + sin * along, self.y - sin * across + cos * along, points[:, 2]]
        )

    def corners(self) -> np.ndarray:
        """Return the footprint's corners (4, 2) in world metres, in order around it."""
        half_w, half_l = self.size_m[0] / 2, self.size_m[1] / 2
        box = np.array(
            [[-half_w, -half_l, 0], [half_w, -half_l, 0], [half_w, half_l, 0], [-half_w, half_l, 0]]
        )
        return self.to_world(box)[:, :2]


class Solid:
    """Collect surfaces; every method adds some to the foremost part and returns the solid itself.

    Example:
        >>> len(Solid().box((0, 0), (2, 4), (0, 1), (200, 0, 0)).parts[0])
        6
    """

    def __init__(self) -> None:
        """Begin with one empty part."""
        self.parts: list[list[Surface]] = [[]]

    def ahead(self) -> Solid:
        """Begin a new part, which lies ahead of all that was added before."""
        self.parts.append([])
        return self

    def stand(
        self, x: float, y: float, heading: float, size_m: tuple[float, float, float], label: int = -1
    ) -> Thing:
        """Return the solid as a thing of the world."""
        return Thing(tuple(map(tuple, self.parts)), x, y, heading, size_m, label)

    def add(self, points: Sequence[Point], colour: Colour, finish: str = "paint") -> Solid:
        """Add one surface."""
        self.parts[-1].append(Surface(tuple(points), colour, finish))
        return self

    def prism(
        self,
        profile: Sequence[tuple[float, float]],
        half_widths: tuple[float, float],
        colour: Colour,
        edges: dict[int, tuple[Colour, str]] | None = None,
        finish: str = "paint",
        across: float = 0.0,
    ) -> Solid:
        """Add a convex side profile (ahead, up), counter-clockwise, drawn out to both sides.

        half_widths: at the profile's lowest and highest point; edges: another colour and finish for the face
        over the n-th edge; across: metres that the middle lies to the right.
        """
        low, high = min(z for _, z in profile), max(z for _, z in profile)
        slope = (half_widths[1] - half_widths[0]) / max(high - low, 1e-6)
        right = [(across + half_widths[0] + slope * (z - low), ahead, z) for ahead, z in profile]
        left = [(across - half_widths[0] - slope * (z - low), ahead, z) for ahead, z in profile]
        for index in range(len(profile)):
            after = (index + 1) % len(profile)
            quad = (right[after], right[index], left[index], left[after])
            self.add(quad, *(edges or {}).get(index, (colour, finish)))
        return self.add(right, colour, finish).add(left[::-1], colour, finish)

    def box(
        self,
        middle: tuple[float, float],
        size: tuple[float, float],
        rise: tuple[float, float],
        colour: Colour,
        finish: str = "paint",
    ) -> Solid:
        """Add an upright box: middle (right, ahead), size (width, length), rise (bottom, top)."""
        (across, ahead), (width, length), (low, high) = middle, size, rise
        back, front = ahead - length / 2, ahead + length / 2
        return self.prism(
            upright(back, front, low, high), (width / 2, width / 2), colour, finish=finish, across=across
        )

    def sides(
        self,
        outline: Sequence[tuple[float, float]],
        colour: Colour,
        finish: str,
        half_width: float,
        slope: tuple[float, float] = (0.0, 0.0),
    ) -> Solid:
        """Add an outline (ahead, up), counter-clockwise, on both sides; slope: (from height, m/m)."""
        reach = [half_width + slope[1] * (z - slope[0]) for _, z in outline]
        right = [(w, ahead, z) for w, (ahead, z) in zip(reach, outline, strict=True)]
        left = [(-w, ahead, z) for w, (ahead, z) in zip(reach, outline, strict=True)]
        return self.add(right, colour, finish).add(left[::-1], colour, finish)

    def end(
        self, ahead: float, span: tuple[float, float], rise: tuple[float, float], colour: Colour, finish: str
    ) -> Solid:
        """Add an upright rectangle that looks ahead when it lies at ahead > 0, and back otherwise."""
        (left, right), (low, high) = span, rise
        quad = [(left, ahead, low), (right, ahead, low), (right, ahead, high), (left, ahead, high)]
        return self.add(quad[::-1] if ahead > 0 else quad, colour, finish)

    def lamps(
        self, ahead: float, half_width: float, rise: tuple[float, float], width: float, finish: str
    ) -> Solid:
        """Add a lamp at both corners of one end."""
        colour = (245.0, 240.0, 220.0) if finish == "head" else (190.0, 20.0, 20.0)
        self.end(ahead, (-half_width, -half_width + width), rise, colour, finish)
        return self.end(ahead, (half_width - width, half_width), rise, colour, finish)

    def wheels(self, places: Sequence[float], radius: float, half_width: float) -> Solid:
        """Add a wheel on both sides at every place (metres ahead)."""
        for ahead in places:
            self.sides(disc(ahead, radius, radius), (28.0, 28.0, 30.0), "matt", half_width + 0.01)
            self.sides(disc(ahead, radius, radius * 0.5), (120.0, 120.0, 124.0), "matt", half_width + 0.015)
        return self


def disc(ahead: float, up: float, radius: float, corners: int = 10) -> list[tuple[float, float]]:
    """Return a regular outline around (ahead, up), counter-clockwise.

    Example:
        >>> disc(0.0, 1.0, 1.0, corners=4)[0]
        (1.0, 1.0)
    """
    angles = [2 * math.pi * k / corners for k in range(corners)]
    return [(ahead + radius * math.cos(a), up + radius * math.sin(a)) for a in angles]


def upright(back: float, front: float, low: float, high: float) -> list[tuple[float, float]]:
    """Return a rectangle (ahead, up), counter-clockwise.

    Example:
        >>> upright(0, 2, 0, 1)
        [(0, 0), (2, 0), (2, 1), (0, 1)]
    """
    return [(back, low), (front, low), (front, high), (back, high)]
