"""Tracking and counting take little time, and distances from a line are those of its nearest segment."""

import time

import numpy as np

from cityzoo.watch.counting import LineCounter
from cityzoo.watch.detector import Detections
from cityzoo.watch.scene import Line
from cityzoo.watch.scene.line import measure_side, measure_sides
from cityzoo.watch.tracking import Tracker


def test_distances_of_many_points_are_those_of_each():
    points = np.array([[0.0, 10.0], [50.0, 10.0], [80.0, 60.0]])
    random = np.random.default_rng(0)
    centers = random.uniform(-20, 100, (50, 2))
    together = measure_sides(centers, points)
    assert together.tolist() == [measure_side(center, points) for center in centers]
    steps = np.linspace(0, 1, 2001)[:, None]
    segments = np.concatenate([a + steps * (b - a) for a, b in zip(points[:-1], points[1:], strict=True)])
    nearest = np.linalg.norm(centers[:, None] - segments[None], axis=2).argmin(axis=1)
    for center, distance, at in zip(centers, together, nearest, strict=True):
        along = np.diff(points, axis=0)[at // 2001]
        across = along[0] * (center - segments[at])[1] - along[1] * (center - segments[at])[0]
        assert np.sign(distance) == np.sign(across)


def test_twenty_objects_take_a_millisecond():
    random = np.random.default_rng(0)
    start, speed = random.uniform(0, 600, (20, 2)), random.uniform(-4, 4, (20, 2))
    found = []
    for frame in range(100):
        center = start + frame * speed
        boxes = np.concatenate([center - [20, 15], center + [20, 15]], axis=1).astype(np.float32)
        found.append(Detections(boxes, np.full(20, 0.6, np.float32), np.ones(20, np.int32)))
    times = []
    for _ in range(5):
        tracker, counter = Tracker(0.2), LineCounter(Line("l", ((0, 0.5), (1, 0.5))), (600, 600))
        started = time.process_time()
        for frame, detections in enumerate(found):
            counter.update(tracker.update(detections, frame / 10), frame / 10)
        times.append((time.process_time() - started) / len(found))
    assert min(times) < 0.001  # measured: 0.0005
