"""What outputs mean, in numbers worked out by hand."""

import math
from datetime import datetime

import numpy as np
import pytest

from cityzoo.outputs.anomaly import SMOOTH_CELLS
from cityzoo.serve.answers import answer
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError

NAMES = ["car", "bus"]


def ask(kind, output, threshold=None, **about):
    """The answer of a model with one output for one example."""
    known = {"variant": "plain", "output": kind, "class_names": NAMES, "thresholds": {}, **about}
    (found,) = answer(
        known, None, Examples({}, times=[datetime(2026, 11, 29, 8)]), {"y": output[None]}, threshold
    )
    return found


def test_classes_of_logits():
    found = ask("classification", np.array([0.0, math.log(3)], np.float32))
    assert (found["class"], found["score"], found["scores"]) == ("bus", 0.75, {"car": 0.25, "bus": 0.75})
    single = ask("classification", np.array([math.log(4)], np.float32))
    assert single["scores"] == {"car": 0.2, "bus": 0.8}  # one logit: that of the second class


def test_alarms_by_the_thresholds_of_the_report():
    logits = np.array([0.0, math.log(3)], np.float32)
    assert ask("classification", logits, thresholds={"alarm: bus": 0.7})["alarms"] == ["bus"]
    assert ask("classification", logits, thresholds={"alarm: bus": 0.8})["alarms"] == []


def test_several_classes_each_with_its_own_probability():
    found = ask("multilabel", np.array([math.log(3), -math.log(4)], np.float32))
    assert found["classes"] == [{"class": "car", "score": 0.75}]
    assert found["scores"] == {"car": 0.75, "bus": 0.2}
    assert len(ask("multilabel", np.zeros(2), threshold=0.4)["classes"]) == 2


def test_counts_are_the_sum_of_the_density():
    assert ask("counting", np.full((2, 3, 1), 0.5))["count"] == 3.0


def test_anomalies_are_blurred_as_in_evaluation():
    cv2 = pytest.importorskip("cv2")
    heat = np.zeros((8, 8, 1), np.float32)
    heat[3, 4] = 10
    found = ask("anomaly", heat, thresholds={"alarm": 1.0})
    smooth = cv2.GaussianBlur(heat[..., 0], (0, 0), SMOOTH_CELLS, borderType=cv2.BORDER_REPLICATE)
    assert found["score"] == pytest.approx(float(smooth.max()), abs=1e-4)
    assert found["alarm"] is True
    assert ask("anomaly", heat, threshold=5.0)["alarm"] is False
    assert ask("anomaly", heat)["alarm"] is False  # no threshold was found when it was trained


def test_forecasts_have_times_sensors_and_quantiles():
    series = {
        "sensors": ["a", "b"],
        "channels": ["speed"],
        "units": ["km/h"],
        "step_seconds": 900,
        "quantiles": [0.1, 0.5],
    }
    found = ask("forecast", np.arange(8, dtype=np.float32).reshape(2, 2, 2), series=series)
    assert found["times"] == ["2026-11-29T08:15:00", "2026-11-29T08:30:00"]
    assert found["forecast"] == {"a": {"0.1": [0, 4], "0.5": [1, 5]}, "b": {"0.1": [2, 6], "0.5": [3, 7]}}
    assert found["unit"] == "km/h"


def test_a_model_that_does_not_say_what_it_answers():
    with pytest.raises(HttpError) as error:
        ask("", np.zeros(2))
    assert error.value.status == 501
