"""Whether a canary or shadow breaks a rule, by the requests of a sliding window."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

LONGEST = 20_000  # requests of a window
NOT_THE_MODELS = (429, 503)  # refused before a model saw them


@dataclass(frozen=True)
class Observation:
    """What one version did with one request."""

    time: float
    is_error: bool
    seconds: float | None = None  # of requests that were answered
    agreement: float | None = None


class TrafficWindow:
    """The last requests of each version of a model."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._rows: dict[int, deque[Observation]] = {}

    def observe(
        self, version: int, status: int, seconds: float | None = None, agreement: float | None = None
    ) -> None:
        """Add a request; refusals before the model and faults of the client (4xx) do not count."""
        if status in NOT_THE_MODELS or 400 <= status < 500:
            return
        answered = seconds if status < 400 else None
        row = Observation(self._clock(), status >= 500, answered, agreement)
        with self._lock:
            self._rows.setdefault(version, deque(maxlen=LONGEST)).append(row)

    def rows(self, version: int, seconds: float) -> list[Observation]:
        """Return a version's requests of the last `seconds`."""
        since = self._clock() - seconds
        with self._lock:
            return [row for row in self._rows.get(version, ()) if row.time >= since]

    def clear(self) -> None:
        """Forget all requests: a new canary or shadow is compared under the same load."""
        with self._lock:
            self._rows.clear()


def find_breach(window: TrafficWindow, rules: Mapping[str, float], version: int, stable: int) -> str:
    """Return the rule that a version breaks, with its numbers; "" for none.

    Example:
        >>> from cityzoo.serve.traffic import DEFAULT_RULES
        >>> window = TrafficWindow()
        >>> for _ in range(5):
        ...     window.observe(2, 500)
        >>> find_breach(window, DEFAULT_RULES, version=2, stable=1)
        'error rate 100.0 % of 5 requests, stable 0.0 %: allowed are 2 % more'
    """
    rows, others = (window.rows(v, rules["window_seconds"]) for v in (version, stable))
    errors = sum(row.is_error for row in rows)
    rate, other_rate = (
        (sum(row.is_error for row in each) / len(each) if each else 0.0) for each in (rows, others)
    )
    if errors >= rules["min_errors"] and rate > other_rate + rules["max_error_rate"]:
        return (
            f"error rate {rate:.1%} of {len(rows)} requests, stable {other_rate:.1%}: "
            f"allowed are {rules['max_error_rate']:.0%} more"
        ).replace("%", " %")
    agreements = [row.agreement for row in rows if row.agreement is not None]
    if len(agreements) >= rules["min_requests"] and np.mean(agreements) < rules["min_agreement"]:
        return (
            f"agreement {np.mean(agreements):.2f} with the stable version in {len(agreements)} requests, "
            f"allowed from {rules['min_agreement']:g}"
        )
    return _find_slowness(rows, others, rules)


def _find_slowness(rows: list[Observation], others: list[Observation], rules: Mapping[str, float]) -> str:
    times, other_times = ([row.seconds for row in each if row.seconds is not None] for each in (rows, others))
    if min(len(times), len(other_times)) < rules["min_requests"]:
        return ""
    slow, other = (float(np.percentile(each, 95)) for each in (times, other_times))
    if slow <= max(rules["max_latency_ratio"] * other, other + rules["latency_slack_seconds"]):
        return ""
    return (
        f"p95 {slow * 1000:.0f} ms of {len(times)} requests, stable {other * 1000:.0f} ms: "
        f"allowed are {rules['max_latency_ratio']:g} times as much"
    )
