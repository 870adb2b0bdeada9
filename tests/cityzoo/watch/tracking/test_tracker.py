"""Paths made by hand, and what the thresholds decide."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.tracking import Tracker


def detect(*boxes, scores=None, labels=None):
    """Detections of score .3 and class 1."""
    count = len(boxes)
    return SimpleNamespace(
        boxes=np.array(boxes, float).reshape(-1, 4),
        scores=np.full(count, 0.3) if scores is None else np.array(scores),
        labels=np.ones(count, int) if labels is None else np.array(labels),
    )


def car(x, y=100, width=40, height=30):
    """A box with its center at x, y."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def follow(tracker, frames, fps=10.0):
    """Ids per frame."""
    return [[track.id for track in tracker.update(found, index / fps)] for index, found in enumerate(frames)]


def test_two_cars_pass_each_other():
    frames = [detect(car(8 * i, 100), car(400 - 8 * i, 118)) for i in range(50)]
    assert follow(Tracker(0.2), frames) == [[1, 2]] * 50


@pytest.mark.parametrize("every", [1, 2, 3, 4, 6])
def test_one_id_at_low_frame_rates(every):
    """At 2 frames/s a car moves by its length from frame to frame."""
    frames = [detect(car(6 * i)) for i in range(0, 72, every)]
    assert follow(Tracker(0.2), frames, fps=12.5 / every) == [[1]] * len(frames)


def test_id_survives_occlusion_for_a_second():
    frames = [detect(*([] if 20 <= i < 28 else [car(5 * i)])) for i in range(40)]
    ids = follow(Tracker(0.2), frames)
    assert ids[19] == ids[28] == [1]
    assert ids[20:28] == [[]] * 8


def test_id_ends_after_the_lost_time():
    frames = [detect(*([] if 10 <= i < 25 else [car(100)])) for i in range(30)]
    assert follow(Tracker(0.2), frames)[25:] == [[2]] * 5


def test_weak_detections_continue_but_never_start():
    strong = [detect(car(5 * i)) for i in range(5)]
    weak = [detect(car(5 * i), scores=[0.1]) for i in range(5, 12)]
    assert follow(Tracker(0.2), strong + weak) == [[1]] * 12
    assert follow(Tracker(0.2), weak) == [[]] * 7


def test_unconfirmed_until_detected_twice_and_gone_when_missed():
    tracker = Tracker(0.2)
    assert [track.is_confirmed for track in tracker.update(detect(car(10)), 0.0)] == [False]
    tracker.update(detect(), 0.1)
    (track,) = tracker.update(detect(car(10)), 0.2)
    assert (track.id, track.is_confirmed) == (2, False)
    (track,) = tracker.update(detect(car(10)), 0.3)
    assert (track.id, track.is_confirmed) == (2, True)
    assert track.age_seconds == pytest.approx(0.1)


def test_class_by_vote_of_scores():
    tracker = Tracker(0.2)
    for i, (score, label) in enumerate([(0.3, 2), (0.5, 1), (0.3, 2), (0.4, 2)]):
        (track,) = tracker.update(detect(car(4 * i), scores=[score], labels=[label]), i / 10)
    assert (track.label, track.class_share) == (2, pytest.approx(1.0 / 1.5))


def test_clock_that_runs_backwards_starts_over():
    tracker = Tracker(0.2)
    follow(tracker, [detect(car(10))] * 3)
    assert [track.id for track in tracker.update(detect(car(10)), -5.0)] == [2]


def test_dropped_frames_move_by_the_real_time():
    """Two cars one behind the other: a step per frame instead of per second would swap them."""
    times = [0, 1, 2, 3, 4, 5, 9, 10]
    frames = [detect(car(15 * t), car(15 * t + 60)) for t in times]
    tracker = Tracker(0.2)
    assert [[x.id for x in tracker.update(f, t / 10)] for f, t in zip(frames, times, strict=True)] == [
        [1, 2]
    ] * 8


def test_nothing_above_the_threshold_is_an_error_in_one_line():
    tracker = Tracker(0.7)
    follow(tracker, [detect(car(5))] * 3)
    with pytest.raises(InputError, match="highest score is 0.30, tracks start at 0.70"):
        tracker.check_scores()


@pytest.mark.parametrize(
    "values", [{"high": 0}, {"high": 0.2, "low": 0.3}, {"high": 1.2}, {"high": 0.2, "hits": 0}]
)
def test_values_out_of_range(values):
    with pytest.raises(InputError, match="expected"):
        Tracker(**values)


def test_second_box_on_a_tracked_object_starts_no_track():
    """A detector sees the cab of a truck as a car of its own; another truck ahead is one."""
    frames = [
        detect(car(5 * i, width=80), car(5 * i + 20, width=30, height=24), car(5 * i + 90)) for i in range(9)
    ]
    assert follow(Tracker(0.2), [detect(car(0, width=80)), *frames])[1:] == [[1, 2]] * 9
