"""How far two answers agree, by numbers that were worked out by hand."""

import pytest

from cityzoo.serve.traffic_agreement import compare_answers


def box(name, *corners, score=0.9):
    """A detection."""
    return {"class": name, "score": score, "box": list(corners)}


CARS = [box("car", 0, 0, 10, 10), box("car", 20, 0, 30, 10)]


@pytest.mark.parametrize(
    ("found", "others", "wanted"),
    [
        (CARS, CARS, 1.0),
        (CARS, CARS[:1], 2 / 3),
        (CARS, [], 0.0),
        ([], [], None),
        (CARS, [box("bus", 0, 0, 10, 10), box("bus", 20, 0, 30, 10)], 0.0),  # shuffled classes
        ([box("car", 0, 0, 10, 10)], [box("car", 0, 0, 10, 5)], 1.0),  # IoU .5
        ([box("car", 0, 0, 10, 10)], [box("car", 0, 0, 10, 4.9)], 0.0),
        # Two boxes over one: the surest is matched, the other is too many.
        ([box("car", 0, 0, 10, 10), box("car", 1, 0, 11, 10, score=0.5)], [box("car", 0, 0, 10, 10)], 2 / 3),
    ],
)
def test_detections_by_the_f1_of_matched_boxes(found, others, wanted):
    """In both directions."""
    for one, two in ((found, others), (others, found)):
        result = compare_answers({"detections": one, "threshold": 0.3}, {"detections": two, "threshold": 0.4})
        assert result == (wanted if wanted is None else pytest.approx(wanted))


@pytest.mark.parametrize(
    ("answer", "other", "wanted"),
    [
        ({"class": "bus", "scores": {"bus": 0.9}}, {"class": "bus", "scores": {"bus": 0.4}}, 1.0),
        ({"classes": ["car", "bus"]}, {"classes": ["car"]}, 2 / 3),
        ({"classes": []}, {"classes": []}, None),
        ({"count": 10}, {"count": 8}, 0.8),
        ({"count": 0}, {"count": 0}, None),
        ({"score": 2.0, "alarm": True, "threshold": 1}, {"score": 1.0, "alarm": True, "threshold": 9}, 0.5),
        ({"forecast": {"a": {"0.5": [4.0, 6.0]}}}, {"forecast": {"a": {"0.5": [4.0, 5.0]}}}, 0.9),
        ({"forecast": {"a": {"0.5": [4.0, float("nan")]}}}, {"forecast": {"a": {"0.5": [4.0, 5.0]}}}, 0.0),
        ({"forecast": {"a": {"0.5": [4.0]}}}, {"forecast": {"a": {"0.5": [4.0, 5.0]}}}, 0.0),
        ({}, {}, None),
    ],
)
def test_other_answers(answer, other, wanted):
    """Classes, counts, anomaly scores, forecasts."""
    found = compare_answers(answer, other)
    assert found == (wanted if wanted is None else pytest.approx(wanted))
