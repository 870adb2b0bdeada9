"""The time of a search: what is left, and an interruption at its end that is the same as Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class OutOfTimeError(Exception):
    """Report that the minutes of the search are over, or that it was interrupted."""


@dataclass
class Budget:
    """The time of a search, and how many trials it may take."""

    seconds: float  # from `started` on
    trials: int | None = None  # in the whole study; None: any number
    started: float = field(default_factory=time.monotonic)
    reserve: float = 0.0  # seconds for the winner's report

    @property
    def spent(self) -> float:
        """Return the seconds so far."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Return the seconds that trials may still take."""
        return self.seconds - self.reserve - self.spent

    @contextmanager
    def interrupt_at_end(self) -> Iterator[None]:
        """Raise KeyboardInterrupt inside the block when nothing is left: a trial keeps its finished epochs then."""
        old = signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, max(self.left, 0.01))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
