"""The usual direction and pace of the traffic, by place in the image: learned from the tracks themselves."""

from __future__ import annotations

import numpy as np

from cityzoo.watch.measures.trails import Trails

CELLS_HW = (18, 24)  # of the image
LEAST_PACE = 0.25  # sizes per second of a track that shows the way
LEAST_COUNT = 8.0  # tracks in a cell and its neighbours before they say what is usual
LEAST_AGREEMENT = 0.9  # length of their mean direction, 0..1
LEARNED_SHARE = 0.4  # of the usual pace, below which a track says nothing about it
MOST_COUNT = 300.0  # tracks in a cell that are remembered
SLOW_SHARE = 0.25  # of the usual pace
SLOW_METRES, SLOW_PACE = 3.0, 0.25  # m/s; sizes per second where nothing is usual yet


class FlowField:
    """Learn directions and paces: each track counts once per cell that it passes.

    Example:
        >>> field = FlowField()
        >>> cells, east = np.zeros(20, int), np.tile([1.0, 0.0], (20, 1))
        >>> field.learn(cells, east, np.full(20, 2.0))
        >>> field.directions(cells[:1]).tolist(), field.paces(cells[:1]).round(3).tolist()
        ([[1.0, 0.0]], [2.0])
    """

    def __init__(self) -> None:
        self._sums = np.zeros((CELLS_HW[0] * CELLS_HW[1], 4))  # count, x, y, log pace
        self._mean = self._sums.copy()
        self._cells: dict[int, int] = {}
        self._clock = -1.0

    def update(self, trails: Trails) -> None:
        """Learn from the tracks of a frame; a second call with the same frame changes nothing."""
        if trails.clock == self._clock:
            return
        self._clock = trails.clock
        self.cells = locate(trails.centers / trails.scale)
        cells = self.cells.tolist()
        fresh = [self._cells.get(track.id) != cell for track, cell in zip(trails.tracks, cells, strict=True)]
        usual = np.nan_to_num(self.paces(self.cells))  # a jam is not usual, however long it lasts
        least = np.maximum(LEAST_PACE, LEARNED_SHARE * usual)
        moving = np.array(fresh, bool) & (np.nan_to_num(trails.pace) >= least)
        known = np.isfinite(trails.pace).tolist()
        self._cells = {
            track.id: cell if ready else -1
            for track, cell, ready in zip(trails.tracks, cells, known, strict=True)
        }
        if moving.any():
            self.learn(self.cells[moving], trails.velocity[moving], trails.pace[moving])

    def learn(self, cells: np.ndarray, velocities: np.ndarray, paces: np.ndarray) -> None:
        """Add motions: cells (N,), velocities (N, 2) of any length above 0, paces (N,)."""
        unit = velocities / np.maximum(np.linalg.norm(velocities, axis=1, keepdims=True), 1e-9)
        np.add.at(self._sums, cells, np.column_stack([np.ones(len(cells)), unit, np.log(paces)]))
        self._sums *= np.minimum(1.0, MOST_COUNT / np.maximum(self._sums[:, :1], 1.0))
        grid = np.pad(self._sums.reshape(*CELLS_HW, 4), ((1, 1), (1, 1), (0, 0)))
        rows = grid[:-2] + grid[1:-1] + grid[2:]
        near = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]).reshape(-1, 4)
        self._mean = np.column_stack([near[:, :1], near[:, 1:] / np.maximum(near[:, :1], 1)])

    def directions(self, cells: np.ndarray) -> np.ndarray:
        """Return the usual directions (N, 2) as unit vectors, 0 where there is none."""
        mean = self._mean[cells]
        length = np.linalg.norm(mean[:, 1:3], axis=1, keepdims=True)
        is_usual = (mean[:, :1] >= LEAST_COUNT) & (length >= LEAST_AGREEMENT)
        return np.where(is_usual, mean[:, 1:3] / np.maximum(length, 1e-9), 0.0)

    def paces(self, cells: np.ndarray) -> np.ndarray:
        """Return the usual paces (N,) in sizes per second, not a number where there is none."""
        mean = self._mean[cells]
        return np.where(mean[:, 0] >= LEAST_COUNT, np.exp(mean[:, 3]), np.nan)

    def slow(self, trails: Trails) -> np.ndarray:
        """Return which tracks (N,) are far slower than usual at their place; False while their speed is unknown."""
        usual = self.paces(self.cells)
        limit = np.where(np.isfinite(usual), SLOW_SHARE * usual, SLOW_PACE)
        with np.errstate(invalid="ignore"):
            on_ground = np.isfinite(trails.metres)
            return np.where(on_ground, trails.metres < SLOW_METRES, trails.pace < limit)


def locate(points: np.ndarray) -> np.ndarray:
    """Return the cells (N,) of points (N, 2), 0..1 of the image."""
    column = np.clip((points[:, 0] * CELLS_HW[1]).astype(int), 0, CELLS_HW[1] - 1)
    row = np.clip((points[:, 1] * CELLS_HW[0]).astype(int), 0, CELLS_HW[0] - 1)
    return row * CELLS_HW[1] + column
