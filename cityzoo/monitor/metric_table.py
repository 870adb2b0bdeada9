"""Every metric of the server, in Prometheus' base units; labels come from bounded sets only."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

disable_created_metrics()  # a second series for each counter and histogram, which nobody asks for
OTHER = "other"  # label of what is beyond the bound
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
TENTHS = tuple(tenth / 10 for tenth in range(1, 11))
BRIGHTNESSES = tuple(range(16, 257, 16))
BLURS = (10, 30, 100, 300, 1000, 3000, 10000)
MODEL = ("model", "version")


class MetricTable:
    """The metrics, in a registry of their own.

    Example:
        >>> registry = CollectorRegistry()
        >>> MetricTable(registry).requests.labels("cars", "1", "200").inc()
        >>> registry.get_sample_value("cityzoo_requests_total", {"model": "cars", "version": "1", "code": "200"})
        1.0
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"cityzoo_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"cityzoo_{name}", about, labels, registry=registry)

        def histogram(name: str, about: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(f"cityzoo_{name}", about, labels, buckets=tuple(buckets), registry=registry)

        ProcessCollector(registry=registry)  # process_resident_memory_bytes, process_cpu_seconds_total
        self.build = gauge("build_info", "Always 1", "cityzoo")
        self.requests = counter("requests", "Requests by HTTP status", *MODEL, "code")
        self.seconds = histogram("request_seconds", "Time by stage", SECONDS, *MODEL, "stage")
        self.in_flight = gauge("in_flight", "Requests being answered")
        self.queue = gauge("queue_depth", "Requests waiting for a batch", *MODEL)
        self.batches = histogram("batch_size", "Examples in a run of the network", BATCHES, *MODEL)
        self.models = gauge("model_info", "1 while a version is loaded", *MODEL, "sha256")
        self.load_failures = counter(
            "model_load_failures", "Versions that were not loaded", "model", "reason"
        )
        self.shadows = counter("shadow_requests", "Requests also answered by the shadow", "model")
        self.disagreements = counter("shadow_disagreements", "Of these, with another answer", "model")
        self.auth_failures = counter("auth_failures", "Requests refused for who asked", "reason")
        self.redactions = counter("redactions", "Regions and words masked", "kind")
        self.detections = counter("detections", "Detections or classes answered", "model", "camera", "class")
        self.scores = histogram("score", "Scores of answers", TENTHS, "model", "class")
        self.brightness = histogram(
            "input_brightness", "Mean luma, 0 to 255", BRIGHTNESSES, "model", "camera"
        )
        self.blur = histogram("input_blur", "Variance of the Laplacian", BLURS, "model", "camera")
        self.frames = counter("camera_frames", "Images received", "model", "camera")
        self.last_frame = gauge("camera_last_frame_timestamp_seconds", "Of the last image", "model", "camera")
        self.drift = gauge("drift_score", "Distance from the reference, 0 to 1", "model", "camera", "signal")
        self.drift_limit = gauge("drift_limit", "Above it a drift score counts as drift", "model", "signal")
        self.alarms = gauge("alarm_active", "1 while an alarm is raised", "model", "camera", "alarm")
        self.unmeasured = counter("images_unmeasured", "Images not looked at: the server had no time")


class BoundedLabels:
    """Values of one label: the registered ones, and unregistered ones up to a bound; further ones are "other".

    Example:
        >>> cameras = BoundedLabels(["north"], 2)
        >>> [cameras.bound(name) for name in ("a", "north", "b", "c", "a")]
        ['a', 'north', 'b', 'other', 'a']
    """

    def __init__(self, registered: Iterable[str] = (), most: int = 64) -> None:
        self._known = set(registered)
        self._most = len(self._known) + most
        self._lock = threading.Lock()

    def bound(self, name: str) -> str:
        """Return the label's value for a name."""
        if name not in self._known:
            with self._lock:
                if len(self._known) >= self._most:
                    return OTHER
                self._known.add(name)
        return name
