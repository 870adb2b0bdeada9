"""Which vehicles stand on a line."""

from __future__ import annotations

import numpy as np

POINTS = 16  # per segment of the line that are looked at
GROUND_SHARE = 0.5  # of a box, its lower part, that covers the road


def covers_line(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return which boxes (N, 4) cover a line (M, 2) with their lower half, in the same coordinates.

    Example:
        >>> boxes = np.array([[0, 0, 10, 10], [0, 6, 10, 16.0]])
        >>> covers_line(boxes, np.array([[0, 7.0], [20, 7.0]])).tolist()
        [True, False]
    """
    shares = np.linspace(0, 1, POINTS)[:, None, None]
    line = (points[:-1] + shares * np.diff(points, axis=0)).reshape(-1, 2)
    x, y = line.T
    x1, y1, x2, y2 = boxes.T[..., None]
    top = y2 - GROUND_SHARE * (y2 - y1)
    return ((x >= x1) & (x <= x2) & (y >= top) & (y <= y2)).any(axis=1)
