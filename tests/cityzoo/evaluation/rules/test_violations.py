"""Detections against rules: counted and filtered, with numbers worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image.scene_rules import parse_rules
from cityzoo.evaluation.rules import violations
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet

ROAD = {"points": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}


@pytest.fixture
def scene(tmp_path):
    """Twelve images with a car on the road, found with .9; half of them have a surer car in the sky."""
    Image.fromarray(np.zeros((100, 100, 3), np.uint8)).save(tmp_path / "a.png")
    image = ImageExample(str(tmp_path / "a.png"), (100, 100), [[10, 60, 30, 80]], [0], scene="north")
    alone = Detections([[10, 60, 30, 80]], [0.9], [0])
    both = Detections([[50, 10, 70, 30], [10, 60, 30, 80]], [0.95, 0.9], [0, 0])
    return ImageSet("val", ("car",), (image,) * 12), [alone, both] * 6


def test_violations_are_counted_and_the_filter_gains_what_they_cost(scene, tmp_path):
    truth, results = scene
    rules = parse_rules({"places": [ROAD]}, truth.class_names)
    found = violations.measure(rules, Detection(("car",)), truth, results, ["north"] * 12, tmp_path)
    assert found["violations"] == {"car": {"place": 6, "height": 0, "right": 0}}
    assert (found["detections"], found["labels"], found["boxes"], found["without_rules"]) == (18, 0, 12, 0)
    row = found["filtered"]["AP50"]
    assert row["this"] == 1 and row["other"] == pytest.approx(2 / 3, abs=0.01)
    assert row["low"] > 0 and row["verdict"] == "better"
    assert (tmp_path / "rules.png").exists()


def test_a_rule_that_is_wrong_shows_in_the_labels(scene):
    """Only the sky is allowed: what it removes is right."""
    truth, results = scene
    sky = {"points": [[0, 0], [1, 0], [1, 0.5], [0, 0.5]]}
    rules = parse_rules({"scenes": {"north": {"places": [sky]}}}, truth.class_names)
    found = violations.measure(rules, Detection(("car",)), truth, results, ["north"] * 11 + ["south"])
    assert found["violations"]["car"] == {"place": 11, "height": 0, "right": 11}
    assert (found["labels"], found["without_rules"]) == (11, 1)
    assert found["filtered"]["AP50"]["verdict"] == "worse"
