import numpy as np
import pytest

from cityzoo.metrics.coco import coco_metrics
from cityzoo.metrics.detection_curves import ALL_CLASSES, confusion, curves, thresholds
from cityzoo.metrics.matching import operating_threshold
from cityzoo.metrics.tide import tide_errors
from cityzoo.sample import Detections
from tests.cityzoo.metrics.detection_sets import NOTHING, image_set, nasty_sets, random_set

CAR, BUS = [[0, 0, 20, 20]], [[100, 100, 140, 140]]


@pytest.mark.parametrize(
    "name", ["random", "tied scores", "one class missing", "crowded", "over 100", "no detections"]
)
def test_the_mean_of_a_curve_is_the_class_s_ap50(name):
    truth, found = nasty_sets()[name]
    drawn, report = curves(truth, found)["precision_recall"], coco_metrics(truth, found)["per_class"]
    assert list(drawn) == [key for key, scores in report.items() if scores["n_boxes"]]
    for key, curve in drawn.items():
        assert len(curve["recall"]) == len(curve["precision"]) == 101
        assert np.mean(curve["precision"]) == pytest.approx(report[key]["AP50"], abs=1e-9)


@pytest.mark.parametrize("name", ["random", "tied scores", "one class missing", "crowded", "one image"])
def test_confusion_thresholds_curves_and_error_kinds_count_the_same(name):
    truth, found = nasty_sets()[name]
    n_boxes = {key: scores["n_boxes"] for key, scores in coco_metrics(truth, found)["per_class"].items()}
    drawn, points = curves(truth, found)["f1"], thresholds(truth, found, [0.5], [2000])
    best = operating_threshold(truth, found)
    assert {key: points["best F1"][key] for key in ("score", "precision", "recall")} == {
        key: pytest.approx(best[key]) for key in ("score", "precision", "recall")
    }
    places = [point for point in points.values() if point["score"] is not None]
    assert len(places) > 1
    for point in [*places, *({"score": percent / 100} for percent in (0, 30, 70, 100))]:
        score = point["score"]
        table = confusion(truth, found, score)
        assert list(table) == list(table["car"]) == [*truth.class_names, "background"]
        assert {key: sum(table[key].values()) for key in n_boxes} == n_boxes
        kept = {
            key: sum(int((some.filter_by_score(score).labels == label).sum()) for some in found)
            for label, key in enumerate(n_boxes)
        }
        assert {key: sum(row[key] for row in table.values()) for key in n_boxes} == kept
        right, said, boxes = (
            sum(table[key][key] for key in n_boxes),
            sum(kept.values()),
            sum(n_boxes.values()),
        )
        if "precision" in point:
            assert (point["precision"], point["recall"]) == pytest.approx((right / said, right / boxes))
            assert point["false_alarms_per_1000"] == pytest.approx(1000 * (said - right) / len(truth))
        else:
            place = drawn[ALL_CLASSES]["score"].index(score)
            assert drawn[ALL_CLASSES]["f1"][place] == pytest.approx(2 * right / (said + boxes))
            for key in drawn.keys() - {ALL_CLASSES}:
                f1 = 2 * table[key][key] / (kept[key] + n_boxes[key])
                assert drawn[key]["f1"][place] == pytest.approx(f1)
    wrong = [each["n"] for kind, each in tide_errors(truth, found).items() if kind != "missed"]
    everything = confusion(truth, found, 0)
    assert sum(wrong) == sum(map(len, found)) - sum(everything[key][key] for key in n_boxes)


def test_a_score_that_float32_cannot_hold_is_kept_at_its_own_threshold():
    truth = image_set((CAR, [0]))
    for score in (0.1, 0.3, 0.7):
        f1 = curves(truth, [Detections(CAR, [score], [0])])["f1"]["car"]["f1"]
        place = round(100 * score)
        assert (f1[place], f1[place + 1]) == (1, 0)
        assert confusion(truth, [Detections(CAR, [score], [0])], score)["car"]["car"] == 1


def test_confusion_worked_out_by_hand():
    # A rider on a motorbike, both found rightly though each lies on the other, too (IoU .8); a bus said to be a car
    # and, less sure, a van and a bus; a car that nothing finds; a van where there is nothing.
    bike, rider = [0, 0, 20, 40], [0, 4, 20, 40]
    truth = image_set(
        ([bike, rider, *BUS], [0, 1, 1]), (CAR, [2]), names=("motorbike", "person", "background")
    )
    found = [
        Detections([rider, bike, *BUS * 2], [0.9, 0.8, 0.7, 0.6], [0, 1, 0, 2]),
        Detections([[300, 300, 320, 320]], [0.5], [2]),
    ]
    assert confusion(truth, found, 0.5) == {
        "motorbike": {"motorbike": 1, "person": 0, "background": 0, "no object": 0},
        "person": {"motorbike": 1, "person": 1, "background": 0, "no object": 0},
        "background": {"motorbike": 0, "person": 0, "background": 0, "no object": 1},
        "no object": {"motorbike": 0, "person": 0, "background": 2, "no object": 0},
    }
    assert confusion(truth, found, 0.65)["no object"]["background"] == 0
    assert confusion(truth, found, 0.75)["person"] == {
        "motorbike": 0, "person": 1, "background": 0, "no object": 1
    }  # fmt: skip
    # an object of its own class that is found less surely counts all the same, as it does for recall
    surer = [Detections([*BUS, *BUS], [0.9, 0.6], [0, 1]), NOTHING]
    assert (
        confusion(truth, surer, 0.5)["person"]["person"]
        == confusion(truth, surer, 0.5)["no object"]["motorbike"]
        == 1
    )


def test_thresholds_worked_out_by_hand():
    # Four cars in ten images; ranked: right .9, right .8, false .7, right .6, false .5, right .4.
    nowhere, frames = [[300, 300, 310, 310]], [(CAR, [0])] * 4 + [([], [])] * 6
    said = [
        Detections(CAR, [0.9], [0]),
        Detections(CAR, [0.8], [0]),
        Detections([*CAR, *nowhere], [0.6, 0.7], [0, 0]),
        Detections([*nowhere, *CAR], [0.5, 0.4], [0, 0]),
        *[NOTHING] * 6,
    ]
    points = thresholds(image_set(*frames), said, [0.7, 0.9, 1], [1, 99, 100, 150, 1000])
    assert list(points) == [
        *("best F1", "precision 70 %", "precision 90 %", "precision 100 %"),
        *(f"{n} in 1,000 frames" for n in ("1 false alarm", "99 false alarms", "100 false alarms")),
        *("150 false alarms in 1,000 frames", "1,000 false alarms in 1,000 frames"),
    ]
    told = {wish: tuple(point.values()) for wish, point in points.items()}
    lower, upper = (0.6, 3 / 4, 3 / 4, 100), (0.8, 1, 2 / 4, 0)  # score, precision, recall, alarms
    none = (None,) * 4
    assert told["best F1"] == pytest.approx((0.4, 4 / 6, 1, 200))
    assert told["precision 70 %"] == pytest.approx(lower)
    assert told["precision 90 %"] == told["precision 100 %"] == pytest.approx(upper)
    # one false alarm in ten images is the least that can be told
    assert told["1 false alarm in 1,000 frames"] == told["99 false alarms in 1,000 frames"] == (*none, 100)
    assert told["100 false alarms in 1,000 frames"] == pytest.approx((*lower, 100))
    assert told["150 false alarms in 1,000 frames"] == pytest.approx((*lower, 100))
    assert told["1,000 false alarms in 1,000 frames"] == pytest.approx((0.4, 4 / 6, 1, 200, 100))


def test_wishes_that_no_score_keeps():
    nowhere = Detections([[300, 300, 310, 310]], [0.9], [0])
    points = thresholds(image_set((CAR, [0])), [nowhere], [0.1], [999, 1000])
    told = {wish: point["score"] for wish, point in points.items()}
    assert told == {
        "best F1": None,
        "precision 10 %": None,
        "999 false alarms in 1,000 frames": None,
        "1,000 false alarms in 1,000 frames": pytest.approx(0.9),
    }
    without = thresholds(image_set(([], [])), [nowhere], [], [1000])["1,000 false alarms in 1,000 frames"]
    assert (without["recall"], without["precision"], without["false_alarms_per_1000"]) == (None, 0, 1000)


def test_nothing_to_go_by():
    for truth, found in ((image_set(), []), (image_set(([], [])), [NOTHING])):
        assert curves(truth, found) == {"precision_recall": {}, "f1": {}}
        assert {n for row in confusion(truth, found, 0.5).values() for n in row.values()} == {0}
        for point in thresholds(truth, found).values():
            assert {point[key] for key in ("score", "precision", "recall", "false_alarms_per_1000")} == {None}
            assert point.get("smallest_rate_shown", None) == (1000 if len(truth) and len(point) > 4 else None)
    truth, _ = random_set(0)
    drawn = curves(truth, [NOTHING] * len(truth))
    assert set(drawn["f1"][ALL_CLASSES]["f1"]) == {0} and set(
        drawn["precision_recall"]["car"]["precision"]
    ) == {0}
