"""A frame of a camera with its time, and the thinning of frames to a wanted rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """A frame.

    Attributes:
        camera: name of the camera.
        index: number of the frame in its source, from 0; dropped frames count.
        time: of its capture, Unix seconds.
        stream_seconds: since the first frame of its source, by the presentation times of the stream.
        image: (H, W, 3) uint8 RGB.
    """

    camera: str
    index: int
    time: float
    stream_seconds: float
    image: np.ndarray


class Thinner:
    """Choose the frames that keep at most a wanted rate, by their times: the rate of a source may vary.

    Args:
        fps: most frames per second; None: all.

    Example:
        >>> thinner = Thinner(2.0)
        >>> [seconds for seconds in (0.0, 0.25, 0.5, 0.75, 3.0, 3.1, 3.5) if thinner.is_due(seconds)]
        [0.0, 0.5, 3.0, 3.5]
    """

    def __init__(self, fps: float | None = None) -> None:
        self.step = 1 / fps if fps else 0.0
        self._next = float("-inf")

    def is_due(self, seconds: float) -> bool:
        """Return whether the frame of this time is kept.

        Args:
            seconds: of the stream; never less than at the last call.
        """
        if seconds < self._next - self.step * 0.01:  # times are rounded to milliseconds
            return False
        # On a grid, so that 12.5 frames per second thinned to 5 become 5, not 4.2; a gap starts a new one.
        self._next = (seconds if seconds - self._next > self.step else self._next) + self.step
        return True
