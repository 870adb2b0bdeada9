"""What a report says beyond its figures, on painted pictures with answers made up for them."""

import numpy as np
import pytest

from cityzoo.kinds.classification import Classification
from cityzoo.kinds.counting import Count, Counting
from cityzoo.report.judgement import BEFORE, Rival, judgement
from cityzoo.report.repeated import weighed_by_repeating
from cityzoo.sample import Picture, PictureSet

NAMES = ("bus", "car")
KIND = Classification(NAMES)


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    """Forty pictures, every fourth of them dark, classes in turn."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("streets")
    for name, light in (("night.png", 15), ("day.png", 150)):
        noise = np.random.default_rng(light).integers(0, 30, (48, 64, 3))
        Image.fromarray((noise + light).astype(np.uint8)).save(folder / name)
    pictures = [
        Picture(str(folder / ("night.png" if i % 4 == 0 else "day.png")), (48, 64), target=np.eye(2)[i % 2])
        for i in range(40)
    ]
    return PictureSet("val", NAMES, tuple(pictures))


def answers(truth, wrong):
    """Sure answers, wrong where it is said."""
    right = np.stack([picture.target for picture in truth.pictures])
    return [0.9 * (1 - row if i in wrong else row) + 0.05 for i, row in enumerate(right)]


def test_a_model_that_fails_in_the_dark_is_found_out(streets):
    """All ten dark pictures wrong: night is the worst slice, by name, with its figure and how many they are."""
    found = judgement(KIND, streets, answers(streets, range(0, 40, 4)), {})
    worst = found["worst_slice"]
    assert (worst["by"], worst["name"], worst["n"], worst["figure"]) == (
        "brightness",
        "night",
        10,
        "balanced_accuracy",
    )
    # every fourth of the classes in turn: all the dark ones are buses
    assert worst["value"] == 0.0 and worst["overall"] == pytest.approx(0.75)
    low, high = found["intervals"]["balanced_accuracy"]
    assert 0.55 < low < 0.75 < high < 0.95
    assert found["compared"] == {}


def test_what_got_worse_is_listed_though_the_whole_got_better(streets):
    """Before: all cars and two buses wrong; after: the ten dark buses."""
    before = answers(streets, [*range(1, 40, 2), 0, 2])
    rival = Rival(KIND.weighed(streets, before), "a note")
    found = judgement(KIND, streets, answers(streets, range(0, 40, 4)), {BEFORE: rival})["compared"][BEFORE]
    row = found["figures"]["balanced_accuracy"]
    assert row["this"] == pytest.approx(0.75) and row["other"] == pytest.approx(0.45)
    assert row["verdict"] == "better" and row["low"] > 0
    lost = {each["what"]: each for each in found["worse"]}
    assert lost["brightness: night: balanced_accuracy"]["sure"]
    assert lost["brightness: night: balanced_accuracy"]["difference"] == pytest.approx(-0.9)
    assert found["note"] == "a note"


def test_a_kind_of_ones_own_needs_no_figures_of_weighted_pictures(streets):
    """By default pictures are really repeated: the same as the fast way, for whole-numbered weights."""
    kind, numbers = Counting(("car",)), np.random.default_rng(0).uniform(0, 3, len(streets))
    counted = [Count(float(number)) for number in numbers]
    weights = np.random.default_rng(1).integers(0, 3, (5, len(streets))).astype(float)
    weights[4] = 0
    slow, fast = (
        weighed_by_repeating(kind, streets, counted)(weights),
        kind.weighed(streets, counted)(weights),
    )
    for name in kind.headline:
        np.testing.assert_allclose(slow[name], fast[name], rtol=1e-9)
        assert np.isnan(slow[name][4])


def test_objects_are_judged_by_size_where_a_kind_can():
    """COCO's limits: one small, one medium, two large boxes."""
    from cityzoo.kinds.detection import Detection
    from cityzoo.sample import Detections

    boxes = [[0, 0, 31, 32], [0, 0, 33, 33], [0, 0, 96, 97], [100, 100, 300, 300]]
    truth = PictureSet("val", ("car",), (Picture("a.jpg", (400, 400), boxes, [0] * 4),))
    kind = Detection(("car",))
    assert list(kind.sizes(truth).values()) == [("AP_small", 1), ("AP_medium", 1), ("AP_large", 2)]
    found = kind.weighed(truth, [Detections(boxes[2:], [0.9, 0.8], [0, 0])])(np.ones((1, 1)))
    assert (found["AP_small"][0], found["AP_large"][0]) == (0.0, pytest.approx(1.0))
