"""Paths painted by hand, watched by the tracker and the observers of rules."""

from types import SimpleNamespace

import numpy as np

from cityzoo.watch.counting import LineCounter
from cityzoo.watch.detector import Detections
from cityzoo.watch.frames import Frame
from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.scene import Scene
from cityzoo.watch.tracking import Tracker

NAMES = ("car", "truck", "person", "fire")
HW = (200, 400)
IMAGE = np.zeros((*HW, 3), np.uint8)


def drive(x, y=100.0, speed=40.0, start=0.0, end=60.0, size=(30, 20), label=0):
    """Return a vehicle: a function of the time to its box or None; x and y in pixels, speed in pixels per second."""

    def place(seconds):
        if not start <= seconds < end:
            return None
        middle = x + speed * (seconds - start)
        half = size[0] / 2, size[1] / 2
        return (middle - half[0], y - half[1], middle + half[0], y + half[1]), label

    return place


def stop(x, at, begin, until, y=100.0, speed=40.0, **settings):
    """Return a vehicle that drives from x to a place, stands there from a time until another, and drives on."""
    first = drive(x, y, speed, begin - (at - x) / speed, 1e9, **settings)
    last = drive(at, y, speed, until, 1e9, **settings)
    return lambda seconds: first(min(seconds, begin)) if seconds < until else last(seconds)


def observe(paths, seconds, observers, scene, fps=5.0, jitter=0.03, missed=0.0, gaps=(), seed=0, images=None):
    """Return the events of observers over the detections, the tracks and the crossings of a time."""
    rng, tracker = np.random.default_rng(seed), Tracker(0.3)
    counters = [LineCounter(line, HW) for line in scene.lines]
    events = []
    for index in range(int(seconds * fps)):
        now = index / fps
        if any(start <= now < end for start, end in gaps):
            continue
        found = [item for path in paths if (item := path(now)) is not None]
        found = [item for item in found if rng.random() >= missed and item[0][2] > 0 and item[0][0] < HW[1]]
        boxes = np.array([box for box, _ in found], float).reshape(-1, 4)
        boxes = boxes + rng.normal(0, jitter, boxes.shape) * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        detections = Detections(boxes, np.full(len(boxes), 0.6), np.array([label for _, label in found], int))
        tracks = tracker.update(detections, now)
        crossings = [item for counter in counters for item in counter.update(tracks, now)]
        frame = Frame("road", index, now, now, IMAGE if images is None else images(index))
        seen = SimpleNamespace(frame=frame, detections=detections, tracks=tracks, crossings=crossings)
        events += [event for observer in observers for event in observer.update(seen)]
    return events


def watch(paths, seconds, rules, scene=None, **settings):
    """Return what the rules raise and release, as `type state` with the time in seconds, and the events."""
    scene = scene or Scene()
    events = observe(
        paths, seconds, make_observers("road", scene, NAMES, 0.3, rules=rules), scene, **settings
    )
    return [(f"{event['type']} {event['state']}", event["stream_seconds"]) for event in events], events
