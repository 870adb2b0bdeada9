import json
from pathlib import Path

import numpy as np
import pytest

from cityzoo.metrics import detection_matches
from cityzoo.metrics.coco import coco_metrics
from cityzoo.metrics.tide import FALSE_ALARM_TYPES, tide_errors
from cityzoo.sample import Detections
from tests.cityzoo.metrics.detection_sets import NOTHING, image_set

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "tide.json").read_text())
BOX, FAR = [0, 0, 100, 100], [300, 300, 400, 400]


def sets_of(case):
    """Truth and detections of a case of the golden file."""
    known = [np.reshape(image["truth"], (-1, 5)) for image in case["images"]]
    found = [np.reshape(image["found"], (-1, 6)) for image in case["images"]]
    truth = image_set(*[(rows[:, :4], rows[:, 4]) for rows in known], names=tuple("abc"[: case["n_classes"]]))
    return truth, [Detections(rows[:, :4], rows[:, 5], rows[:, 4]) for rows in found]


def counted(kinds):
    """Kind -> n of the kinds that are there."""
    return {kind: each["n"] for kind, each in kinds.items() if each["n"]}


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["id"])
def test_agrees_with_the_published_tool(case, monkeypatch):
    truth, found = sets_of(case)
    # The tool's mean takes in classes that are said but have no boxes, with an AP of 0; COCO's, and ours, does not.
    known = {int(row[4]) for image in case["images"] for row in image["truth"]}
    said = {int(row[4]) for image in case["images"] for row in image["found"]}
    share = len(known) / len(known | said)
    assert coco_metrics(truth, found)["AP50"] * share == pytest.approx(case["ap50"] / 100, abs=1e-9)
    # Its recalls are 0/100, 1/100 ...; COCO's, and ours, are multiples of .01, of which some differ in the last bit.
    # A recall of 7/25 then falls on the one side or the other, which is 1/101 of a class's curve.
    for recalls, exact in ((detection_matches.RECALLS, 1e-3), (np.arange(101) / 100, 1e-9)):
        monkeypatch.setattr(detection_matches, "RECALLS", recalls)
        kinds = tide_errors(truth, found)
        assert {kind: each["n"] for kind, each in kinds.items()} == {
            kind: each["n"] for kind, each in case["errors"].items()
        }
        for kind, each in case["errors"].items():
            assert kinds[kind]["AP50_lost"] * share == pytest.approx(each["lost"] / 100, abs=exact), kind


def test_the_golden_cases_have_errors_of_every_kind():
    assert {kind for case in GOLDEN for kind, each in case["errors"].items() if each["lost"] > 0.1} == {
        *FALSE_ALARM_TYPES,
        "missed",
    }


# One car, in an image with what is said of it.
ONE_ERROR = {
    "classification": ([BOX], [1]),
    "localisation": ([[0, 0, 100, 40]], [0]),  # IoU .4
    "both": ([[0, 0, 100, 40]], [1]),
    "background": ([FAR], [0]),
}


@pytest.mark.parametrize("kind", list(ONE_ERROR))
def test_one_error_of_each_kind(kind):
    boxes, labels = ONE_ERROR[kind]
    kinds = tide_errors(image_set(([BOX], [0])), [Detections(boxes, [0.9], labels)])
    # A wrong class or box is an object that could be found: it is not missed. Put right, all is found.
    mended = kind in ("classification", "localisation")
    assert counted(kinds) == ({kind: 1} if mended else {kind: 1, "missed": 1})
    assert kinds[kind]["AP50_lost"] == (1 if mended else 0)


def test_a_duplicate_costs_the_precision_behind_it():
    # Found .9, found again .8, the other car .7: precision 2/3 for recalls above 1/2.
    truth = image_set(([BOX, FAR], [0, 0]))
    kinds = tide_errors(truth, [Detections([BOX, BOX, FAR], [0.9, 0.8, 0.7], [0, 0, 0])])
    assert counted(kinds) == {"duplicate": 1}
    assert kinds["duplicate"]["AP50_lost"] == pytest.approx(50 / 101 / 3)


def test_of_several_errors_on_one_object_the_surest_is_put_right_and_the_others_go():
    # Badly placed .9, of the wrong class .8: the class put right finds a car that the better place would find.
    truth = image_set(([BOX], [0]), ([FAR], [1]))
    found = [Detections([[0, 0, 100, 40], BOX], [0.9, 0.8], [0, 1]), Detections([FAR], [0.7], [1])]
    kinds = tide_errors(truth, found)
    assert counted(kinds) == {"classification": 1, "localisation": 1}
    # AP50 of car 0, of bus 1/2: without the false bus it is 1
    assert kinds["classification"]["AP50_lost"] == pytest.approx(1 / 4)
    assert kinds["localisation"]["AP50_lost"] == pytest.approx(1 / 2)


def test_an_error_on_an_object_that_is_found_is_taken_away():
    truth = image_set(([BOX, FAR], [0, 0]))
    boxes = [[0, 0, 100, 40], BOX, FAR]
    kinds = tide_errors(truth, [Detections(boxes, [0.9, 0.8, 0.7], [0, 0, 0])])
    assert counted(kinds) == {"localisation": 1}
    assert kinds["localisation"]["AP50_lost"] == pytest.approx(1 - 2 / 3)


def test_missed_objects_are_left_out_of_the_count():
    kinds = tide_errors(
        image_set(([BOX, FAR], [0, 0]), ([BOX], [0])), [Detections([BOX], [0.9], [0]), NOTHING]
    )
    assert counted(kinds) == {"missed": 2}
    assert kinds["missed"]["AP50_lost"] == pytest.approx(1 - 34 / 101)  # recalls up to 1/3 were reached


def test_a_class_of_which_all_is_missed_counts_for_as_long_as_it_is_said():
    truth = image_set(([BOX], [0]), ([BOX], [1]))
    car = Detections([BOX], [0.9], [0])
    assert tide_errors(truth, [car, NOTHING])["missed"] == {"n": 1, "AP50_lost": 0.5}
    assert tide_errors(truth, [car, Detections([FAR], [0.9], [1])])["missed"] == {"n": 1, "AP50_lost": 0.0}


def test_nothing_to_go_by():
    assert tide_errors(image_set(), []) == {
        kind: {"n": 0, "AP50_lost": None} for kind in (*FALSE_ALARM_TYPES, "missed")
    }
    kinds = tide_errors(image_set(([], [])), [Detections([BOX], [0.9], [0])])
    assert counted(kinds) == {"background": 1} and kinds["background"]["AP50_lost"] is None
    assert tide_errors(image_set(([BOX], [0])), [NOTHING])["missed"] == {"n": 1, "AP50_lost": None}
