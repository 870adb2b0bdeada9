"""The loop: resolution changes, order of what happens, and intervals of several recordings."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.watch.camera import CameraWatch
from cityzoo.watch.detector import Detections
from cityzoo.watch.frames import Frame
from cityzoo.watch.output import WatchFolder
from cityzoo.watch.scene import parse_scene
from cityzoo.watch.sources.base_source import Source
from cityzoo.watch.watching import Watching

SCENE = parse_scene({"lines": [{"name": "n", "points": [[0, 0.5], [1, 0.5]]}]})


class Car(Source):
    """A car that drives down the image in 4 s, 10 frames a second; the resolution doubles half way."""

    def __init__(self, camera, start, gap=None):
        super().__init__(camera)
        self.start, self.lost = start, gap

    def __iter__(self):
        self.health.report("connected", self.start)
        if self.lost:
            self.health.report_gap(*(self.start + seconds for seconds in self.lost))
        for index in range(40):
            seconds = index / 10
            if not self.lost or not self.lost[0] < seconds < self.lost[1]:
                image = np.zeros((100, 200, 3) if index < 15 else (200, 400, 3), np.uint8)
                yield Frame(self.camera, index, self.start + seconds, seconds, image)


class OneBox:
    """Finds the car where the index of the frame says it is, in pixels of the image it is given."""

    def __init__(self):
        self.sizes, self.count = set(), {}

    def detect(self, images):
        return [self._find(image) for image in images]

    def _find(self, image):
        height, width = image.shape[:2]
        self.sizes.add((height, width))
        y = height * (self.count.setdefault(id(self), 0) / 40)
        self.count[id(self)] += 1
        box = [[0.4 * width, y - 0.08 * height, 0.6 * width, y + 0.08 * height]]
        return Detections(np.array(box, np.float32), np.array([0.9], np.float32), np.zeros(1, np.int32))


def watch(tmp_path, sources, interval=2.0):
    detector = OneBox()
    watches = {source.camera: CameraWatch(source.camera, SCENE, ["car"], None, 0.5) for source in sources}
    folder = WatchFolder(tmp_path / "out")
    watching = Watching(sources, threading.Event(), detector, watches, folder, interval)
    watching.run()
    folder.close()
    return watching, detector


def test_a_new_resolution_is_scaled_to_the_first(tmp_path):
    watching, detector = watch(tmp_path, [Car("road", 1000.0)])
    assert detector.sizes == {(100, 200)}
    assert watching.watches["road"].spread.totals("n", "forward")["nominal"] == 1
    assert (watching.start, watching.end) == (1000.0, pytest.approx(1004.0))
    assert watching.observed["road"] == pytest.approx(4.0)


def test_what_happens_is_told_when_the_frames_before_it_were_seen(tmp_path):
    """Recordings are read ahead: a gap must not reach the observers before the frames that precede it."""
    source, order = Car("road", 1000.0, gap=(2.0, 3.0)), []
    watches = {"road": CameraWatch("road", SCENE, ["car"], None, 0.5)}
    watches["road"].observers = [
        SimpleNamespace(
            update=lambda seen: order.append(round(seen.frame.stream_seconds, 1)) or [],
            health=lambda event: order.append(event["what"]) or [],
            interval=lambda start, end: {},
        )
    ]
    watching = Watching([source], threading.Event(), OneBox(), watches, WatchFolder(tmp_path / "out"), 2.0)
    watching.run()
    place = order.index("gap")
    assert order[0] == "connected"
    assert (order[place - 1], order[place + 1]) == (2.0, 3.0)
    text = (tmp_path / "out/counts.csv").read_text().splitlines()
    assert [line.split(",")[5] for line in text[1::2]] == ["1.0", "0.5"]


def test_a_failure_in_the_middle_leaves_the_counts_so_far(tmp_path):
    class Broken(Car):
        def __iter__(self):
            for frame in super().__iter__():
                if frame.index == 30:
                    raise RuntimeError("unplugged")
                yield frame

    with pytest.raises(RuntimeError, match="unplugged"):
        watch(tmp_path, [Broken("road", 1000.0)])
    rows = [row.split(",") for row in (tmp_path / "out/counts.csv").read_text().splitlines()[1:]]
    assert [(row[1], row[6]) for row in rows] == [
        ("road.n.to", "0"),
        ("road.n.from", "0"),
        ("road.n.to", "1"),
        ("road.n.from", "0"),
    ]
