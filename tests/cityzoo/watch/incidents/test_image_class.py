"""Rules on the classes of a classifier: k of m classified frames, hysteresis, release, and rules that do not fit."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.incidents.build import make_observers
from cityzoo.watch.incidents.image_class import ImageClass
from cityzoo.watch.incidents.presence import Presence
from cityzoo.watch.scene import Scene, Zone
from tests.cityzoo.watch.incidents.test_presence import run as run_boxes

SCENE = Scene(zones=(Zone("yard", ((0, 0), (1, 0), (1, 1))),))
THRESHOLDS = {"fire": 0.6, "smoke": None}
WHOLE = (0, 0, 400, 200)


def run(rule, values, step=0.5, between=0):
    """Return (number, state) of the events; values are probabilities of fire, or seconds of a gap above 1."""
    (observer,) = make_observers("road", Scene(), ["car"], rules=[rule], image_classes=THRESHOLDS)
    image, now, told = np.zeros((20, 40, 3), np.uint8), 0.0, []
    for index, value in enumerate(values):
        now += step if value <= 1 else value
        if value > 1:
            continue
        for part in range(between + 1):
            frame = SimpleNamespace(
                camera="road", index=10 * index + part, time=now, stream_seconds=now, image=image
            )
            classes = None if part else {"fire": value, "smoke": 0.0}
            seen = SimpleNamespace(frame=frame, classes=classes, tracks=[], crossings=[])
            for event in observer.update(seen):
                assert event["type"] == "fire" and event["severity"] == "high" and "point" not in event
                told.append((index, event["state"]))
            now += 0.01
    return told


@pytest.mark.parametrize("between", [0, 3])
@pytest.mark.parametrize(
    ("values", "raised"),
    [
        ([0.7] * 10, [4]),
        ([0.7, 0, 0.7, 0.7, 0, 0.7, 0, 0.7], [7]),  # five of eight
        ([0.7, 0] * 8, []),  # four of eight at most
        ([0.55] * 12, []),  # the mean is too low
        ([0.55, 0.65] * 5, [5]),  # the five best are 0.61 with the third 0.65
        ([1, 1, 1, 1, 0.4] * 3, [5]),  # the fifth has to be 0.8 of the score
        ([0.7] * 4 + [60] + [0.7] * 4, []),  # frames before a gap do not count
    ],
)
def test_k_of_m_classified_frames(values, raised, between):
    """A table by hand, the score from the run; frames in between that were not classified change nothing."""
    assert run("fire in 5 of 8 frames", values, between=between) == [(place, "raised") for place in raised]


def test_a_detector_with_one_box_of_the_whole_image_gives_the_same_alarms():
    values = np.random.default_rng(0).uniform(0.3, 0.9, 400).tolist() + [0.1] * 40
    rule = "fire >= 0.7 in 5 of 8 frames"
    boxes = run_boxes(rule, [[(WHOLE, value, "fire")] for value in values], step=0.51)
    told = run(rule, values)
    assert told == [(frame, state) for frame, _, state in boxes]
    assert len(told) >= 2


def test_hysteresis_and_release():
    """0.5 keeps what 0.6 raised, 0.4 does not; released ten seconds later; then the same incident again."""
    told = run("fire in 5 of 8 frames", [0.7] * 8 + [0.5] * 60 + [0.4] * 40 + [0.7] * 8)
    assert [state for _, state in told] == ["raised", "released", "raised"]
    assert told[0][0] == 4 and 68 + 19 <= told[1][0] <= 68 + 28


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("smoke in 5 of 8 frames", "give one, as in 'smoke >= 0.5'"),
        ("fire in yard", "in the whole image only: leave out 'yard'"),
        ("stopped fire", "unknown class of alarm 'stopped fire' 'fire': Allowed: car"),
        ("flood in 5 of 8 frames", "Allowed: camera, car, congestion, count, dwell, fire,"),
    ],
)
def test_rules_that_do_not_fit(rule, message):
    with pytest.raises(InputError) as caught:
        make_observers("road", SCENE, ["car"], rules=[rule], image_classes=THRESHOLDS)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_in_a_place_the_boxes_of_the_detector_count():
    rules = ["fire in 5 of 8 frames", "fire in yard in 5 of 8 frames", "smoke >= 0.5", "car"]
    made = make_observers("road", SCENE, ["car", "fire"], rules=rules, image_classes=THRESHOLDS)
    assert [type(item) for item in made] == [ImageClass, Presence, ImageClass, Presence]
