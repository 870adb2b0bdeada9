"""Polygons that a person has marked in an image: checks of their points, and what lies in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cityzoo.errors import InputError

Points = tuple[tuple[float, float], ...]


def parse_points(value: Any, where: str, size: tuple[float, float], least: int) -> Points:
    """Return points as 0..1 of the image.

    Args:
        value: a list of [x, y].
        where: what they belong to, for the messages.
        size: width and height that the coordinates refer to; 1, 1 for relative ones.
        least: number of points needed.

    Raises:
        InputError: no points, too few, outside the image, or one twice in a row.
    """
    points = parse_pairs(value, where)
    if len(points) < least:
        raise InputError(
            f"{where} has {len(points)} points: expected at least {least}, as [[x, y], [x, y], ...]"
        )
    scaled = tuple((x / size[0], y / size[1]) for x, y in points)
    for (x, y), shown in zip(scaled, points, strict=True):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            unit = "0..1" if size == (1, 1) else f"0..{size[0]:g} and 0..{size[1]:g}"
            hint = (
                "; for pixels, give 'reference: [width, height]'" if size == (1, 1) and max(shown) > 2 else ""
            )
            raise InputError(
                f"{where}: point [{shown[0]:g}, {shown[1]:g}] is outside the image: expected x and y in {unit}{hint}"
            )
    if any(here == there for here, there in zip(scaled[:-1], scaled[1:], strict=True)):
        raise InputError(f"{where} has the same point twice in a row: remove one")
    return scaled


def parse_pairs(value: Any, where: str) -> Points:
    """Return a list of [x, y] as pairs of numbers, or raise InputError."""
    try:
        points = tuple((float(x), float(y)) for x, y in value)
    except (TypeError, ValueError):
        raise InputError(
            f"{where}: points {str(value)[:60]!r} are not pairs of numbers: write [[x, y], [x, y], ...]"
        ) from None
    if not np.isfinite(np.array(points)).all():
        raise InputError(f"{where}: points {str(value)[:60]!r} are not finite numbers")
    return points


def check_polygon(points: Points, where: str) -> None:
    """Refuse a polygon whose edges cross, or that has no area, with InputError."""
    count = len(points)
    for first in range(count):
        for second in range(first + 2, count - (first == 0)):
            edges = [points[first], points[(first + 1) % count], points[second], points[(second + 1) % count]]
            if _cross(*edges):
                raise InputError(
                    f"{where}: the edges after points {first + 1} and {second + 1} cross: "
                    "list the corners in the order in which you walk around it"
                )
    x, y = np.array(points).T
    if abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) < 1e-9:
        raise InputError(f"{where} has no area: its points lie on one line")


def find_inside(points: np.ndarray, polygon: Points) -> np.ndarray:
    """Return which points (N, 2) lie in a polygon, (N,) bool, both in the same unit.

    Example:
        >>> find_inside(np.array([[0.2, 0.3], [0.7, 0.3]]), ((0, 0), (0.5, 0), (0.5, 1), (0, 1))).tolist()
        [True, False]
    """
    x, y = np.asarray(points, float).reshape(-1, 2).T[..., None]
    here = np.array(polygon)
    there = np.roll(here, -1, axis=0)
    spans = (here[:, 1] > y) != (there[:, 1] > y)
    rise = np.where(here[:, 1] == there[:, 1], 1.0, there[:, 1] - here[:, 1])
    edge = here[:, 0] + (y - here[:, 1]) / rise * (there[:, 0] - here[:, 0])
    return (spans & (x < edge)).sum(axis=1) % 2 == 1


def check_quadrilateral(points: Points, where: str) -> None:
    """Refuse four points that are no convex quadrilateral, with InputError."""
    corners = np.array(points)
    edges = np.roll(corners, -1, axis=0) - corners
    following = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * following[:, 1] - edges[:, 1] * following[:, 0]
    scale = np.ptp(corners, axis=0).prod()
    if not ((turns > 1e-6 * scale).all() or (turns < -1e-6 * scale).all()):
        raise InputError(
            f"{where}: expected the corners of a convex quadrilateral in the order of walking around it"
        )


def _cross(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> bool:
    def turn(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0
