"""The monitor of a server: everything that happens is reported to it, and Prometheus reads it from `/metrics`."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import cityzoo
from cityzoo.monitor.image_statistics import measure_image
from cityzoo.monitor.metric_table import BoundedLabels, MetricTable

LOG = logging.getLogger(__name__)
CODES = (200, 400, 429, 500, 503, 504)  # exist from the start, so that the first one is an increase
STAGES = ("decode", "queue", "infer", "post", "total")
WAITING = 256  # images and answers that wait to be measured
UNNAMED = "unnamed"  # camera of requests that name none
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
        self, cameras: Sequence[str] = (), most_cameras: int = 64, sample_seconds: float = 1.0
    ) -> None:
        """Start without models.

        Args:
            cameras: registered cameras; silence is watched from the start.
            most_cameras: further cameras with metrics of their own; images of others count as "other".
            sample_seconds: of a camera's images, at most one in this time is measured; all are counted.
        """
        self.registry = CollectorRegistry()
        self.table = MetricTable(self.registry)
        self.table.build.labels(cityzoo.__version__).set(1)
        self._sample_seconds = sample_seconds
        self._cameras = BoundedLabels([*cameras, UNNAMED], most_cameras)
        self._models = BoundedLabels(most=MOST_MODELS)
        self._classes = BoundedLabels(most=MOST_CLASSES)
        self._reasons = BoundedLabels(most=MOST_REASONS)
        self._sampled: dict[tuple[str, str], float] = {}
        self._waiting: queue.Queue[tuple[str, str, np.ndarray | None, Mapping[str, Any], float] | None]
        self._waiting = queue.Queue(WAITING)
        self._worker = threading.Thread(target=self._work, name="monitor", daemon=True)
        self._worker.start()

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

    def image(
        self, model: str, camera: str | None, image: np.ndarray | None, answer: Mapping[str, Any]
    ) -> None:
        """Count an image and its answer, and measure a sample of images, later, in the monitor's own thread.

        Args:
            model: name.
            camera: that sent it; None if unknown.
            image: (H, W, 3) uint8, RGB, not changed afterwards; None if there is none.
            answer: with `detections` or `classes` (a list of `class` and `score`), or with `class` and `score`.
        """
        camera, now = self._cameras.bound(camera or UNNAMED), time.time()
        key = (model, camera)
        if now - self._sampled.get(key, 0.0) < self._sample_seconds:
            image = None
        elif image is not None:
            self._sampled[key] = now
        try:
            self._waiting.put_nowait((model, camera, image, answer, now))
        except queue.Full:
            self.table.unmeasured.inc()

    def model_loaded(self, model: str, version: int, folder: Path | None = None, sha256: str = "") -> None:
        """Report that a version serves.

        Args:
            model: name.
            version: of the model.
            folder: its files.
            sha256: of the model's file.
        """
        labels = (self._models.bound(model), str(version))
        self.table.models.labels(*labels, sha256).set(1)
        self.table.queue.labels(*labels).set(0)
        for code in CODES:
            self.table.requests.labels(*labels, str(code))
        for stage in STAGES:
            self.table.seconds.labels(*labels, stage)
        self.table.shadows.labels(model)
        self.table.disagreements.labels(model)

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
        self._waiting.join()

    def close(self) -> None:
        """Stop the monitor's thread."""
        self._waiting.put(None)
        self._worker.join(5)

    def _work(self) -> None:
        while True:
            item = self._waiting.get()
            try:
                if item is None:
                    return
                self._measure(*item)
            except Exception:  # the monitor must outlive whatever is reported
                LOG.exception("an image or answer could not be measured")
            finally:
                self._waiting.task_done()

    def _measure(
        self, model: str, camera: str, image: np.ndarray | None, answer: Mapping[str, Any], now: float
    ) -> None:
        table = self.table
        table.frames.labels(model, camera).inc()
        table.last_frame.labels(model, camera).set(now)
        found = [(self._classes.bound(name), score) for name, score in read_scores(answer)]
        for name, count in Counter(name for name, _ in found).items():
            table.detections.labels(model, camera, name).inc(count)
        for name, score in found:
            table.scores.labels(model, name).observe(score)
        if image is not None:
            numbers = measure_image(image)
            table.brightness.labels(model, camera).observe(numbers["brightness"])
            table.blur.labels(model, camera).observe(numbers["blur"])


def read_scores(answer: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return class and score of everything that an answer names.

    Example:
        >>> read_scores({"detections": [{"class": "car", "score": 0.5, "box": [0, 0, 9, 9]}]})
        [('car', 0.5)]
        >>> read_scores({"class": "jam", "score": 0.75})
        [('jam', 0.75)]
    """
    rows = answer.get("detections", answer.get("classes", (answer,)))
    return [(str(row["class"]), float(row["score"])) for row in rows if "class" in row and "score" in row]
