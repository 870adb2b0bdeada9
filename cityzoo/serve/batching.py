"""Dynamic batching: requests that wait together are computed together, in one thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo.runtime.base_model import pad
from cityzoo.serve.http_errors import HttpError

Arrays = Mapping[str, np.ndarray]
EXPIRED = "the request's time ran out before the model was free: send fewer at a time, or give it more time"


@dataclass
class _Waiting:
    feeds: Arrays
    done: asyncio.Future[dict[str, np.ndarray]]
    deadline: float  # in seconds of the event loop's clock
    begun: float = 0.0  # when its batch was, on the same clock

    @property
    def rows(self) -> int:
        return len(next(iter(self.feeds.values())))

    def kind(self, padded: Container[str]) -> Any:  # what can be in one batch
        return [(name, array.shape[1 + (name in padded) :]) for name, array in self.feeds.items()]


class Batcher:
    """A queue in front of a model.

    Args:
        run: computes one batch, called in a thread of `executor`; arrays by name in, arrays by name out.
        executor: with one thread.
        max_batch: most examples in a batch of several requests; a single request may have more.
        delay_seconds: how long a batch that is not full waits for another request.
        observe: called with the size of each batch.

    Attributes:
        padding: by input of any length the value that shorter examples of a batch are filled up with.
    """

    def __init__(
        self,
        run: Callable[[Arrays], dict[str, np.ndarray]],
        executor: Executor,
        max_batch: int,
        delay_seconds: float,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._run, self._executor, self._observe = run, executor, observe
        self._max_batch, self._delay = max_batch, delay_seconds
        self.padding: Mapping[str, int] = {}
        self._queue: asyncio.Queue[_Waiting] | None = None
        self._held: _Waiting | None = None
        self._worker: asyncio.Task[None] | None = None

    @property
    def length(self) -> int:
        """Return how many requests wait."""
        return (self._queue.qsize() if self._queue else 0) + (self._held is not None)

    async def submit(
        self, feeds: Arrays, deadline: float, seconds: dict[str, float] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the outputs for the examples of one request.

        Args:
            feeds: (rows, ...) by name.
            deadline: in seconds of the event loop's clock.
            seconds: how long it waited is added to its `queue`.

        Raises:
            HttpError: 504, the deadline passed while it waited.
        """
        loop = asyncio.get_running_loop()
        if self._queue is None or self._worker is None or self._worker.done():
            self._queue = self._queue or asyncio.Queue()
            self._worker = loop.create_task(self._work(self._queue))
        waiting = _Waiting(feeds, loop.create_future(), deadline)
        submitted = loop.time()
        self._queue.put_nowait(waiting)
        try:
            return await asyncio.wait_for(waiting.done, deadline - loop.time())
        except asyncio.TimeoutError:
            raise HttpError(504, EXPIRED) from None
        finally:
            if seconds is not None:
                seconds["queue"] = seconds.get("queue", 0.0) + (waiting.begun or loop.time()) - submitted

    def stop(self) -> None:
        """Stop the queue's task; nothing waits in it any more."""
        if self._worker and not self._worker.get_loop().is_closed():
            self._worker.get_loop().call_soon_threadsafe(self._worker.cancel)

    async def _work(self, queue: asyncio.Queue[_Waiting]) -> None:
        while True:
            batch = await self._collect(queue)
            now = asyncio.get_running_loop().time()
            batch = [each for each in batch if not each.done.done() and each.deadline > now]
            if batch:
                await self._compute(batch)

    async def _collect(self, queue: asyncio.Queue[_Waiting]) -> list[_Waiting]:
        first, self._held = self._held or await queue.get(), None
        if self._delay and queue.qsize() + 1 < self._max_batch:
            await asyncio.sleep(self._delay)
        batch, rows = [first], first.rows
        while rows < self._max_batch and queue.qsize():
            another = queue.get_nowait()
            if (
                another.kind(self.padding) != first.kind(self.padding)
                or rows + another.rows > self._max_batch
            ):
                self._held = another  # begins the next batch
                break
            batch.append(another)
            rows += another.rows
        return batch

    async def _compute(self, batch: list[_Waiting]) -> None:
        joined, lengths = _join([each.feeds for each in batch], self.padding)
        self._observe(sum(each.rows for each in batch))
        now = asyncio.get_running_loop().time()
        for each in batch:
            each.begun = now
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._executor, self._run, joined)
            parts = _split(found, [each.rows for each in batch], lengths)
            for each, outputs in zip(batch, parts, strict=True):
                if not each.done.done():
                    each.done.set_result(outputs)
        except Exception as error:  # noqa: BLE001 - of the runtime: each request gets it, the queue goes on
            for each in batch:
                if not each.done.done():
                    each.done.set_exception(error)


def _join(feeds: list[Arrays], padding: Mapping[str, int]) -> tuple[dict[str, np.ndarray], list[int]]:
    # One batch, and the length of each request where inputs are padded.
    name = next(iter(padding), None)
    lengths = [] if name is None else [each[name].shape[1] for each in feeds]
    joined = {}
    for name in feeds[0]:
        arrays = [each[name] for each in feeds]
        if name in padding:
            arrays = [pad(array, max(lengths), padding[name]) for array in arrays]
        joined[name] = np.concatenate(arrays)
    return joined, lengths


def _split(found: Arrays, sizes: list[int], lengths: list[int]) -> Iterator[dict[str, np.ndarray]]:
    ends = np.cumsum(sizes)
    for place, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        rows = {name: array[start:end] for name, array in found.items()}
        if lengths:  # outputs of each token are padded as well
            rows = {n: a[:, : lengths[place]] if a.ndim > 2 else a for n, a in rows.items()}
        yield rows
