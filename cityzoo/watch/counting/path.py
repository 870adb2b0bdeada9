"""Where a track has been, relative to one line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

RECENT_SECONDS = 1.0
SMOOTHING = 0.5  # weight of the newest step in the speed


@dataclass
class Path:
    """What the counter remembers of one track."""

    track: int
    point: np.ndarray  # center in pixels
    time: float
    side: int = 0  # where the track is settled, -1 or 1; 0: born in the dead band
    start: float = 0.0  # distance from the line at birth
    distance: float = 0.0  # now
    frames: int = 0  # in a row beyond the dead band on the other side
    is_strong: bool = False  # was detected with a high score there
    scores: deque[tuple[float, bool]] = field(default_factory=deque)  # lately: time, whether it was high
    crossing: tuple[float, np.ndarray] | None = None  # time and point of the last way over the line
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))  # pixels per second, smoothed
    length: float = 0.0  # longer side of the last box
    farthest: dict[int, float] = field(default_factory=dict)  # since a crossing towards each side
    is_joined: bool = False  # continues a track that was lost under another id

    def move(self, point: np.ndarray, time: float, length: float) -> None:
        """Go to the next point."""
        if time > self.time:
            step = (point - self.point) / (time - self.time)
            self.speed = step if not self.speed.any() else self.speed + SMOOTHING * (step - self.speed)
        self.point, self.time, self.length = point, time, length

    def note_score(self, time: float, is_high: bool) -> float:
        """Take a detection; return the share of high scores among those of the last second, 0..1."""
        self.scores.append((time, is_high))
        while self.scores[0][0] < time - RECENT_SECONDS:
            self.scores.popleft()
        return sum(high for _, high in self.scores) / len(self.scores)

    def continues_at(self, point: np.ndarray, time: float, length: float) -> bool:
        """Return whether a track born at a point is this one: ahead of it and within a box length of its way."""
        way = point - self.point
        expected = self.speed * (time - self.time)
        backwards = way @ self.speed < 0 and np.linalg.norm(way) > length / 4
        return not backwards and bool(np.linalg.norm(way - expected) <= max(length, self.length))
