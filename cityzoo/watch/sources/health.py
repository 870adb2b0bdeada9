"""What happens to a source: connections, losses, gaps in its time, dropped frames, as events."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from datetime import datetime, timezone
from typing import Any

SHORTEST_GAP = 2.0  # seconds
GAP_INTERVALS = 5  # of the median interval of frames
REMEMBERED = 1000  # events that nobody took


class Health:
    """The events of a source, and what it has counted; safe to use from several threads.

    Args:
        camera: name of the camera.

    Attributes:
        frames: that arrived.
        dropped: of them, those that were replaced by a newer one before they were taken.
        connections: that were made.
        gaps: times without a frame.
        gap_seconds: their sum.
    """

    def __init__(self, camera: str) -> None:
        self.camera = camera
        self.frames = self.dropped = self.connections = self.gaps = 0
        self.gap_seconds = 0.0
        self._lock = threading.Lock()
        self._events: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)

    def report(self, kind: str, at: float | None = None, detail: str = "", **figures: Any) -> None:
        """Add an event.

        Args:
            kind: "connected", "lost", "gap", "dropped" or "ended".
            at: Unix seconds; None: now.
            detail: the cause, in words.
            figures: more entries of the event.
        """
        at = time.time() if at is None else at
        event = {"type": "source", "camera": self.camera, "time": iso_time(at), "what": kind, **figures}
        with self._lock:
            self._events.append({**event, "detail": detail} if detail else event)

    def report_gap(self, start: float, end: float) -> None:
        """Add a time in which nothing was observed: Unix seconds of the frames before and after it."""
        with self._lock:
            self.gaps += 1
            self.gap_seconds += end - start
        span = {"from": iso_time(start), "to": iso_time(end), "seconds": round(end - start, 3)}
        self.report("gap", end, "not observed", **span)

    def take_events(self) -> list[dict[str, Any]]:
        """Return the events since the last call, oldest first."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
        return events

    def summary(self) -> dict[str, Any]:
        """Return the counts of the whole time."""
        names = ("frames", "dropped", "connections", "gaps")
        return {name: getattr(self, name) for name in names} | {"gap_seconds": round(self.gap_seconds, 3)}


class GapFinder:
    """Find gaps between the times of frames: far longer than the usual interval.

    Example:
        >>> finder = GapFinder()
        >>> [finder.gap(seconds) for seconds in (0.0, 0.1, 0.2, 5.0, 5.1)]
        [None, None, None, (0.2, 5.0), None]
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._intervals: deque[float] = deque(maxlen=30)

    def gap(self, seconds: float) -> tuple[float, float] | None:
        """Return the times before and after a gap that ends with the frame of this time, or None."""
        last, self._last = self._last, seconds
        if last is None:
            return None
        usual = statistics.median(self._intervals) if self._intervals else 0.0
        self._intervals.append(seconds - last)
        return (last, seconds) if seconds - last > max(SHORTEST_GAP, GAP_INTERVALS * usual) else None


def iso_time(seconds: float) -> str:
    """Return Unix seconds in ISO 8601, UTC, to milliseconds.

    Example:
        >>> iso_time(1.5)
        '1970-01-01T00:00:01.500+00:00'
    """
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
