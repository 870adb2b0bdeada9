"""Counts without a detector or without a tracker: what any method must beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cityzoo.errors import InputError
from cityzoo.watch.counting import LineCounter
from cityzoo.watch.counting.line_counter import BAND_OF_BOX, BAND_OF_IMAGE
from cityzoo.watch.detector import Detections, Detector
from cityzoo.watch.evaluate.mot_rows import MotRows
from cityzoo.watch.evaluate.truth import Passage
from cityzoo.watch.scene.line import FORWARD, Line, measure_side
from cityzoo.watch.tracking import Tracker

BACKGROUND_SECONDS = 20.0  # that the background subtraction remembers
LEAST_AREA = 0.0005  # of the image: smaller changes are noise
WARM_UP_SECONDS = 3.0  # in which everything is foreground
BASELINES = {
    "detections": "detections on the line, no tracker",
    "background": "background subtraction, same tracker and counter",
}


class ChangeCounter:
    """Count moving regions of a background subtraction with the tracker and the counter of a watch.

    Zivkovic, "Improved Adaptive Gaussian Mixture Model for Background Subtraction", ICPR 2004 (MOG2).

    Args:
        lines: to count at.
        image_hw: height and width of the images in pixels.
        fps: frames per second.
    """

    def __init__(self, lines: Sequence[Line], image_hw: tuple[int, int], fps: float) -> None:
        import cv2

        history = max(2, round(BACKGROUND_SECONDS * fps))
        self.model = cv2.createBackgroundSubtractorMOG2(history, detectShadows=True)
        self.tracker, self.counters = Tracker(0.5), [LineCounter(line, image_hw) for line in lines]
        self.least = LEAST_AREA * image_hw[0] * image_hw[1]
        self.passages: list[Passage] = []

    def update(self, image: np.ndarray, seconds: float) -> None:
        """Look at an image, (H, W, 3) uint8."""
        boxes = self._find(image)
        if seconds < WARM_UP_SECONDS:
            return
        found = Detections(boxes, np.ones(len(boxes), np.float32), np.zeros(len(boxes), np.int32))
        tracks = self.tracker.update(found, seconds)
        for counter in self.counters:
            crossings = counter.update(tracks, seconds)
            self.passages += [Passage(item.time, item.line, item.direction) for item in crossings]

    def _find(self, image: np.ndarray) -> np.ndarray:
        import cv2

        moving = (self.model.apply(image) == 255).astype(np.uint8)  # 127: shadows
        moving = cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        moving = cv2.dilate(moving, np.ones((5, 5), np.uint8))
        _, _, regions, _ = cv2.connectedComponentsWithStats(moving)
        regions = regions[1:][regions[1:, 4] >= self.least].astype(np.float32)
        return np.concatenate([regions[:, :2], regions[:, :2] + regions[:, 2:4]], axis=1)


class BoxCounter:
    """Count detections that appear on the line, without knowing which is which: no tracker, no direction.

    Args:
        lines: to count at.
        image_hw: height and width of the images in pixels.
        boxes: that the watch has tracked, whose ids are ignored; or the detector, which looks at every frame again.
        score: at which the watch starts tracks.
    """

    def __init__(
        self, lines: Sequence[Line], image_hw: tuple[int, int], boxes: MotRows | Detector, score: float
    ) -> None:
        self.boxes, self.score, self._frame = boxes, score, 0
        self.lines = [(line.name, line.scale(image_hw)) for line in lines]
        self.least_band = BAND_OF_IMAGE * image_hw[0]
        self.passages: list[Passage] = []
        self._before = dict.fromkeys((line.name for line in lines), 0)

    def update(self, image: np.ndarray, seconds: float) -> None:
        """Look at an image, (H, W, 3) uint8 RGB."""
        self._frame += 1
        if isinstance(self.boxes, MotRows):
            self.count(self.boxes.select(self._frame)[1], seconds)
        else:
            found = self.boxes.detect([image])[0]
            self.count(found.boxes[found.scores >= self.score], seconds)

    def count(self, boxes: np.ndarray, seconds: float) -> None:
        """Count the boxes (N, 4) of a frame."""
        for name, points in self.lines:
            now = sum(self._is_on(box, points) for box in boxes)
            more = max(0, now - self._before[name])
            self.passages += [Passage(seconds, name, FORWARD)] * more
            self._before[name] = now

    def _is_on(self, box: np.ndarray, points: np.ndarray) -> bool:
        center = (box[:2] + box[2:]) / 2
        band = max(BAND_OF_BOX * (box[3] - box[1]), self.least_band)
        ends = points[[0, -1], 0]
        inside = ends.min() - band <= center[0] <= ends.max() + band or np.ptp(ends) < band
        return bool(inside and abs(measure_side(center, points)) <= band)


def measure_video(path: Path) -> tuple[float, tuple[int, int]]:
    """Return frames per second, height and width of a video.

    Raises:
        InputError: no video.
    """
    import cv2

    capture = cv2.VideoCapture(str(path))
    places = (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH)
    fps, high, wide = (capture.get(place) for place in places)
    capture.release()
    if not (fps > 0 and high > 0):
        raise InputError(f"--video '{path}' cannot be read as a video: give the file that was watched")
    return fps, (int(high), int(wide))


def read_video(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a video, (H, W, 3) uint8 RGB."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    found, image = capture.read()
    while found:
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        found, image = capture.read()
    capture.release()


def run_baselines(
    video: Path,
    lines: Sequence[Line],
    boxes: MotRows | Detector | None,
    score: float,
    fps: float,
    seconds: float,
    progress: Callable[[int, float], None] = lambda frames, seconds: None,
) -> dict[str, list[Passage]]:
    """Return the crossings that the baselines count in a video, by name; without boxes, those of changes only.

    Args:
        video: that was watched.
        lines: to count at.
        boxes: as of `BoxCounter`.
        score: at which the watch starts tracks.
        fps: frames per second of the video.
        seconds: that were watched.
        progress: called with frames and seconds.
    """
    made: dict[str, BoxCounter | ChangeCounter] = {}
    for number, image in enumerate(read_video(video)):
        if not made:
            size = (image.shape[0], image.shape[1])
            if boxes is not None:
                made["detections"] = BoxCounter(lines, size, boxes, score)
            made["background"] = ChangeCounter(lines, size, fps)
        if number / fps > seconds:
            break
        for counter in made.values():
            counter.update(image, number / fps)
        progress(number + 1, number / fps)
    return {name: counter.passages for name, counter in made.items()}
