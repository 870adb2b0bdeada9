"""One camera: its tracks, crossings and counts, and the observers that look at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from cityzoo.watch.counting import CountSpread, Crossing, IntervalCount
from cityzoo.watch.counting.calibration import calibrate_interval
from cityzoo.watch.detector import Detections
from cityzoo.watch.events import make_event
from cityzoo.watch.frames import Frame
from cityzoo.watch.scene import Scene
from cityzoo.watch.tracking import Track

LONGEST_STEP = 1.0  # second that a frame may last: after that nobody looks
Event = dict[str, Any]
Figures = dict[Any, dict[str, Any]]


@dataclass(frozen=True)
class Observation:
    """What was seen in a frame."""

    frame: Frame
    detections: Detections
    tracks: list[Track]  # those detected in this frame
    crossings: list[Crossing]  # those that this frame settles
    classes: Mapping[str, float] | None = None  # probabilities by a classifier of images, if it looked at it


class Observer(Protocol):
    """Looks at the observations of one camera and makes events: speeds, queues, incidents.

    Attributes:
        columns: names of all columns that `interval` may give; none if there is no such attribute.
    """

    def update(self, observation: Observation) -> list[Event]:
        """Return the events of a frame."""

    def health(self, event: Mapping[str, Any]) -> list[Event]:
        """Take an event of the source: lost, gap, connected; time without frames is not observed."""

    def interval(self, start: float, end: float) -> Figures:
        """Return columns for counts.csv by (line, direction), or by zone, of a time that is over.

        Args:
            start: of the interval, Unix seconds.
            end: of the interval.
        """


class CameraWatch:
    """Track and count what a detector finds in the frames of one camera.

    Args:
        camera: its name.
        scene: what is marked in its image.
        class_names: of the detector, by label.
        image_hw: height and width of its frames in pixels; None: those of the first frame.
        high: 0..1, score at which tracks start.
        low: score at which they continue; None: as `CountSpread`.
        observers: called with every observation, in order; its tracks are those that a detection of score `high` shows.
        model: digest of the detector's file, for the events.
        rates: of a hand-counted clip, by (line, direction), as `read_calibration` returns them.

    Attributes:
        first: time of the first frame, Unix seconds; None: none yet.
        last: time of the last frame.
    """

    def __init__(
        self,
        camera: str,
        scene: Scene,
        class_names: Sequence[str],
        image_hw: tuple[int, int] | None,
        high: float,
        low: float | None = None,
        observers: Sequence[Observer] = (),
        model: str = "",
        rates: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    ) -> None:
        self.camera, self.scene, self.class_names = camera, scene, tuple(class_names)
        self.image_hw, self.observers, self.model = image_hw, tuple(observers), model
        self.scores, self.rates = (high, low), rates or {}
        self.spread = CountSpread(scene.lines, image_hw or (1, 1), high, low)
        self.first: float | None = None
        self.last, self._step = 0.0, 0.0
        self._gaps: list[tuple[float, float]] = []

    def update(
        self, frame: Frame, detections: Detections, classes: Mapping[str, float] | None = None
    ) -> tuple[Observation, list[Event]]:
        """Return what was seen in a frame, and its events.

        Args:
            frame: with an image of `image_hw`; later than the last one.
            detections: in that frame.
            classes: their probabilities in that frame; None: it was not classified.
        """
        if self.image_hw is None:
            self.image_hw = (frame.image.shape[0], frame.image.shape[1])
            self.spread = CountSpread(self.scene.lines, self.image_hw, *self.scores)
        if self.first is None:
            self.first = self.last = frame.time
        self._step, self.last = min(frame.time - self.last, LONGEST_STEP), frame.time
        tracks, crossings = self.spread.update(detections, frame.time)
        observation = Observation(frame, detections, tracks, crossings, classes)
        # A weak detection is often that of another vehicle: the jump to it looks like a motion.
        seen = replace(observation, tracks=[track for track in tracks if track.score >= self.scores[0]])
        events = [event for observer in self.observers for event in observer.update(seen)]
        return observation, [self._describe(crossing, frame) for crossing in crossings] + events

    def health(self, event: Mapping[str, Any]) -> list[Event]:
        """Take an event of the source, and return the events that follow from it."""
        if event.get("what") == "gap":
            start, end = (datetime.fromisoformat(event[key]).timestamp() for key in ("from", "to"))
            self._gaps.append((start, end))
        return [made for observer in self.observers for made in observer.health(event)]

    def tick(self, now: float) -> list[Event]:
        """Return the events of time that passes without frames, at Unix seconds."""
        return [made for item in self.observers if hasattr(item, "tick") for made in item.tick(now)]

    def spans(self, start: float, end: float) -> list[tuple[float, float]]:
        """Return the spans of a time in which frames arrived, Unix seconds.

        Args:
            start: of the time.
            end: of the time; nothing is observed after the last frame, which lasts as long as the one before.
        """
        spans = [] if self.first is None else [(max(self.first, start), min(self.until, end))]
        for since, until in self._gaps:
            spans = [part for a, b in spans for part in ((a, min(b, since)), (max(a, until), b))]
            spans = [(a, b) for a, b in spans if a < b]
        return [(a, b) for a, b in spans if a < b]

    def collect_measures(self, start: float, end: float) -> Figures:
        """Return what the observers have measured in an interval, by (line, direction) or zone, and forget it."""
        found: Figures = {}
        for observer in self.observers:
            for place, row in observer.interval(start, end).items():
                found[place] = found.get(place, {}) | row
        return found

    @property
    def columns(self) -> list[str]:
        """The columns of counts.csv that the observers add."""
        return [name for observer in self.observers for name in getattr(observer, "columns", ())]

    @property
    def until(self) -> float:
        """The end of the last frame, Unix seconds."""
        return self.last + self._step

    def calibrate(self, count: IntervalCount, line: str, direction: str) -> IntervalCount:
        """Return a count with the range of the hand-counted clip, if there is one of this line and direction."""
        rates = self.rates.get((line, direction))
        return calibrate_interval(count, rates) if rates else count

    def forget(self, before: float) -> None:
        """Forget crossings and gaps of a time that has been written."""
        self.spread.forget(before)
        self._gaps = [gap for gap in self._gaps if gap[1] >= before]

    def _describe(self, crossing: Crossing, frame: Frame) -> Event:
        height, width = self.image_hw or (1, 1)
        point = [round(crossing.point[0] / width, 4), round(crossing.point[1] / height, 4)]
        figures = {
            "track": crossing.track,
            "class": self.class_names[crossing.label],
            "class_share": round(crossing.class_share, 3),
            "score": round(crossing.score, 3),
            "line": crossing.line,
            "direction": crossing.direction,
            "from": crossing.sides[0],
            "to": crossing.sides[1],
            "point": point,
            "joined": crossing.is_joined or None,
            "model": self.model or None,
        }
        for observer in self.observers:
            figures |= observer.describe(crossing) if hasattr(observer, "describe") else {}
        return make_event(frame, "crossing", crossing.time, **figures)
