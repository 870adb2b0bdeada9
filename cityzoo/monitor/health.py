"""Health of models by camera: drift, silence and loss of confidence, as metrics and alarms."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from cityzoo.alarms.live import LiveAlarms
from cityzoo.alarms.rules import parse_live_rule
from cityzoo.monitor.drift import WINDOW, DriftWindow, Values
from cityzoo.monitor.metric_table import MetricTable
from cityzoo.monitor.reference import Reference
from cityzoo.monitor.settings import RULES

LOG = logging.getLogger(__name__)
ANY = "any"  # model of alarms that are about a camera alone


class Health:
    """What is known of each model and camera; used from one thread."""

    def __init__(
        self,
        table: MetricTable,
        cameras: Sequence[str] = (),
        rules: Sequence[str] = RULES,
        window: int = WINDOW,
        spacing: float = 0.0,
    ) -> None:
        """Start without references.

        Args:
            table: gets `drift_score`, `drift_limit` and `alarm_active`.
            cameras: that are watched for silence from now on; others from their first image on.
            rules: see `cityzoo.alarms.rules.parse_live_rule`; of silence, drift and confidence.
            window: examples of a camera that are compared with the reference.
            spacing: seconds between them at least, so that they are not all of one moment.
        """
        self._table = table
        self._alarms = LiveAlarms([parse_live_rule(text) for text in rules])
        self._window, self._spacing = window, spacing
        self._taken: dict[tuple[str, str], float] = {}
        self._references: dict[str, Reference] = {}
        self._windows: dict[tuple[str, str], DriftWindow] = {}
        self._seen = dict.fromkeys(cameras, time.time())
        for camera in cameras:
            self._show("silence", ANY, camera)

    def set_reference(self, model: str, reference: Reference | None) -> None:
        """Compare a model's inputs and answers with another reference from now on; None: with nothing."""
        for key in [key for key in self._windows if key[0] == model]:
            del self._windows[key]
            self._alarms.forget("/".join(key))
            for alarm in ("drift", "confidence"):
                self._table.alarms.labels(*key, alarm).set(0)
        for metric in (self._table.drift, self._table.drift_limit):
            metric.remove_by_labels({"model": model})
        self._references.pop(model, None)
        if reference is None:
            return
        self._references[model] = reference
        for signal, limit in reference.limits.items():
            self._table.drift_limit.labels(model, signal).set(limit)

    def find_reference(self, model: str) -> Reference | None:
        """Return the reference of a model."""
        return self._references.get(model)

    def hear(self, camera: str, now: float) -> None:
        """Take note that a camera sent something."""
        self._seen[camera] = now

    def observe(self, model: str, camera: str, values: Values, now: float) -> None:
        """Take the signals of one example; see `cityzoo.monitor.drift.read_signals`."""
        reference, key = self._references.get(model), (model, camera)
        if reference is None or now - self._taken.get(key, 0.0) < self._spacing:
            return
        self._taken[key] = now
        if key not in self._windows:
            self._windows[key] = DriftWindow(reference.signals, self._window)
            for alarm in ("drift", "confidence"):
                self._show(alarm, model, camera)
        window = self._windows[key]
        window.add(values)
        scores = window.scores()
        for signal, score in scores.items():
            self._table.drift.labels(model, camera, signal).set(score)
        if scores:
            self._update("drift", max(score / reference.limits[s] for s, score in scores.items()), *key)
        if reference.confidence:
            self._update("confidence", window.mean_confidence() / reference.confidence, *key)

    def tick(self, now: float) -> None:
        """Look for silent cameras; to be called every second or so."""
        for camera, seen in self._seen.items():
            self._update("silence", now - seen, ANY, camera)

    def _update(self, channel: str, value: float, model: str, camera: str) -> None:
        for change in self._alarms.update(f"{model}/{camera}", channel, value):
            self._table.alarms.labels(model, camera, channel).set(change.is_raised)
            about = {"alarm": channel, "model": model, "camera": camera, "value": round(value, 3)}
            level = logging.WARNING if change.is_raised else logging.INFO
            word = "raised" if change.is_raised else "released"
            LOG.log(level, "alarm %s %s: camera %s, model %s", channel, word, camera, model, extra=about)

    def _show(self, alarm: str, model: str, camera: str) -> None:
        if any(rule.channel == alarm for rule in self._alarms.rules):
            self._table.alarms.labels(model, camera, alarm)
