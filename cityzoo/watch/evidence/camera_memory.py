"""The last seconds of a camera and its background, of covered frames only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.watch.evidence.frame_cover import FrameCover
from cityzoo.watch.evidence.moments import Background, Moment, encode_jpeg
from cityzoo.watch.evidence.redaction import Redaction
from cityzoo.watch.frames import Thinner
from cityzoo.watch.scene import Scene

if TYPE_CHECKING:
    from cityzoo.watch.camera import Observation
    from cityzoo.watch.counting import Crossing

FPS = 10.0  # of clips
MOST_BYTES = 64 << 20  # of JPEGs


class CameraMemory:
    """Cover the frames of a camera, and keep the last seconds of them.

    Args:
        redaction: of the frames.
        class_names: of the detections.
        scene: with privacy zones.
        seconds: that are kept.
        keeps_frames: else only what was seen in them is kept, and the background.

    Attributes:
        ring: of the last seconds, oldest first.
        background: of the camera.
    """

    def __init__(
        self,
        redaction: Redaction,
        class_names: Sequence[str],
        scene: Scene,
        seconds: float,
        keeps_frames: bool = True,
    ) -> None:
        self.seconds, self.keeps_frames = seconds, keeps_frames
        self.ring: deque[Moment] = deque()
        self.background = Background()
        self._cover = FrameCover(redaction, class_names, scene)
        self._thinner, self._last, self._bytes = Thinner(FPS), float("-inf"), 0
        self._crossings: list[Crossing] = []

    def update(self, observation: Observation) -> list[Moment]:
        """Take a frame; return the moments that are ready, at most `FPS` a second."""
        return self._remember(self._cover.push(observation))

    def flush(self) -> list[Moment]:
        """Return the moments that waited for later frames."""
        return self._remember(self._cover.flush())

    def _remember(self, covered: Iterable[tuple[Observation, np.ndarray]]) -> list[Moment]:
        ready = []
        for observation, image in covered:
            frame = observation.frame
            if frame.time < self._last:  # the source has started again
                self._thinner = Thinner(FPS)
                self._drop(len(self.ring))
            self._last = frame.time
            self._crossings += observation.crossings
            is_kept, is_sample = self._thinner.is_due(frame.time), self.background.is_due(frame.time)
            jpeg = encode_jpeg(image) if is_sample or (is_kept and self.keeps_frames) else None
            if is_sample and jpeg:
                self.background.add(jpeg, frame.time)
            if is_kept:
                seen, self._crossings = (tuple(observation.tracks), tuple(self._crossings)), []
                size_hw, kept = (image.shape[0], image.shape[1]), jpeg if self.keeps_frames else None
                scale = image.shape[0] / frame.image.shape[0]
                ready.append(Moment(frame.time, frame.stream_seconds, size_hw, scale, *seen, kept))
        self._keep(ready)
        return ready

    def _keep(self, moments: Sequence[Moment]) -> None:
        self.ring.extend(moments)
        self._bytes += sum(len(moment.jpeg or b"") for moment in moments)
        while self.ring and (self.ring[0].time < self._last - self.seconds or self._bytes > MOST_BYTES):
            self._drop(1)

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= len(self.ring.popleft().jpeg or b"")
