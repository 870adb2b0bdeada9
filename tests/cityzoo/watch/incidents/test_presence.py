"""Fire, smoke and persons: k of m frames with overlap and mean score, hysteresis, joined."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.watch.detector import Detections
from cityzoo.watch.frames import Frame
from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.scene import Scene, Zone
from tests.cityzoo.watch.watched_paths import IMAGE, NAMES

HERE, THERE = (100, 50, 140, 90), (300, 50, 340, 90)
ROAD = Scene(zones=(Zone("road", ((0, 0.4), (0.5, 0.4), (0.5, 1), (0, 1))),))


def run(rule, frames, scene=None, step=0.5):
    """Return (frame, state) of the events; frames are lists of (box, score, class)."""
    (observer,) = make_observers("road", scene or Scene(), NAMES, 0.3, rules=[rule])
    told, now = [], 0.0
    for index, found in enumerate(frames):
        now += step if not isinstance(found, float) else found
        if isinstance(found, float):
            continue
        boxes = np.array([box for box, _, _ in found], float).reshape(-1, 4)
        labels = np.array([NAMES.index(name) for _, _, name in found], int)
        seen = Detections(boxes, np.array([score for _, score, _ in found], float), labels)
        frame = Frame("road", index, now, now, IMAGE)
        events = observer.update(SimpleNamespace(frame=frame, detections=seen, tracks=[], crossings=[]))
        told += [(index, event["type"], event["state"]) for event in events]
    return told


def fire(score, box=HERE):
    return [(box, score, "fire")]


@pytest.mark.parametrize(
    ("frames", "raised"),
    [
        ([fire(0.7)] * 10, [4]),  # in its fifth frame
        ([fire(0.7), [], fire(0.7), fire(0.7), [], fire(0.7), [], fire(0.7)], [7]),  # five of eight
        (
            [fire(0.7), [], fire(0.7), [], fire(0.7), [], fire(0.7), [], fire(0.7)],
            [],
        ),  # four of eight at most
        ([fire(0.55)] * 12, []),  # the mean is too low
        ([fire(0.55), fire(0.65)] * 5, [5]),  # the mean of the five best is 0.61 with the third 0.65
        ([fire(0.7, HERE if k % 2 else THERE) for k in range(12)], []),  # never twice at one place in a row
        ([[*fire(0.7), *fire(0.7, THERE)]] * 8, [4, 4]),  # two fires
        ([[(HERE, 0.9, "car")]] * 10, []),
    ],
)
def test_five_of_eight_frames(frames, raised):
    """A table by hand."""
    assert run("fire >= 0.6 in 5 of 8 frames", frames) == [(frame, "fire", "raised") for frame in raised]


def test_hysteresis_and_release():
    """0.5 keeps what 0.6 raised, 0.4 does not; released ten seconds after the last; then the same incident again."""
    frames = [fire(0.7)] * 8 + [fire(0.5)] * 60 + [fire(0.4)] * 40 + [fire(0.7)] * 8
    told = run("fire >= 0.6 in 5 of 8 frames", frames)
    assert [state for _, _, state in told] == ["raised", "released", "raised"]
    assert told[0][0] == 4 and 68 + 20 <= told[1][0] <= 68 + 28


def test_frames_before_a_gap_do_not_count():
    """Four before and four after it."""
    frames = [fire(0.7)] * 4 + [60.0] + [fire(0.7)] * 4
    assert run("fire >= 0.6 in 5 of 8 frames", frames) == []
    assert len(run("fire >= 0.6 in 5 of 8 frames", [*frames, fire(0.7)])) == 1


def test_a_person_counts_by_the_feet():
    """In the zone with the lower edge; a person beside the road and a car on it do not count."""
    rule, road, pavement = "person in road in 3 of 5 frames", (100, 40, 110, 90), (100, 40, 110, 75)
    assert run(rule, [[(road, 0.4, "person")]] * 4, ROAD) == [(2, "person", "raised")]
    assert run(rule, [[(pavement, 0.9, "person"), (road, 0.9, "car")]] * 9, ROAD) == []
    assert run(rule, [[(road, 0.2, "person")]] * 9, ROAD) == []  # below the tracker's score


def test_a_zone_where_no_vehicle_may_be():
    """By its purpose alone; persons may be there."""
    zone = Zone("road", ROAD.zones[0].points, "forbidden")
    box = (100, 40, 110, 90)
    (observer,) = make_observers("road", Scene(zones=(zone,)), NAMES, 0.3)
    assert observer.rule.text == "vehicle in road" and observer.log.type == "presence"
    assert run("vehicle in road", [[(box, 0.4, "truck")]] * 4, ROAD) == [(2, "presence", "raised")]
    assert run("vehicle in road", [[(box, 0.9, "person")]] * 9, ROAD) == []
