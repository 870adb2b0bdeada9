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


def test_an_intent_that_fits_too_little_is_outside():
    logits = np.array([0.0, math.log(3)], np.float32)
    rule = {"score": "max probability", "threshold": 0.7, "temperature": 1.0}
    found = ask("intent", logits, rejection=rule)
    assert (found["class"], found["is_answered"], found["nearest"]) == ("bus", True, ["bus", "car"])
    found = ask("intent", logits, rejection={**rule, "threshold": 0.8})
    assert (found["class"], found["score"], found["fit"]["value"]) == ("outside", 0.75, 0.75)
    assert ask("intent", logits)["class"] == "bus"  # no rule: everything is answered
    assert ask("intent", logits, threshold=0.9)["is_answered"] is False
    energy = {"score": "energy", "threshold": 1.5, "temperature": 1.0}  # log(1 + 3) = 1.386
    assert ask("intent", logits, rejection=energy)["class"] == "outside"


def test_entities_have_the_characters_of_their_words():
    text, columns = "jam on A 9", {"O": 0, "B-car": 1, "I-car": 2, "B-bus": 3, "I-bus": 4}
    logits = np.full((8, 5), -9.0)
    for token, tag in enumerate(["O", "O", "O", "B-bus", "O", "I-bus", "O", "O"]):
        logits[token, columns[tag]] = 0
    examples = Examples(
        {}, texts=[text], starts=[np.array([1, 2, 3, 5])], offsets=[[(0, 3), (4, 6), (7, 8), (9, 10)]]
    )
    about = {"variant": "plain", "output": "tagging", "class_names": NAMES, "thresholds": {}}
    (found,) = answer(about, None, examples, {"tags": logits[None]})
    (entity,) = found["entities"]
    assert entity == {
        "class": "bus",
        "score": pytest.approx(1, abs=1e-3),
        "start": 7,
        "end": 10,
        "text": "A 9",
    }
    cut = Examples({}, texts=[text], starts=[np.array([1, 2, 3, -1])], offsets=examples.offsets)
    (found,) = answer(about, None, cut, {"tags": logits[None]})
    assert found["entities"][0]["text"] == "A"
    assert answer(about, None, examples, {"tags": logits[None]}, 1.1)[0]["entities"] == []


def test_the_windows_of_a_sound_are_averaged():
    about = {"variant": "plain", "output": "multilabel", "class_names": NAMES, "thresholds": {}}
    rows = np.array([[0.0, 4.0], [2.0, -4.0], [1.0, 1.0]])
    first, second = answer(about, None, Examples({}, owners=np.array([0, 0, 1])), {"y": rows})
    assert first["scores"] == pytest.approx({"car": 1 / (1 + math.exp(-1)), "bus": 0.5}, abs=1e-4)
    assert second["scores"]["car"] == second["scores"]["bus"]


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
