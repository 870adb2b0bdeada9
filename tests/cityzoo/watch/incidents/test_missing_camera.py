"""A camera without frames: raised by the time, released by the next frame."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.watch.detector import Detections
from cityzoo.watch.frames import Frame
from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.scene import Scene
from cityzoo.watch.sources.health import iso_time

NOTHING = Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, int))


def frame(time, index=0):
    image = np.zeros((4, 4, 3), np.uint8)
    return SimpleNamespace(
        frame=Frame("north", index, time, time, image), detections=NOTHING, tracks=[], crossings=[]
    )


def states(events):
    return [(event["type"], event["state"], event["time"][17:19]) for event in events]


@pytest.mark.parametrize("rule", ["camera missing for 30s", "silence > 30"])
def test_silence_is_raised_once_and_released(rule):
    """Frames until 5 s, then none for 40 s."""
    (observer,) = make_observers("north", Scene(), ["car"], rules=[rule])
    assert [observer.update(frame(second, second)) for second in range(6)] == [[]] * 6
    assert observer.tick(20.0) == [] and observer.health({"what": "lost", "time": iso_time(21)}) == []
    assert states(observer.tick(35.5)) == [("source", "raised", "35")] and observer.tick(40.0) == []
    assert states(observer.update(frame(45.0, 6))) == [("source", "released", "45")]
    assert observer.update(frame(45.2, 7)) == []


def test_a_gap_that_nobody_timed_is_reported_after_it():
    """Of recordings."""
    (observer,) = make_observers("north", Scene(), ["car"], rules=["camera missing for 30s"])
    observer.update(frame(0.0))
    assert states(observer.update(frame(50.0, 1))) == [
        ("source", "raised", "50"),
        ("source", "released", "50"),
    ]


def test_a_camera_that_never_comes_is_missing():
    """Since the first event of its source."""
    (observer,) = make_observers("north", Scene(), ["car"], rules=["camera missing for 30s"])
    assert observer.health({"what": "lost", "time": iso_time(1000)}) == []
    assert states(observer.health({"what": "lost", "time": iso_time(1031)})) == [("source", "raised", "11")]
