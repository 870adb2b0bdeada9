"""A pinhole camera on a pole, which projects world meters to image pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Outline = list[tuple[float, float]]  # pixels

NEAR_M = 0.8  # anything closer to the lens is clipped


@dataclass(frozen=True)
class Camera:
    """Projection of world points (x right, y ahead, z up, meters; the pole is at x = y = 0) to pixels.

    Example:
        >>> camera = Camera(height_m=6, pitch=0, yaw=0, roll=0, focal_px=100, size_wh=(80, 60))
        >>> pixels, depth = camera.project(np.array([[1.0, 10.0, 6.0]]))
        >>> pixels.tolist(), depth.tolist()
        ([[50.0, 30.0]], [10.0])
    """

    height_m: float  # height of the lens above the road
    pitch: float  # radians, positive downwards
    yaw: float  # radians, positive to the right
    roll: float  # radians
    focal_px: float  # focal length in pixels
    size_wh: tuple[int, int]  # width and height of the image in pixels

    @cached_property
    def axes(self) -> np.ndarray:
        """Return the (3, 3) rows right, up, ahead of the lens in world coordinates."""
        sin_p, cos_p, sin_y, cos_y = (f(a) for a in (self.pitch, self.yaw) for f in (math.sin, math.cos))
        right = np.array([cos_y, -sin_y, 0.0])
        up = np.array([sin_y * sin_p, cos_y * sin_p, cos_p])
        ahead = np.array([sin_y * cos_p, cos_y * cos_p, -sin_p])
        cos_r, sin_r = math.cos(self.roll), math.sin(self.roll)
        return np.stack([cos_r * right + sin_r * up, cos_r * up - sin_r * right, ahead])

    def _lens(self, points: np.ndarray) -> np.ndarray:
        return points @ self.axes.T - self.height_m * self.axes[:, 2]

    def _pixels(self, lens: np.ndarray) -> np.ndarray:
        depth = np.where(np.abs(lens[:, 2]) < 1e-6, 1e-6, lens[:, 2])
        wide, high = self.size_wh
        x = wide / 2 + self.focal_px * lens[:, 0] / depth
        return np.column_stack([x, high / 2 - self.focal_px * lens[:, 1] / depth])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels (N, 2) and the depths in meters (N,) of the points (N, 3).

        Pixels of points with negative depth, behind the lens, are meaningless.
        """
        lens = self._lens(points)
        return self._pixels(lens), lens[:, 2]

    def project_ground(self, outlines_xy: Sequence[np.ndarray]) -> list[Outline]:
        """Return the pixels of ground outlines (N, 2), clipped at the near plane; [] if behind the lens."""
        if not outlines_xy:
            return []
        flat = np.concatenate(outlines_xy)
        lens = flat @ self.axes[:, :2].T - self.height_m * self.axes[:, 2]
        pixels, found, start = list(map(tuple, self._pixels(lens).tolist())), [], 0
        for count in map(len, outlines_xy):
            own = lens[start : start + count]
            whole = own[:, 2].min() >= NEAR_M
            found.append(pixels[start : start + count] if whole else self._cut(own))
            start += count
        return found

    def _cut(self, lens: np.ndarray) -> Outline:
        """Clip an outline at the near plane (Sutherland and Hodgman 1974, one plane)."""
        kept = []
        for here, there in zip(lens, np.roll(lens, -1, axis=0), strict=True):
            if here[2] >= NEAR_M:
                kept.append(here)
            if (here[2] >= NEAR_M) != (there[2] >= NEAR_M):
                kept.append(here + (there - here) * (NEAR_M - here[2]) / (there[2] - here[2]))
        return list(map(tuple, self._pixels(np.array(kept)).tolist())) if len(kept) > 2 else []

    def horizon_row(self) -> float:
        """Return the row of the horizon in the middle of the image."""
        return self.size_wh[1] / 2 - self.focal_px * math.tan(self.pitch)
