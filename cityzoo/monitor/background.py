"""Work that no request waits for, one task after the other in a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

LOG = logging.getLogger(__name__)
WAITING = 256  # tasks
TICK_SECONDS = 1.0


class ByteBudget:
    """How much memory what waits may hold.

    Example:
        >>> budget = ByteBudget(10)
        >>> budget.take(6), budget.take(6), budget.give_back(6), budget.take(6)
        (True, False, None, True)
    """

    def __init__(self, most: int) -> None:
        self.most, self._held, self._lock = most, 0, threading.Lock()

    def take(self, size: int) -> bool:
        """Return whether there was room."""
        with self._lock:
            has_room = self._held + size <= self.most
            self._held += size if has_room else 0
        return has_room

    def give_back(self, size: int) -> None:
        """Make room again."""
        with self._lock:
            self._held -= size


class BackgroundWorker:
    """Run tasks in order, and another one every second.

    Example:
        >>> done = []
        >>> worker = BackgroundWorker(lambda now: None)
        >>> worker.put(lambda: done.append("measured"))
        True
        >>> worker.flush()
        >>> done
        ['measured']
        >>> worker.close()
    """

    def __init__(self, tick: Callable[[float], None]) -> None:
        """Start; `tick` gets the time in seconds since 1970."""
        self._tick = tick
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="monitor", daemon=True)
        self._thread.start()

    def put(self, task: Callable[[], None], waits: bool = False) -> bool:
        """Return whether there was room for a task; with `waits`, wait until there is."""
        try:
            self._waiting.put(task, block=waits)
        except queue.Full:
            return False
        return True

    def flush(self) -> None:
        """Wait until all tasks are done."""
        self._waiting.join()

    def close(self) -> None:
        """Stop after the tasks that are waiting."""
        self._waiting.put(None)
        self._thread.join(5)

    def _work(self) -> None:
        ticked, is_open = 0.0, True
        while is_open:
            if time.time() - ticked >= TICK_SECONDS:
                ticked = time.time()
                self._tick(ticked)
            try:
                task = self._waiting.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            is_open = task is not None
            try:
                if task:
                    task()
            except Exception:  # the thread must outlive whatever is reported
                LOG.exception("a task of the monitor failed")
            self._waiting.task_done()
