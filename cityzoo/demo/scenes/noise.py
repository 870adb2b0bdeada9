"""Smooth random fields, which shape smoke, flames and stains."""

from __future__ import annotations

import numpy as np

SIDE = 64  # of the lattice of random numbers, a power of two; the period of the field


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """Return 0 below low, 1 above high, and a smooth transition in between.

    Example:
        >>> smoothstep(0.0, 2.0, np.array([-1.0, 1.0, 3.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


class Noise:
    """Value noise on the plane."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.lattice = rng.uniform(-1, 1, (SIDE, SIDE)).astype(np.float32).ravel()

    def _one(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        left, low = np.floor(x), np.floor(y)
        part_x, part_y = (p * p * (3 - 2 * p) for p in (x - left, y - low))
        column, row = left.astype(np.int32) & (SIDE - 1), low.astype(np.int32) & (SIDE - 1)
        right, above = (column + 1) & (SIDE - 1), ((row + 1) & (SIDE - 1)) * SIDE
        row = row * SIDE
        lower = self.lattice[row + column] * (1 - part_x) + self.lattice[row + right] * part_x
        upper = self.lattice[above + column] * (1 - part_x) + self.lattice[above + right] * part_x
        return lower * (1 - part_y) + upper * part_y

    def sample(self, x: np.ndarray, y: np.ndarray, octaves: int = 4) -> np.ndarray:
        """Return the sum of octaves, each twice as fine and 0.55 times as strong, about -1..1, at places x, y.

        x, y: float arrays of one shape, in units of the coarsest lattice.
        """
        total, weight, weights = np.zeros_like(x), 1.0, 0.0
        for _ in range(octaves):
            total = total + weight * self._one(x, y)
            weights += weight
            weight *= 0.55
            # Each octave is rotated to hide the rows and columns of the lattice.
            x, y = 1.6 * x + 1.2 * y + 17.3, 1.6 * y - 1.2 * x + 5.9
        return 1.6 * total / weights
