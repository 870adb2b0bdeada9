"""Kalman filter of many boxes at once, with the real time between frames."""

from __future__ import annotations

import numpy as np

# Standard deviations in box sizes (square root of the area). ByteTrack states them per frame of 1/30 s; here they
# are per second, so that dropped frames widen the uncertainty as much as the time that passed.
MEASUREMENT = 1 / 20  # of a detected coordinate
DRIFT = 30**0.5 / 20  # of a coordinate after 1 s, besides its speed
ACCELERATION = 1.0  # of the speed after 1 s, in sizes per second
FIRST_SPEED = 4.0  # of the unknown speed of a new track, in sizes per second


class BoxMotion:
    """Estimate center, width, height and their speeds of N boxes by a constant-velocity Kalman filter.

    The noise of the four coordinates is independent, so that the filter of 8 states is four filters of two
    states, which are written out: position variance, speed variance and their covariance, each of shape (N, 4).
    Process noise is integrated over the step: two steps of 0.1 s equal one of 0.2 s.

    Bewley et al., "Simple Online and Realtime Tracking", ICIP 2016, https://arxiv.org/abs/1602.00763.

    Example:
        >>> motion = BoxMotion()
        >>> motion.append(np.array([[0.0, 0.0, 10.0, 10.0]]))
        >>> for time in range(1, 6):
        ...     motion.predict(1.0)
        ...     motion.correct(np.array([0]), np.array([[5.0 * time, 0.0, 5.0 * time + 10, 10.0]]))
        >>> motion.predict(1.0)
        >>> motion.boxes.round().tolist()
        [[30.0, 0.0, 40.0, 10.0]]
    """

    def __init__(self) -> None:
        self.position = np.zeros((0, 4))  # center x, center y, width, height in pixels
        self.speed = np.zeros((0, 4))  # pixels per second
        self.variance = np.zeros((3, 0, 4))  # of the position, of position and speed, of the speed

    @property
    def boxes(self) -> np.ndarray:
        """Boxes (N, 4) as x1, y1, x2, y2 in pixels."""
        half = np.maximum(self.position[:, 2:], 1e-3) / 2
        return np.concatenate([self.position[:, :2] - half, self.position[:, :2] + half], axis=1)

    def append(self, boxes: np.ndarray) -> None:
        """Start a motion at rest, of unknown speed, for each of the boxes (M, 4)."""
        position = _measure(boxes)
        size = _sizes(position)
        known = (2 * MEASUREMENT * size) ** 2 + np.zeros_like(position)
        unknown = (FIRST_SPEED * size) ** 2 + np.zeros_like(position)
        self.position = np.concatenate([self.position, position])
        self.speed = np.concatenate([self.speed, np.zeros_like(position)])
        self.variance = np.concatenate([self.variance, [known, np.zeros_like(known), unknown]], axis=1)

    def keep(self, rows: np.ndarray) -> None:
        """Keep the motions of a boolean mask (N,), in order."""
        self.position, self.speed = self.position[rows], self.speed[rows]
        self.variance = self.variance[:, rows]

    def predict(self, seconds: float) -> None:
        """Move every box by its speed over the time that passed."""
        square = _sizes(self.position) ** 2
        place, both, speed = self.variance
        sway = ACCELERATION**2 * square * seconds
        self.position = self.position + self.speed * seconds
        self.position[:, 2:] = np.maximum(self.position[:, 2:], 1e-3)
        place = place + 2 * seconds * both + seconds**2 * (speed + sway / 3) + DRIFT**2 * square * seconds
        self.variance = np.stack([place, both + seconds * (speed + sway / 2), speed + sway])

    def correct(self, rows: np.ndarray, boxes: np.ndarray) -> None:
        """Correct the motions of `rows` (M,) by detected boxes (M, 4)."""
        measured = _measure(boxes)
        place, both, speed = self.variance[:, rows]
        total = place + (MEASUREMENT * _sizes(measured)) ** 2
        error = measured - self.position[rows]
        gain, speed_gain = place / total, both / total
        self.position[rows] += gain * error
        self.speed[rows] += speed_gain * error
        self.variance[:, rows] = [(1 - gain) * place, (1 - gain) * both, speed - speed_gain * both]


def _measure(boxes: np.ndarray) -> np.ndarray:
    corners = np.asarray(boxes, float).reshape(-1, 4)
    return np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)


def _sizes(position: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(position[:, 2:3] * position[:, 3:4], 1.0))
