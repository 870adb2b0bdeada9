"""Rate limits and quotas: token buckets of each caller and of each of his cameras."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

MOST_BUCKETS = 10_000  # callers and cameras that are remembered; the one not seen for longest is forgotten
BURST_SECONDS = 2.0
DAY = 86_400


@dataclass(frozen=True)
class Limits:
    """What a caller, and each of his cameras, may send; None is no limit.

    Attributes:
        requests_per_second: of the caller; twice as many may come at once.
        camera_requests_per_second: of each camera.
        megapixels_per_second: of the caller's images before they are resized.
        requests_per_day: of the caller, from midnight to midnight UTC.
    """

    requests_per_second: float | None = None
    camera_requests_per_second: float | None = None
    megapixels_per_second: float | None = None
    requests_per_day: int | None = None

    def combine(self, other: Limits) -> Limits:
        """Return these limits, with those of another in place of unset ones.

        Example:
            >>> both = Limits(requests_per_day=5).combine(Limits(1.0, requests_per_day=9))
            >>> both.requests_per_second, both.requests_per_day
            (1.0, 5)
        """
        own = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        return replace(other, **own)


@dataclass
class TokenBucket:
    """A bucket that is refilled steadily; what costs more than it holds passes when it is full, and empties it."""

    rate: float
    capacity: float
    level: float
    refilled: float

    def wait(self, cost: float, now: float) -> float:
        """Refill; return the seconds until a cost may be taken, 0 if at once."""
        self.level = min(self.capacity, self.level + max(0.0, now - self.refilled) * self.rate)
        self.refilled = now
        return max(0.0, min(cost, self.capacity) - self.level) / self.rate


class RateLimiter:
    """Count what callers send, in this process: a restart forgets the counts, several processes count apart."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, today: Callable[[], float] = time.time):
        self._clock, self._today = clock, today
        self._buckets: OrderedDict[tuple[str, ...], TokenBucket] = OrderedDict()
        self._days: OrderedDict[str, tuple[int, int]] = OrderedDict()  # caller: day, requests
        self._lock = threading.Lock()

    def take(
        self, name: str, camera: str | None, pixels: int, limits: Limits, requests: int = 1
    ) -> tuple[float, str]:
        """Take a request from all buckets of a caller, or from none.

        Args:
            name: of the caller.
            camera: of the request.
            pixels: of its images.
            limits: of the caller.
            requests: 0 for the pixels of one that was counted before it was decoded.

        Returns:
            Seconds until it may be sent again, 0 if it passes; and which limit stopped it.

        Example:
            >>> limiter = RateLimiter(clock=lambda: 0.0)
            >>> [limiter.take("a", None, 0, Limits(requests_per_second=1)) for _ in range(3)]
            [(0.0, ''), (0.0, ''), (1.0, 'requests per second')]
        """
        with self._lock:
            now, taken = self._clock(), []
            for kind, key, rate, cost in _costs(name, camera, pixels, limits, requests):
                bucket = self._bucket(key, rate, now)
                seconds = bucket.wait(cost, now)
                if seconds > 1e-9:
                    return seconds, kind
                taken.append((bucket, cost))
            quota = limits.requests_per_day if requests else None
            if quota is not None and (left := self._count(name, quota)):
                return left, "requests per day"
            for bucket, cost in taken:
                bucket.level -= cost
            return 0.0, ""

    def _bucket(self, key: tuple[str, ...], rate: float, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None or bucket.rate != rate:
            capacity = rate * BURST_SECONDS if key[0] == "pixels" else max(1.0, rate * BURST_SECONDS)
            bucket = self._buckets[key] = TokenBucket(rate, capacity, capacity, now)
        _remember(self._buckets, key)
        return bucket

    def _count(self, name: str, most: int) -> float:
        day, seconds = divmod(self._today(), DAY)
        counted_day, count = self._days.get(name, (-1, 0))
        count = count if counted_day == day else 0
        if count >= most:
            return math.ceil(DAY - seconds)
        self._days[name] = (int(day), count + 1)
        _remember(self._days, name)
        return 0.0


def _costs(
    name: str, camera: str | None, pixels: int, limits: Limits, requests: int
) -> list[tuple[str, tuple[str, ...], float, float]]:
    costs: list[tuple[str, tuple[str, ...], float | None, float]] = [
        ("requests per second", ("requests", name), limits.requests_per_second, requests),
        ("megapixels per second", ("pixels", name), limits.megapixels_per_second, pixels / 1e6),
    ]
    if camera is not None:
        rate = limits.camera_requests_per_second
        costs.append(("requests per second of a camera", ("camera", name, camera), rate, requests))
    return [(kind, key, rate, cost) for kind, key, rate, cost in costs if rate and cost]


def _remember(kept: OrderedDict, key: object) -> None:
    kept.move_to_end(key)
    if len(kept) > MOST_BUCKETS:
        kept.popitem(last=False)
