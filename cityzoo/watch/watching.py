"""The loop over all cameras: frames in batches to one detector, then to the watch of each camera."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cityzoo.watch.camera import CameraWatch, Event, Observation
from cityzoo.watch.detector import Detections, Detector
from cityzoo.watch.events import to_json_value
from cityzoo.watch.frames import Frame
from cityzoo.watch.image_classifier import ImageClassifier
from cityzoo.watch.output import Progress, WatchFolder, count_rows, zone_event, zone_rows
from cityzoo.watch.read_ahead import read_ahead
from cityzoo.watch.sinks.sink import Sink
from cityzoo.watch.sources import Source
from cityzoo.watch.sources.health import iso_time
from cityzoo.watch.sources.several import read_together

LOG = logging.getLogger(__name__)
TOLD = ("connected", "lost", "resolution")
LEAST = 0.002  # seconds, that are no interval of their own
FAREWELL = 5.0  # seconds that all sinks together have to send what waits
LATE = 5.0  # seconds after its end, when an interval is written: who crossed before has left the line by then
Batch = list[tuple[Frame, Detections, Mapping[str, float] | None]]


class Watching:
    """Watch several cameras until their sources end or `stop` is called.

    Args:
        sources: all live, or all recordings.
        ready: the event that live sources were opened with.
        detector: of all cameras.
        watches: of the cameras, by name.
        folder: where everything is written.
        interval: seconds of a row of counts.

    Attributes:
        classifier: of the frames of all cameras; None: none.
        sinks: that events are sent to.
        batch_size: frames of recordings in a batch.
        frames: by camera, that were looked at.
        observed: by camera, seconds.
        reports: health events of sinks, from any thread, that are not yet written.
        attach: called with each observation and its events before they are sent: it may add to them. None: events of
            a source that sends no frames.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        ready: threading.Event,
        detector: Detector,
        watches: Mapping[str, CameraWatch],
        folder: WatchFolder,
        interval: float = 300.0,
    ) -> None:
        self.sources, self.ready, self.detector, self.watches = sources, ready, detector, watches
        self.folder, self.interval, self.batch_size = folder, interval, 8
        self.classifier: ImageClassifier | None = None
        self.sinks: Sequence[Sink] = ()
        self.reports: deque[Event] = deque()
        self._progress = Progress(max((source.seconds or 0 for source in sources), default=0) or None)
        self.is_live = any(source.is_live for source in sources)
        self.frames = {source.camera: 0 for source in sources}
        self.observed = {source.camera: 0.0 for source in sources}  # seconds, of rows that are written
        self.attach: Callable[[Observation | None, list[Event]], None] = lambda seen, events: None
        self._held: dict[str, list[Event]] = {source.camera: [] for source in sources}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._next = math.nan  # start of the interval that is not yet written
        self._stopped = threading.Event()
        self.start, self.end = math.nan, math.nan

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End after the current batch; safe to call from a signal handler."""
        self._stopped.set()
        self.ready.set()

    def run(self) -> None:
        """Watch to the end; whatever ends it, counts so far are written.

        Raises:
            InputError: a recording without a single frame.
        """
        if self.is_live:
            self._begin(time.time())
        try:
            for batch in self._detect():
                for seen in batch:
                    self._observe(*seen)
                if self.is_live:
                    self._take_health()
                    self._send(event for watch in self.watches.values() for event in watch.tick(time.time()))
                    self._write_until(time.time())
                if self.is_stopped:
                    break
        finally:
            self._progress.end()
            for source in self.sources:
                source.close()
            self._finish()
            end = time.monotonic() + FAREWELL
            for sink in self.sinks:
                sink.close(max(end - time.monotonic(), 0.1))
            self._take_health()

    def _detect(self) -> Iterator[Batch]:
        frames = read_together(self.sources, self.ready, self.batch_size)
        if self.is_live:  # the newest frames count: nothing may wait in a queue
            return map(self._detect_batch, frames)
        return read_ahead(map(self._detect_batch, read_ahead(frames)), 1)

    def _detect_batch(self, frames: Iterable[Frame]) -> Batch:
        fitted = [self._fit(frame) for frame in frames]
        found = self.detector.detect([frame.image for frame in fitted])
        classes = self.classifier.classify(fitted) if self.classifier else [None] * len(fitted)
        return list(zip(fitted, found, classes, strict=True))

    def _fit(self, frame: Frame) -> Frame:
        """Scale the frame of a camera whose resolution has changed."""
        size, wanted = (frame.image.shape[0], frame.image.shape[1]), self._sizes.get(frame.camera)
        if wanted in (None, size):
            self._sizes[frame.camera] = size
            return frame
        import cv2

        image = cv2.resize(frame.image, wanted[::-1], interpolation=cv2.INTER_AREA)
        return replace(frame, image=image)

    def _observe(self, frame: Frame, found: Detections, classes: Mapping[str, float] | None) -> None:
        if math.isnan(self._next):
            self._begin(frame.time)
        self._take_health(frame.time)
        if not self.is_live:
            self._write_until(frame.time)
        seen, events = self.watches[frame.camera].update(frame, found, classes)
        self.frames[frame.camera] += 1
        self.attach(seen, events)
        self._send(events)
        self.folder.write_tracks(seen)
        self._progress.show(sum(self.frames.values()), frame.stream_seconds)

    def _begin(self, now: float) -> None:
        """Begin at a whole interval of the clock with cameras, at the first frame with recordings."""
        self.start = now
        self._next = now // self.interval * self.interval if self.is_live else now

    def _take_health(self, until: float = math.inf) -> None:
        """Pass on what happened to the sources up to a time; recordings are read ahead of what is observed."""
        while self.reports:
            self.folder.write_event(self.reports.popleft())
        limit = "~" if self.is_live or until == math.inf else iso_time(until)
        for source in self.sources:
            held = self._held[source.camera] + source.health.take_events()
            self._held[source.camera] = [event for event in held if event["time"] > limit]
            for event in held:
                if event["time"] <= limit:
                    self._tell(event)
                    made = self.watches[source.camera].health(event)
                    self.attach(None, made)
                    self._send([event, *made])

    def _tell(self, event: Event) -> None:
        """Log that a live camera was lost or is back."""
        if self.is_live and event["what"] in TOLD:
            self._progress.end()
            LOG.info("%s %s: %s %s", event["time"], event["camera"], event["what"], event.get("detail", ""))

    def _send(self, events: Iterable[Event]) -> None:
        for event in events:
            self.folder.write_event(event)
            plain = to_json_value(event)
            for sink in self.sinks:
                sink.send(plain)

    def _send_rows(self, events: Iterable[Event]) -> None:
        """Send the rows of an interval, which are in tables of the folder already."""
        for event in map(to_json_value, events):
            for sink in self.sinks:
                sink.send(event)

    def _write_until(self, now: float) -> None:
        """Write the intervals that are over."""
        while self._next + self.interval + LATE <= now:
            self._write_interval(self._next, self._next + self.interval)
            self._next += self.interval

    def _write_interval(self, start: float, end: float) -> None:
        for camera, watch in self.watches.items():
            figures = watch.collect_measures(start, end)
            rows = count_rows(watch, start, end, False, figures)
            self.folder.write_counts(rows + count_rows(watch, start, end, True))
            zones = zone_rows(watch, start, end, figures)
            self.folder.write_zones(zones)
            self._send_rows([row.event() for row in rows] + [zone_event(row, start, end) for row in zones])
            self.observed[camera] += sum(b - a for a, b in watch.spans(start, end))
            watch.forget(end)

    def _finish(self) -> None:
        self._take_health()
        if math.isnan(self._next):
            return
        until = max(watch.until for watch in self.watches.values())
        self.end = time.time() if self.is_live else until
        while self._next < self.end - LEAST:
            end = self._next + self.interval
            if not self.is_live and self._next == self.start:
                end = min(end, self.end)  # a recording shorter than an interval is one interval
            self._write_interval(self._next, end)
            self._next = end
