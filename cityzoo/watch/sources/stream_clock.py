"""Wall-clock times of a stream's frames, from their presentation times and their arrival."""

from __future__ import annotations

JUMP = 5.0  # seconds between arrival and time that are no delay of the network but a new origin of the times
DRIFT = 1e-4  # seconds per second by which the clock of a camera may be slow; crystals are within 100 ppm


class StreamClock:
    """Give frames the time of their capture: the least delayed frame says how presentation times relate to the clock.

    Times never go back. Presentation times start again with each connection: make a new clock.

    Example:
        >>> clock = StreamClock()
        >>> [round(clock.time(pts, arrival), 3) for pts, arrival in ((0.0, 100.0), (0.1, 100.3), (0.2, 100.2))]
        [100.0, 100.1, 100.2]
    """

    def __init__(self, not_before: float = 0.0) -> None:
        self._origin: float | None = None
        self._last, self._arrival = not_before, 0.0

    def time(self, pts_seconds: float | None, arrival: float) -> float:
        """Return the time of a frame, Unix seconds.

        Args:
            pts_seconds: presentation time; None: the stream has none for this frame.
            arrival: Unix seconds.
        """
        at = arrival
        if pts_seconds is not None:
            origin = arrival - pts_seconds
            if self._origin is None or abs(origin - self._origin) > JUMP:
                self._origin = origin
            else:
                slack = DRIFT * max(arrival - self._arrival, 0.0)
                self._origin = min(self._origin + slack, origin)
            at, self._arrival = self._origin + pts_seconds, arrival
        self._last = max(at, self._last + 0.001)
        return self._last
