"""Run a stage of a pipeline in its own thread, ahead of the next one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """Yield the items of an iterable that a thread takes from it; its errors are raised here.

    Decoders and runtimes of networks release the interpreter's lock: while one stage computes, the other does too.

    Args:
        items: closed early if they are a generator and the consumer stops.
        depth: most items that wait.

    Example:
        >>> list(read_ahead(range(4)))
        [0, 1, 2, 3]
    """
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, waiting, stopped), name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            is_item, value = waiting.get()
            if not is_item:
                break
            yield value
    finally:
        stopped.set()
        thread.join()
    if value is not None:
        raise value


def _fill(items: Iterable, waiting: queue.Queue[tuple[bool, Any]], stopped: threading.Event) -> None:
    """Put (True, item) for each, then (False, the error or None), until stopped."""

    def put(is_item: bool, value: Any) -> None:
        while not stopped.is_set():
            try:
                return waiting.put((is_item, value), timeout=0.1)
            except queue.Full:
                continue

    try:
        for item in items:
            put(True, item)
            if stopped.is_set():
                return
        put(False, None)
    except BaseException as error:  # noqa: BLE001 - raised again in the thread of the consumer
        put(False, error)
