"""One camera: events of crossings, spans of time that were observed, what observers are told."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.watch.camera import CameraWatch
from cityzoo.watch.detector import Detections
from cityzoo.watch.frames import Frame
from cityzoo.watch.scene import parse_scene
from cityzoo.watch.sources.health import iso_time

SCENE = parse_scene({"lines": [{"name": "n", "points": [[0, 0.5], [1, 0.5]], "from": "city", "to": "sea"}]})


def drive(watch, start=1000.0, frames=10, fps=10):
    """A car goes down over the line; returns all events."""
    events = []
    for index in range(frames):
        y = 100.0 * index / frames
        boxes = np.array([[80, y - 8, 120, y + 8]], np.float32)
        found = Detections(boxes, np.array([0.5], np.float32), np.array([1], np.int32))
        frame = Frame("road", index, start + index / fps, index / fps, np.zeros((100, 200, 3), np.uint8))
        events += watch.update(frame, found)[1]
    return events


def test_a_crossing_is_an_event_with_its_own_time_and_place():
    watch = CameraWatch("road", SCENE, ["bus", "car"], None, 0.4, model="abc")
    (event,) = drive(watch)
    assert watch.image_hw == (100, 200)
    assert event["id"]
    assert {key: event[key] for key in ("type", "line", "direction", "from", "to", "class", "model")} == {
        "type": "crossing",
        "line": "n",
        "direction": "forward",
        "from": "city",
        "to": "sea",
        "class": "car",
        "model": "abc",
    }
    assert event["stream_seconds"] == pytest.approx(0.5, abs=0.05)
    assert event["time"] == iso_time(1000 + event["stream_seconds"])
    assert event["point"] == pytest.approx([0.5, 0.5], abs=0.01)


def test_gaps_and_the_time_after_the_last_frame_are_not_observed():
    watch = CameraWatch("road", SCENE, ["bus", "car"], (100, 200), 0.4)
    assert watch.spans(0, 2000) == []
    drive(watch, 1000.0, 11)
    watch.health({"type": "source", "what": "gap", "from": iso_time(1000.25), "to": iso_time(1000.5)})
    spans = np.array(watch.spans(0, 2000))
    np.testing.assert_allclose(spans, [[1000, 1000.25], [1000.5, 1001.1]], atol=1e-3)
    np.testing.assert_allclose(watch.spans(1000.6, 1000.7), [[1000.6, 1000.7]])


def test_observers_see_every_frame_and_every_event_of_the_source():
    seen = []
    observer = SimpleNamespace(
        update=lambda observation: [{"type": "stopped", "frame": observation.frame.index}],
        health=lambda event: seen.append(event["what"]) or [{"type": "missing"}],
        interval=lambda start, end: {},
    )
    watch = CameraWatch("road", SCENE, ["bus", "car"], None, 0.4, observers=[observer])
    assert len([event for event in drive(watch) if event["type"] == "stopped"]) == 10
    assert watch.health({"type": "source", "what": "lost"}) == [{"type": "missing"}]
    assert seen == ["lost"]


def test_observers_see_tracks_only_where_a_strong_detection_shows_them():
    seen = []
    observer = SimpleNamespace(update=lambda observation: seen.append(len(observation.tracks)) or [])
    watch = CameraWatch("road", SCENE, ["bus", "car"], (100, 200), 0.4, observers=[observer])
    for index, score in enumerate((0.5, 0.5, 0.2, 0.5)):
        found = Detections(
            np.array([[80, 10, 120, 26]], np.float32), np.array([score], np.float32), np.array([1])
        )
        frame = Frame("road", index, index / 10, index / 10, np.zeros((100, 200, 3), np.uint8))
        observation, _ = watch.update(frame, found)
        assert len(observation.tracks) == 1
    assert seen == [1, 1, 0, 1]
