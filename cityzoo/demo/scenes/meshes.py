"""Meshes of flat surfaces for vehicles, houses, poles and people, and random colors from weighted tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

Color = tuple[float, ...]  # red, green, blue, 0..255
Point = tuple[float, float, float]
Pair = tuple[float, float]  # a point of a plane, or from and to
Value = TypeVar("Value")

LOOSE = -2  # label of objects without lamps, but with a contact shadow


class Surface(NamedTuple):
    """One flat outline in the thing's frame, meters (right, ahead, up), counter-clockwise from outside.

    finish: "paint" and "matt" are lit, "glass" reflects some sky, "head", "tail", "lit" and "street" shine after
    dark, "leaf" ignores the direction of the sun.
    """

    points: tuple[Point, ...]
    color: Color
    finish: str


@dataclass(frozen=True)
class Thing:
    """One object of the world: its surfaces, position and size.

    parts: surfaces in drawing order, part by part from its rear to its front. heading: radians clockwise
    from +y. size_m: width, length, height. label: class of a vehicle, LOOSE for loose objects, else -1.
    """

    parts: tuple[tuple[Surface, ...], ...]
    x: float
    y: float
    heading: float
    size_m: Point
    label: int = -1

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Transform points (N, 3) from the thing's frame to world meters (N, 3).

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
        """Return the corners (4, 2) of the footprint in world meters, in circular order."""
        right, ahead = self.size_m[0] / 2, self.size_m[1] / 2
        box = np.array([[-right, -ahead, 0], [right, -ahead, 0], [right, ahead, 0], [-right, ahead, 0]])
        return self.to_world(box)[:, :2]


class Solid:
    """Builder of meshes; every method adds surfaces to the foremost part and returns the solid.

    Example:
        >>> len(Solid().box((0, 0), (2, 4), (0, 1), (200, 0, 0)).parts[0])
        6
    """

    def __init__(self) -> None:
        self.parts: list[list[Surface]] = [[]]

    def ahead(self) -> Solid:
        """Start a new part ahead of all previous ones."""
        self.parts.append([])
        return self

    def stand(self, x: float, y: float, heading: float, size_m: Point, label: int = -1) -> Thing:
        """Return the solid as a thing at a position in the world."""
        return Thing(tuple(map(tuple, self.parts)), x, y, heading, size_m, label)

    def add(self, points: Sequence[Point], color: Color, finish: str = "paint") -> Solid:
        """Add one surface."""
        self.parts[-1].append(Surface(tuple(points), color, finish))
        return self

    def prism(
        self,
        profile: Sequence[Pair],
        half_widths: Pair,
        color: Color,
        edges: dict[int, tuple[Color, str]] | None = None,
        finish: str = "paint",
        across: float = 0.0,
    ) -> Solid:
        """Add a convex side profile (ahead, up), counter-clockwise, extruded to both sides.

        half_widths: at the profile's lowest and highest point; edges: another color and finish for the face
        over the n-th edge; across: offset to the right in meters.
        """
        low, high = min(z for _, z in profile), max(z for _, z in profile)
        slope = (half_widths[1] - half_widths[0]) / max(high - low, 1e-6)
        right = [(across + half_widths[0] + slope * (z - low), ahead, z) for ahead, z in profile]
        left = [(across - half_widths[0] - slope * (z - low), ahead, z) for ahead, z in profile]
        for index in range(len(profile)):
            after = (index + 1) % len(profile)
            quad = (right[after], right[index], left[index], left[after])
            self.add(quad, *(edges or {}).get(index, (color, finish)))
        return self.add(right, color, finish).add(left[::-1], color, finish)

    def box(self, middle: Pair, size: Pair, rise: Pair, color: Color, finish: str = "paint") -> Solid:
        """Add an upright box: middle (right, ahead), size (width, length), rise (bottom, top)."""
        (across, ahead), (width, length), (low, high) = middle, size, rise
        profile = upright(ahead - length / 2, ahead + length / 2, low, high)
        return self.prism(profile, (width / 2, width / 2), color, finish=finish, across=across)

    def sides(
        self, outline: Sequence[Pair], color: Color, finish: str, half_width: float, slope: Pair = (0.0, 0.0)
    ) -> Solid:
        """Add an outline (ahead, up), counter-clockwise, on both sides; slope: (from height, m/m)."""
        reach = [half_width + slope[1] * (z - slope[0]) for _, z in outline]
        right = [(w, ahead, z) for w, (ahead, z) in zip(reach, outline, strict=True)]
        left = [(-w, ahead, z) for w, (ahead, z) in zip(reach, outline, strict=True)]
        return self.add(right, color, finish).add(left[::-1], color, finish)

    def end(self, ahead: float, span: Pair, rise: Pair, color: Color, finish: str) -> Solid:
        """Add an upright rectangle that faces ahead if ahead > 0, and back otherwise."""
        (left, right), (low, high) = span, rise
        quad = [(left, ahead, low), (right, ahead, low), (right, ahead, high), (left, ahead, high)]
        return self.add(quad[::-1] if ahead > 0 else quad, color, finish)

    def lamps(self, ahead: float, half_width: float, rise: Pair, width: float, finish: str) -> Solid:
        """Add two lamps at the corners of one end."""
        color = (245.0, 240.0, 220.0) if finish == "head" else (190.0, 20.0, 20.0)
        self.end(ahead, (-half_width, -half_width + width), rise, color, finish)
        return self.end(ahead, (half_width - width, half_width), rise, color, finish)

    def wheels(self, places: Sequence[float], radius: float, half_width: float) -> Solid:
        """Add wheels on both sides at each place (meters ahead)."""
        for ahead in places:
            self.sides(disc(ahead, radius, radius), (28.0, 28.0, 30.0), "matt", half_width + 0.01)
            self.sides(disc(ahead, radius, radius * 0.5), (120.0, 120.0, 124.0), "matt", half_width + 0.015)
        return self


def disc(ahead: float, up: float, radius: float, corners: int = 10) -> list[Pair]:
    """Return a regular polygon around (ahead, up), counter-clockwise.

    Example:
        >>> disc(0.0, 1.0, 1.0, corners=4)[0]
        (1.0, 1.0)
    """
    angles = [2 * math.pi * k / corners for k in range(corners)]
    return [(ahead + radius * math.cos(a), up + radius * math.sin(a)) for a in angles]


def upright(back: float, front: float, low: float, high: float) -> list[Pair]:
    """Return a rectangle (ahead, up), counter-clockwise.

    Example:
        >>> upright(0, 2, 0, 1)
        [(0, 0), (2, 0), (2, 1), (0, 1)]
    """
    return [(back, low), (front, low), (front, high), (back, high)]


def parse_colors(words: str) -> tuple[tuple[int, Color], ...]:
    """Return a table of (weight, color) from "weight #rrggbb, ...".

    Example:
        >>> parse_colors("5 #e8e8e6, 1 #0a0b0c")
        ((5, (232, 232, 230)), (1, (10, 11, 12)))
    """
    rows = (row.split(" #") for row in words.split(", "))
    return tuple((int(weight), tuple(bytes.fromhex(color))) for weight, color in rows)


DARK: Color = (30.0, 31.0, 34.0)


def pick(rng: np.random.Generator, table: Sequence[tuple[float, Value]]) -> Value:
    """Return a random value of a table of (weight, value).

    Example:
        >>> pick(np.random.default_rng(0), ((0.0, "never"), (1.0, "always")))
        'always'
    """
    mark = rng.random() * sum(weight for weight, _ in table)
    for weight, value in table:
        mark -= weight
        if mark < 0:
            return value
    return table[-1][1]


def paint(rng: np.random.Generator, table: Sequence[tuple[float, Color]]) -> Color:
    """Return a random color of a table, slightly varied."""
    brighter, tints = rng.uniform(-14, 14), rng.uniform(-4, 4, 3).tolist()
    return tuple(max(8.0, min(245.0, c + brighter + t)) for c, t in zip(pick(rng, table), tints, strict=True))
