"""The monitor of a server: everything that happens is reported to it, and Prometheus reads it from `/metrics`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import cityzoo
from cityzoo.monitor.background import BackgroundWorker, ByteBudget
from cityzoo.monitor.drift import WINDOW, read_inputs, read_scores, read_signals
from cityzoo.monitor.health import Health
from cityzoo.monitor.image_statistics import measure_image
from cityzoo.monitor.metric_table import OTHER, BoundedLabels, MetricTable
from cityzoo.monitor.reference import Reference
from cityzoo.monitor.settings import RULES, MonitorSettings

CODES = (200, 400, 429, 500, 503, 504)  # exist from the start, so that the first one is an increase
STAGES = ("decode", "queue", "infer", "post", "total")
Measured = np.ndarray | Mapping[str, float] | None
UNNAMED = "unnamed"  # camera of requests that name none
MOST_BYTES = 250_000_000  # of images that wait to be measured
MOST_MODELS, MOST_CLASSES, MOST_REASONS = 100, 200, 50


class Monitor:
    """Count, time and measure what a server does; every method may be called from any thread.

    Example:
        >>> monitor = Monitor(cameras=["north"])
        >>> monitor.request("cars", 1, 200, {"infer": 0.02, "total": 0.03})
        >>> answer = {"detections": [{"class": "car", "score": 0.9}]}
        >>> monitor.image("cars", "north", np.zeros((8, 8, 3), np.uint8), answer)
        >>> monitor.flush()
        >>> monitor.value("detections_total", model="cars", camera="north", **{"class": "car"})
        1.0
        >>> monitor.close()
    """

    def __init__(
        self,
        cameras: Sequence[str] = (),
        most_cameras: int = 64,
        sample_seconds: float = 1.0,
        rules: Sequence[str] = RULES,
        window: int = WINDOW,
        drift_seconds: float = 0.0,
    ) -> None:
        """Start without models.

        Args:
            cameras: registered cameras; silence is watched from the start.
            most_cameras: further cameras with metrics of their own; images of others count as "other".
            sample_seconds: of a camera's images, at most one in this time is measured; all are counted.
            rules: alarms, see `cityzoo.monitor.health`.
            window: examples of a camera that are compared with the reference.
            drift_seconds: between these at least.

        Raises:
            InputError: a rule that is not understood.
        """
        self.registry = CollectorRegistry()
        self.table = MetricTable(self.registry)
        self.table.build.labels(cityzoo.__version__).set(1)
        self._sample_seconds = sample_seconds
        self._cameras = BoundedLabels([*cameras, UNNAMED], most_cameras)
        self._models = BoundedLabels(most=MOST_MODELS)
        self._classes = BoundedLabels(most=MOST_CLASSES)
        self._reasons = BoundedLabels(most=MOST_REASONS)
        self._budget = ByteBudget(MOST_BYTES)
        self._sampled: dict[tuple[str, str], float] = {}
        self._health = Health(self.table, cameras, rules, window, drift_seconds)
        self._worker = BackgroundWorker(self._health.tick)

    @classmethod
    def from_settings(cls, settings: MonitorSettings) -> Monitor:
        """Return the monitor of a server."""
        return cls(
            *(settings.cameras, settings.most_cameras, settings.sample_seconds, settings.alarm),
            *(settings.drift_window, settings.drift_seconds),
        )

    def request(self, model: str, version: int, code: int, seconds: Mapping[str, float]) -> None:
        """Count an answered or refused request.

        Args:
            model: name of a model of the repository; not of a client's choice.
            version: of the model; 0 if none was reached.
            code: HTTP status.
            seconds: by stage: decode, queue, infer, post, total.
        """
        labels = (self._models.bound(model), str(version))
        self.table.requests.labels(*labels, str(code)).inc()
        for stage, time_taken in seconds.items():
            self.table.seconds.labels(*labels, stage).observe(time_taken)

    def track_in_flight(self) -> AbstractContextManager[Any]:
        """Return a context within which one request counts as being answered."""
        return self.table.in_flight.track_inprogress()

    def batch(self, model: str, version: int, size: int) -> None:
        """Count a run of the network on a batch."""
        self.table.batches.labels(model, str(version)).observe(size)

    def queue(self, model: str, version: int, length: int) -> None:
        """Report how many requests wait."""
        self.table.queue.labels(model, str(version)).set(length)

    def image(self, model: str, camera: str | None, image: Measured, answer: Mapping[str, Any]) -> None:
        """Count an image and its answer, and measure a sample of images, later, in the monitor's own thread.

        Args:
            model: name.
            camera: that sent it; None if unknown.
            image: (H, W, 3) uint8, RGB, not changed afterwards; or numbers of another example; None: neither.
            answer: with `detections` or `classes` (a list of `class` and `score`), or with `class` and `score`.
        """
        camera, now = self._cameras.bound(camera or UNNAMED), time.time()
        key = (model, camera)
        is_sampled = now - self._sampled.get(key, 0.0) >= self._sample_seconds
        size = getattr(image, "nbytes", 0)
        if is_sampled and self._budget.take(size):
            self._sampled[key] = now
        else:
            image, size, is_sampled = None, 0, False
        if not self._put(partial(self._measure, key, image, answer, now, is_sampled)):
            self._budget.give_back(size)

    def series(self, model: str, sensors: str | None, feeds: Mapping[str, np.ndarray]) -> None:
        """Count a window of measurements, and compare it, later, with the reference.

        Args:
            model: name.
            sensors: who sent them, in the place of a camera; None if unknown.
            feeds: `series` and `mask`, not changed afterwards.
        """
        key = (model, self._cameras.bound(sensors or UNNAMED))
        self._put(partial(self._compare, key, feeds, time.time()))

    def frame(self, model: str, camera: str | None) -> None:
        """Count an image that nobody has time to look at, so that its camera is not taken for silent."""
        self.table.unmeasured.inc()
        self._put(partial(self._count_frame, (model, self._cameras.bound(camera or UNNAMED)), time.time()))

    def _put(self, task: Callable[[], None]) -> bool:
        has_room = self._worker.put(task)
        if not has_room:
            self.table.unmeasured.inc()
        return has_room

    def model_loaded(self, model: str, version: int, sha256: str = "") -> None:
        """Report that a version serves; `sha256` is that of its file."""
        labels = (self._models.bound(model), str(version))
        self.table.models.labels(*labels, sha256).set(1)
        self.table.queue.labels(*labels).set(0)
        for code in CODES:
            self.table.requests.labels(*labels, str(code))
        for stage in STAGES:
            self.table.seconds.labels(*labels, stage)
        self.table.shadows.labels(model)
        self.table.disagreements.labels(model)

    def compare_with(self, model: str, reference: Reference | None) -> None:
        """Compare a model's inputs and answers with another reference from now on; None: with nothing."""
        self._worker.put(partial(self._health.set_reference, model, reference), waits=True)

    def model_unloaded(self, model: str, version: int) -> None:
        """Report that a version no longer serves."""
        self.table.models.remove_by_labels({"model": model, "version": str(version)})
        self.table.queue.labels(model, str(version)).set(0)

    def load_failed(self, model: str, reason: str) -> None:
        """Count a version that was not loaded; `reason` is one word: signature, parity, probes, files."""
        self.table.load_failures.labels(self._models.bound(model), self._reasons.bound(reason)).inc()

    def shadow(self, model: str, agrees: bool) -> None:
        """Count a request that the shadow answered too."""
        self.table.shadows.labels(model).inc()
        self.table.disagreements.labels(model).inc(0 if agrees else 1)

    def auth_failure(self, reason: str) -> None:
        """Count a refused caller; `reason` is a word of the server: missing, expired, forged, role, quota."""
        self.table.auth_failures.labels(self._reasons.bound(reason)).inc()

    def redaction(self, kind: str, n: int = 1) -> None:
        """Count masked regions or words; `kind` is a word of the server: face, plate, person, text."""
        self.table.redactions.labels(self._reasons.bound(kind)).inc(n)

    def render(self) -> tuple[bytes, str]:
        """Return the body of `/metrics` and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a metric, without its prefix; 0 if nothing was reported."""
        return self.registry.get_sample_value(f"cityzoo_{name}", labels) or 0.0

    def flush(self) -> None:
        """Wait until everything reported is measured."""
        self._worker.flush()

    def close(self) -> None:
        """Stop the monitor's thread."""
        self._worker.close()

    def _measure(
        self,
        key: tuple[str, str],
        image: Measured,
        answer: Mapping[str, Any],
        now: float,
        is_sampled: bool,
    ) -> None:
        self._count_frame(key, now)
        found = [(self._classes.bound(name), score) for name, score in read_scores(answer)]
        for name, count in Counter(name for name, _ in found).items():
            self.table.detections.labels(*key, name).inc(count)
        for name, score in found:
            self.table.scores.labels(key[0], name).observe(score)
        if not is_sampled:
            return
        try:
            numbers = measure_image(image) if isinstance(image, np.ndarray) else dict(image or {})
        finally:
            self._budget.give_back(getattr(image, "nbytes", 0))
        if numbers and isinstance(image, np.ndarray):
            self.table.brightness.labels(*key).observe(numbers["brightness"])
            self.table.blur.labels(*key).observe(numbers["blur"])
        reference = self._health.find_reference(key[0])
        if reference:
            values = read_signals(numbers, answer, reference.class_names, reference.score)
            self._health.observe(*key, values, now)

    def _compare(self, key: tuple[str, str], feeds: Mapping[str, np.ndarray], now: float) -> None:
        self._count_frame(key, now)
        self._health.observe(*key, read_inputs(feeds), now)

    def _count_frame(self, key: tuple[str, str], now: float) -> None:
        self.table.frames.labels(*key).inc()
        self.table.last_frame.labels(*key).set(now)
        if key[1] not in (UNNAMED, OTHER):
            self._health.hear(key[1], now)
