"""Frame by frame against ByteTrack of the package `trackers`, which only tests use."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.watch.tracking import Tracker

FPS = 12.5


def drive(seed=0, cars=20, frames=250):
    """Yield boxes and scores per frame: cars in lanes of their own, some scores weak, some detections missing."""
    random = np.random.default_rng(seed)
    begin, speed = random.uniform(0, 10, cars), random.uniform(60, 160, cars) * random.choice([-1, 1], cars)
    y, times = 20.0 + 40 * np.arange(cars), np.zeros(cars, int)
    for frame in range(frames):
        x = np.where(speed > 0, 0, 768) + (frame / FPS - begin) * speed
        seen = (frame / FPS >= begin) & (x >= 0) & (x <= 768) & (random.random(cars) > 0.05)
        boxes = np.stack([x - 30, y - 15, x + 30, y + 15], axis=1) + random.normal(0, 1, (cars, 4))
        times += seen
        scores = random.uniform(0.12, 0.9, cars)
        scores[times <= 4] = 0.9  # `trackers` confirms by weak detections too, the paper by strong ones only
        yield boxes[seen], scores[seen]


def test_ids_of_every_frame_equal_trackers():
    trackers = pytest.importorskip("trackers")
    supervision = pytest.importorskip("supervision")
    theirs = trackers.ByteTrackTracker(
        lost_track_buffer=30,
        frame_rate=FPS,
        track_activation_threshold=0.3,
        high_conf_det_threshold=0.3,
        minimum_iou_threshold=0.2,
    )
    own, ids, compared = Tracker(0.3, 0.1), {}, 0
    for frame, (boxes, scores) in enumerate(drive()):
        found = supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int))
        answer = theirs.update(found)
        lanes = {
            round(box[1] / 40): int(key)
            for box, key in zip(answer.xyxy, answer.tracker_id, strict=True)
            if key >= 0
        }
        tracks = own.update(
            SimpleNamespace(boxes=boxes, scores=scores, labels=np.zeros(len(boxes))), frame / FPS
        )
        mine = {round(track.box[1] / 40): track.id for track in tracks if track.is_confirmed}
        assert mine.keys() == lanes.keys(), frame
        assert all(ids.setdefault(mine[lane], lanes[lane]) == lanes[lane] for lane in mine), frame
        compared += len(mine)
    assert compared > 1000
    assert len(set(ids.values())) == len(ids)
