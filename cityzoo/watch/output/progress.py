"""A line that shows how far a watch has come."""

from __future__ import annotations

import sys
import time


class Progress:
    """The line, on a terminal only.

    Args:
        seconds: of the stream, up to its end; None: without end.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds, self._started, self._shown = seconds, time.monotonic(), 0.0
        self.is_on = sys.stderr.isatty()

    def show(self, frames: int, seconds: float) -> None:
        """Show the frames so far and the time of the stream that they have reached, in seconds."""
        now = time.monotonic()
        if self.is_on and now - self._shown > 0.2:
            self._shown = now
            sys.stderr.write(f"\r{self.text(frames, seconds, now - self._started)}\x1b[K")

    def text(self, frames: int, seconds: float, passed: float) -> str:
        """Return the line.

        Example:
            >>> Progress(60.0).text(300, 15.0, 30.0)
            '[=======                       ] 0:15 of 1:00, 10.0 frames/s, 1:30 left'
        """
        rate = f"{frames / max(passed, 1e-3):.1f} frames/s"
        if not self.seconds:
            return f"{clock(seconds)}, {rate}"
        share = min(seconds / self.seconds, 1.0)
        left = clock(passed * (1 - share) / share) if share else "?"
        return f"[{'=' * int(30 * share):<30}] {clock(seconds)} of {clock(self.seconds)}, {rate}, {left} left"

    def end(self) -> None:
        """Remove the line."""
        if self.is_on:
            sys.stderr.write("\r\x1b[K")


def clock(seconds: float) -> str:
    """Return a time span in hours, minutes and seconds.

    Example:
        >>> clock(75.2), clock(3675)
        ('1:15', '1:01:15')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
