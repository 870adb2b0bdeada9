"""Speed of streams of batches, measured in turns to spread the load of other processes evenly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter

LOG = logging.getLogger(__name__)
Stream = Callable[[], Iterator[int]]  # opens an endless stream of batch sizes


def images_per_second(stream: Stream, seconds: float) -> float:
    """Return the slope of the line through (time, images done), fitted by least squares.

    The first batch starts the clock. Batches made in parallel come in bursts; counting from first to last would
    give a slow contender the burst it happens to end with.
    """
    batches = stream()
    done, times = [next(batches)], [perf_counter()]
    while len(times) < 3 or times[-1] - times[0] < seconds:
        done.append(done[-1] + next(batches))
        times.append(perf_counter())
    batches.close()
    middle, average = sum(times) / len(times), sum(done) / len(done)
    along = sum((t - middle) * (n - average) for t, n in zip(times, done, strict=True))
    return along / sum((t - middle) ** 2 for t in times)


def measure(contenders: Mapping[str, Stream], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the speed of each contender in each round; they take turns."""
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for name, stream in contenders.items():
        LOG.info("warming up %s", name)
        images_per_second(stream, min(seconds, 1.0))
    for number in range(rounds):
        for name, stream in contenders.items():
            found[name].append(images_per_second(stream, seconds))
            LOG.info("round %d of %d: %s %.0f images/s", number + 1, rounds, name, found[name][-1])
    return found
