"""Counting lines with named sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BOTH, FORWARD, BACK = "both", "forward", "back"


@dataclass(frozen=True)
class Line:
    """A line to count at: segments with two named sides.

    Walking along the points, the side `from` is on the left hand and `to` on the right: of a line drawn from left
    to right, `from` is above. Movement from `from` to `to` is "forward".
    """

    name: str
    points: tuple[tuple[float, float], ...]  # x, y, 0..1 of the width and height of the image
    sides: tuple[str, str] = ("from", "to")
    direction: str = BOTH  # that counts: "both", "forward" or "back"

    def scale(self, image_hw: tuple[int, int]) -> np.ndarray:
        """Return the points (N, 2) in pixels of an image."""
        return np.array(self.points, float) * [image_hw[1], image_hw[0]]

    def to_json(self) -> dict[str, object]:
        """Return the line as a scene file has it."""
        points = [list(point) for point in self.points]
        sides = dict(zip(("from", "to"), self.sides, strict=True))
        return {"name": self.name, "points": points, **sides, "direction": self.direction}


def measure_sides(centers: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the distance (M,) of points (M, 2) from the line through the nearest segment, positive on its right hand.

    Example:
        >>> line = np.array([[0.0, 10.0], [100.0, 10.0]])  # y grows downwards
        >>> measure_sides(np.array([[50.0, 14.0], [150.0, 4.0]]), line).tolist()
        [4.0, -6.0]
    """
    starts, (along_x, along_y) = points[:-1], np.diff(points, axis=0).T
    square = along_x**2 + along_y**2
    x, y = centers[:, :1] - starts[:, 0], centers[:, 1:] - starts[:, 1]
    across = (along_x * y - along_y * x) / np.sqrt(square)
    if len(starts) == 1:
        return across[:, 0]
    share = np.clip((x * along_x + y * along_y) / square, 0, 1)
    distance = np.hypot(x - share * along_x, y - share * along_y)
    nearest = distance <= distance.min(axis=1, keepdims=True) + 1e-9  # two at a corner: the one that is faced
    return across[np.arange(len(across)), np.where(nearest, np.abs(across), -1).argmax(axis=1)]


def measure_side(point: np.ndarray, points: np.ndarray) -> float:
    """Return the distance of a point as `measure_sides`.

    Example:
        >>> measure_side(np.array([50.0, 14.0]), np.array([[0.0, 10.0], [100.0, 10.0]]))
        4.0
    """
    return float(measure_sides(np.asarray(point, float)[None], points)[0])


def intersect(first: np.ndarray, second: np.ndarray, points: np.ndarray) -> float | None:
    """Return where the way between two points crosses the line, 0..1 of the way, None where it does not.

    Example:
        >>> line = np.array([[0.0, 10.0], [100.0, 10.0]])
        >>> intersect(np.array([5.0, 0.0]), np.array([5.0, 40.0]), line)
        0.25
        >>> intersect(np.array([105.0, 0.0]), np.array([105.0, 40.0]), line) is None
        True
    """
    way, starts, along = second - first, points[:-1], np.diff(points, axis=0)
    parallel = way[0] * along[:, 1] - way[1] * along[:, 0]
    offset = starts - first
    with np.errstate(divide="ignore", invalid="ignore"):
        on_way = (offset[:, 0] * along[:, 1] - offset[:, 1] * along[:, 0]) / parallel
        on_line = (offset[:, 0] * way[1] - offset[:, 1] * way[0]) / parallel
    hits = on_way[(on_way >= 0) & (on_way <= 1) & (on_line >= 0) & (on_line <= 1)]
    return float(hits.min()) if len(hits) else None
