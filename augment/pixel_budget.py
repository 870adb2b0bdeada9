"""A bound on the pixels that threads hold decoded at a time: three images of 177 megapixels would take gigabytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIXELS = 100_000_000  # decoded at a time, by all threads; up to 8 bytes each while formats are converted


class PixelBudget:
    """Pixels that may be decoded at a time; an image that exceeds them alone waits until it is the only one.

    Example:
        >>> budget = PixelBudget(100)
        >>> with budget.hold(60), budget.hold(30):
        ...     budget.free
        10
        >>> budget.free
        100
    """

    def __init__(self, pixels: int = PIXELS) -> None:
        """Start with all of them free."""
        self.pixels = self.free = pixels
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until so many pixels are free and take them; a thread must not hold them twice."""
        pixels = min(pixels, self.pixels)
        with self._changed:
            self._changed.wait_for(lambda: self.free >= pixels)
            self.free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self.free += pixels
                self._changed.notify_all()
