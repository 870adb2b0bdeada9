"""The usual direction and pace of the traffic, by place in the image: learned from the tracks themselves."""

from __future__ import annotations

import numpy as np

from cityzoo.watch.measures.trails import Trails

CELLS_HW = (18, 24)  # of the image
EVERY = 1.0  # second, after which what was learned is put to use
LEAST_PACE = 0.25  # sizes per second of a track that shows the way
LEAST_COUNT = 8.0  # tracks in a cell and its neighbours before they say what is usual
LEAST_AGREEMENT = 0.9  # length of their mean direction, 0..1
LEARNED_SHARE = 0.4  # of the usual pace, below which a track is not used
MOST_COUNT = 300.0  # tracks in a cell that are remembered
SLOW_SHARE = 0.25  # of the usual pace
SLOW_METRES, SLOW_PACE = 3.0, 0.25  # m/s; sizes per second where nothing is usual yet


class FlowField:
    """Learn directions and paces: each track counts once per cell that it passes.

    Attributes:
        cells: (N,) of the tracks of the frame.
        ways: (N, 2) usual directions there, 0 where there is none.
        slow: (N,) whether a track is far slower than usual there; False while its speed is unknown.

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
        self._next = 0.0  # clock, when what was learned is next put to use
        self.cells, self.ways, self.slow = np.zeros(0, int), np.zeros((0, 2)), np.zeros(0, bool)

    def update(self, trails: Trails) -> None:
        """Take the tracks of a frame and learn from them."""
        self.cells = locate(trails.centers / trails.scale)
        self.ways, usual = self.directions(self.cells), self.paces(self.cells)
        limit = np.where(np.isfinite(usual), SLOW_SHARE * usual, SLOW_PACE)
        least = np.fmax(LEAST_PACE, LEARNED_SHARE * usual)  # a jam is not usual, however long it lasts
        with np.errstate(invalid="ignore"):
            self.slow = np.where(np.isfinite(trails.metres), trails.metres < SLOW_METRES, trails.pace < limit)
            moving = trails.pace >= least
        cells, known = self.cells.tolist(), np.isfinite(trails.pace).tolist()
        old, self._cells = self._cells, {}
        for row, (track, cell) in enumerate(zip(trails.tracks, cells, strict=True)):
            moving[row] &= old.get(track.id) != cell
            self._cells[track.id] = cell if known[row] else -1
        if moving.any():
            self._add(self.cells[moving], trails.velocity[moving], trails.pace[moving])
        if trails.clock >= self._next:
            self._next = trails.clock + EVERY
            self._average()

    def learn(self, cells: np.ndarray, velocities: np.ndarray, paces: np.ndarray) -> None:
        """Learn motions: cells (N,), velocities (N, 2) of any length above 0, paces (N,)."""
        self._add(cells, velocities, paces)
        self._average()

    def _add(self, cells: np.ndarray, velocities: np.ndarray, paces: np.ndarray) -> None:
        unit = velocities / np.maximum(np.linalg.norm(velocities, axis=1, keepdims=True), 1e-9)
        np.add.at(self._sums, cells, np.column_stack([np.ones(len(cells)), unit, np.log(paces)]))

    def _average(self) -> None:
        """Average the motions over each cell and its neighbours."""
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


def locate(points: np.ndarray) -> np.ndarray:
    """Return the cells (N,) of points (N, 2), 0..1 of the image."""
    column = np.clip((points[:, 0] * CELLS_HW[1]).astype(int), 0, CELLS_HW[1] - 1)
    row = np.clip((points[:, 1] * CELLS_HW[0]).astype(int), 0, CELLS_HW[0] - 1)
    return row * CELLS_HW[1] + column
