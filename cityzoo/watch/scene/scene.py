"""What a person has marked in the image of a camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cityzoo.data.image.polygons import find_inside
from cityzoo.watch.scene.line import Line

PURPOSES = ("count", "dwell", "stopped", "forbidden", "privacy")


@dataclass(frozen=True)
class Zone:
    """A polygon."""

    name: str
    points: tuple[tuple[float, float], ...]  # x, y, 0..1 of the width and height of the image
    purpose: str = "count"  # one of PURPOSES
    dwell_seconds: float = 20.0  # after which an object dwells, or counts as stopped
    classes: tuple[str, ...] = ()  # none: all
    arrow: tuple[
        tuple[float, float], ...
    ] = ()  # two points, in the direction of its traffic; none: not stated

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Return which of the points (N, 2), 0..1, lie inside, as booleans (N,).

        Example:
            >>> Zone("lane", ((0, 0), (0.5, 0), (0.5, 1), (0, 1))).contains(np.array([[0.2, 0.3], [0.7, 0.3]])).tolist()
            [True, False]
        """
        return find_inside(points, self.points)


@dataclass(frozen=True)
class Flow:
    """A turning movement: from one line or zone to another."""

    name: str
    start: str
    end: str


@dataclass(frozen=True)
class Ground:
    """Four points of the road in the image, 0..1, and where they lie in metres.

    Example:
        >>> ground = Ground(((0, 0), (1, 0), (1, 1), (0, 1)), ((0, 0), (8, 0), (8, 20), (0, 20)))
        >>> ground.to_metres(np.array([[0.5, 0.5]])).round(6).tolist()
        [[4.0, 10.0]]
    """

    image: tuple[tuple[float, float], ...]
    metres: tuple[tuple[float, float], ...]

    @cached_property
    def homography(self) -> np.ndarray:
        """The projective map (3, 3) of image coordinates to metres."""
        rows = []
        for (x, y), (u, v) in zip(self.image, self.metres, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        solution = np.linalg.solve(np.array(rows, float), np.array(self.metres, float).ravel())
        return np.append(solution, 1.0).reshape(3, 3)

    def to_metres(self, points: np.ndarray) -> np.ndarray:
        """Return points (N, 2), 0..1 of the image, in metres on the road."""
        mapped = np.column_stack([points, np.ones(len(points))]) @ self.homography.T
        return mapped[:, :2] / mapped[:, 2:]

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Return which points (N, 2), 0..1 of the image, lie within the four corners: outside, nothing is known."""
        corners = np.array(self.image, float)
        edges = np.roll(corners, -1, axis=0) - corners
        offset = points[:, None] - corners
        turns = edges[:, 0] * offset[..., 1] - edges[:, 1] * offset[..., 0]
        return (turns >= 0).all(axis=1) | (turns <= 0).all(axis=1)


@dataclass(frozen=True)
class Scene:
    """Everything that is marked, in the order of the file."""

    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    flows: tuple[Flow, ...] = ()
    forbidden: tuple[tuple[str, str], ...] = ()  # line and direction that nobody may drive
    ground: Ground | None = None
    rules: tuple[str, ...] = ()  # of alarms
