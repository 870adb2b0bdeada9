"""A sink of events that never blocks the watch: a bounded queue, retries with back-off, losses that are counted."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cityzoo.errors import escape_control
from cityzoo.watch.sources.health import iso_time

LOG = logging.getLogger(__name__)
Event = Mapping[str, Any]
Report = Callable[[dict[str, Any]], None]
WAITING = 1000  # events; beyond that the oldest are lost
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds until the next attempt; twice as long after each
AGAIN = 60.0  # seconds between two reports of losses while a receiver is away
PATIENCE = 3600.0  # seconds that an event is worth sending


class Sink(Protocol):
    """Takes events."""

    def send(self, event: Event) -> None:
        """Take an event; faults of the network are no errors."""

    def close(self, seconds: float) -> None:
        """Send what waits for at most this time."""

    def summary(self) -> dict[str, Any]:
        """Return what was sent and lost."""


class Rejected(Exception):
    """The receiver does not want the event: another attempt is useless."""


class QueuedSink(ABC):
    """Deliver events in a thread, in order.

    Args:
        name: for messages, without passwords.
        report: gets a health event when deliveries begin to fail, work again, and when events were lost.
        waiting: most events that wait.

    Attributes:
        sent: events that were delivered.
        lost: that were not.
    """

    at_once = 1  # most events of a delivery

    def __init__(self, name: str, report: Report = lambda event: None, waiting: int = WAITING) -> None:
        self.name, self.report = name, report
        self.sent = self.lost = 0
        self._queue: deque[tuple[float, Event]] = deque()
        self._most, self._is_busy, self._is_closed = waiting, False, False
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._failures, self._lost_before, self._told = 0, 0, 0.0
        self._thread = threading.Thread(target=self._work, name=f"sink {name}", daemon=True)
        self._thread.start()

    @abstractmethod
    def deliver(self, events: list[Event]) -> None:
        """Deliver up to `at_once` events.

        Raises:
            OSError: worth another attempt.
            Rejected: not worth one.
        """

    def accepts(self, event: Event) -> bool:
        """Return whether an event is for this sink."""
        return True

    def seconds_to_wait(self) -> float:
        """Return the time until the next delivery is allowed."""
        return 0.0

    def send(self, event: Event) -> None:
        """Take an event; the oldest one that waits is lost when there are too many."""
        if not self.accepts(event):
            return
        with self._changed:
            if self._is_closed or len(self._queue) >= self._most:
                self.lost += 1
                if self._is_closed:
                    return
                self._queue.popleft()
            self._queue.append((time.monotonic(), event))
            self._changed.notify_all()

    def close(self, seconds: float = 5.0) -> None:
        """Deliver what waits for at most this time; the rest is lost."""
        end = time.monotonic() + seconds
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            while (self._queue or self._is_busy) and time.monotonic() < end:
                self._changed.wait(max(end - time.monotonic(), 0.01))
            self.lost += len(self._queue)
            self._queue.clear()
        self._stop.set()
        self._thread.join(1.0)
        if self.lost > self._lost_before:
            self._tell("lost", "events were not delivered")

    def summary(self) -> dict[str, Any]:
        """Return what was sent and lost."""
        return {"sink": self.name, "sent": self.sent, "lost": self.lost}

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._is_closed:
                    self._changed.wait()
                if not self._queue:
                    return
            if not self._is_closed and self._stop.wait(min(self.seconds_to_wait(), 0.5)):
                return
            if self._is_closed or self.seconds_to_wait() <= 0:
                self._deliver_next()

    def _deliver_next(self) -> None:
        with self._changed:
            batch = [self._queue.popleft() for _ in range(min(self.at_once, len(self._queue)))]
            self._is_busy = bool(batch)
        again: list[tuple[float, Event]] = []
        try:
            self.deliver([event for _, event in batch])
            self._succeed(len(batch))
        except Rejected as error:
            self._lose(len(batch), str(error))
        except OSError as error:
            fresh = [item for item in batch if time.monotonic() - item[0] < PATIENCE]
            self._lose(len(batch) - len(fresh), "")
            self._fail(str(error))
            again = fresh
        except Exception as error:  # the thread must outlive whatever a receiver answers
            LOG.exception("%s failed", self.name)
            self._lose(len(batch), repr(error))
        with self._changed:
            self._queue.extendleft(reversed(again))
            self._is_busy = False
            self._changed.notify_all()
        if again:
            self._stop.wait(min(FIRST_WAIT * 2 ** (self._failures - 1), LONGEST_WAIT))

    def _succeed(self, count: int) -> None:
        self.sent += count
        if self._failures or self.lost > self._lost_before:
            self._tell("delivers again" if self._failures else "lost", "")
        self._failures = 0

    def _fail(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            self._tell("fails", reason)
        elif self.lost > self._lost_before and time.monotonic() - self._told >= AGAIN:
            self._tell("lost", reason)

    def _lose(self, count: int, reason: str) -> None:
        self.lost += count
        if count and reason:
            self._tell("lost", reason)

    def _tell(self, what: str, detail: str) -> None:
        event = {
            "type": "sink",
            "sink": self.name,
            "time": iso_time(time.time()),
            "what": what,
            "lost": self.lost,
        }
        self._lost_before, self._told = self.lost, time.monotonic()
        text = escape_control(" ".join(detail.split())[:300])
        try:
            self.report({**event, "detail": text} if text else event)
        except Exception:  # of whoever listens
            LOG.exception("health of %s was not written", self.name)
