"""Rules of a camera: limits by hand, files that are refused in one line, and rules that are found in labels again."""

import re

import numpy as np
import pytest

from cityzoo.data.image.scene_rules import Rules, parse_rules
from cityzoo.errors import InputError
from cityzoo.evaluation.rules.fitting import fit_rules
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car")
ROAD = {"name": "road", "points": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}
TALL = {"classes": ["car"], "at": [0.5, 1.0], "least": [0.05, 0.1], "most": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("box", "name", "broken"),
    [
        ((10, 62, 20, 75), "car", ""),  # bottom at .75: heights of .075 to .15
        ((10, 67.4, 20, 75), "car", ""),
        ((10, 67.6, 20, 75), "car", "height"),
        ((10, 59, 20, 75), "car", "height"),
        ((10, 59, 20, 75), "bus", ""),  # of which no height is known
        ((10, 40, 20, 48), "bus", "place"),
        ((10, 95, 20, 100), "car", ""),  # cut by the image, and on the edge of the road
        ((10, 70, 20, 100), "car", "height"),
        ((10, 0, 20, 48), "car", "place"),  # both: the place is named
    ],
)
def test_boxes_break_rules_of_their_class(box, name, broken):
    rules = parse_rules({"places": [ROAD], "heights": [TALL]}, NAMES).general
    assert rules.find_violations(np.array([box], float), [name], (100, 100)).tolist() == [broken]


def test_places_of_a_class_add_up_and_scenes_have_their_own_rules():
    """In pixels of another size; a scene without rules of its own has the general ones."""
    left = {"points": [[0, 0], [50, 0], [50, 200], [0, 200]], "classes": ["car"]}
    right = {**left, "points": [[150, 0], [200, 0], [200, 200], [150, 200]]}
    rules = parse_rules(
        {"reference": [200, 200], "places": [left, right], "scenes": {"north": {"places": [left]}}}, NAMES
    )
    boxes, names = np.array([[x, 5.0, x + 2, 9] for x in (9, 49, 89)]), ["car"] * 3
    assert rules.find("south").find_violations(boxes, names, (100, 100)).tolist() == ["", "place", ""]
    assert rules.find("north").find_violations(boxes, names, (100, 100)).tolist() == ["", "place", "place"]
    assert rules.find("south").find_violations(boxes, ["bus"] * 3, (100, 100)).tolist() == [""] * 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"places": [{**ROAD, "points": [[0, 0], [1, 0], [2, 1]]}]}, "outside the image"),
        ({"places": [{**ROAD, "points": []}]}, "has 0 points"),
        ({"places": [{**ROAD, "points": [[0, 0], [0.5, 0.5], [1, 1]]}]}, "no area"),
        ({"places": [{**ROAD, "points": [[0, 0], [1, 1], [1, 0], [0, 1]]}]}, "cross"),
        ({"places": [{**ROAD, "classes": ["tram"]}]}, "tram"),
        ({"places": [{**ROAD, "color": 1}]}, "color"),
        ({"places": ROAD}, "expected a list"),
        ({"places": [{**ROAD, "classes": "car"}]}, "expected a list of names"),
        ({"heights": [{**TALL, "least": [0.2, 0.1]}]}, "above most"),
        ({"heights": [{**TALL, "at": [0.5, 0.5]}]}, "two different heights"),
        ({"heights": [{**TALL, "most": [0.1]}]}, "most"),
        ({"heights": [TALL, {**TALL, "least": [0.5, 0.6], "most": [0.7, 0.8]}]}, "exclude each other"),
        ({"reference": [0, 9], "places": [ROAD]}, "width, height"),
        ({"scenes": ["north"]}, "names of scenes"),
        ({"scenes": {"north": {"lines": []}}}, "lines"),
        ({}, "empty"),
        ([], "the rules"),
    ],
)
def test_rules_that_cannot_be_are_one_line(content, expected):
    with pytest.raises(InputError, match=re.escape(expected)) as caught:
        parse_rules(content, NAMES)
    assert "\n" not in str(caught.value)


def draw_road(rng, count, top=0.4):
    """Boxes of a camera: bottoms on a band between x = .3 and .6, a fifth as tall as they are below `top`."""
    bottoms = rng.uniform(top + 0.1, 1, count)
    tall = 0.2 * (bottoms - top) * rng.uniform(0.8, 1.25, count)
    x = rng.uniform(0.3, 0.6, count)
    return 100 * np.stack([x - 0.02, bottoms - tall, x + 0.02, bottoms], axis=1)


def test_fitted_rules_keep_the_road_and_refuse_what_is_elsewhere():
    """More boxes of the same road, the same boxes beside it, and boxes of thrice and a third of the height."""
    rng = np.random.default_rng(0)
    train = ImageSet("train", NAMES, tuple(
        ImageExample(f"{n}.jpg", (100, 100), draw_road(rng, 10), [1] * 9 + [0]) for n in range(30)
    ))  # fmt: skip
    rules = fit_rules(train, ["north"] * 30)
    own, boxes, cars = rules.find("north"), draw_road(rng, 500), ["car"] * 500
    assert rules.find("south") == Rules().general and list(rules.scenes) == ["north"]
    assert np.count_nonzero(own.find_violations(boxes, cars, (100, 100))) <= 5
    assert (own.find_violations(boxes + [40, 0, 40, 0], cars, (100, 100)) == "place").all()
    for factor in (3.0, 1 / 3):
        other = boxes.copy()
        other[:, 1] = boxes[:, 3] - factor * (boxes[:, 3] - boxes[:, 1])
        assert np.mean(own.find_violations(other, cars, (100, 100)) == "height") > 0.95
    again = parse_rules({"scenes": {name: each.to_json() for name, each in rules.scenes.items()}}, NAMES)
    assert again == rules


def test_too_few_labels_are_refused():
    images = ImageSet("train", NAMES, (ImageExample("a.jpg", (100, 100), [[1, 1, 9, 9]], [1]),))
    with pytest.raises(InputError, match="20"):
        fit_rules(images, [""])
