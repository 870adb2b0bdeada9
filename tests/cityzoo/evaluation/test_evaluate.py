"""What a report says beyond its figures, on painted images with answers made up for them."""

import numpy as np
import pytest

from cityzoo.evaluation.evaluate import BEFORE, ComparedRun, analyze
from cityzoo.metrics.weighted import weighted_metrics_by_repetition
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("bus", "car")
OUTPUT = Classification(NAMES)


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    """Forty images, every fourth of them dark, classes in turn."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("streets")
    for name, light in (("night.png", 15), ("day.png", 150)):
        noise = np.random.default_rng(light).integers(0, 30, (48, 64, 3))
        Image.fromarray((noise + light).astype(np.uint8)).save(folder / name)
    images = [
        ImageExample(
            str(folder / ("night.png" if i % 4 == 0 else "day.png")), (48, 64), target=np.eye(2)[i % 2]
        )
        for i in range(40)
    ]
    return ImageSet("val", NAMES, tuple(images))


def answers(truth, wrong):
    """Sure answers, wrong where it is said."""
    right = np.stack([image.target for image in truth.examples])
    return [0.9 * (1 - row if i in wrong else row) + 0.05 for i, row in enumerate(right)]


def test_a_model_that_fails_in_the_dark_is_found_out(streets):
    """All ten dark images wrong: night is the worst slice, by name, with its figure and how many they are."""
    found = analyze(IMAGE, OUTPUT, streets, answers(streets, range(0, 40, 4)), {})
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
    rival = ComparedRun(OUTPUT.weighted_metrics(streets, before), "a note")
    found = analyze(IMAGE, OUTPUT, streets, answers(streets, range(0, 40, 4)), {BEFORE: rival})["compared"][
        BEFORE
    ]
    row = found["figures"]["balanced_accuracy"]
    assert row["this"] == pytest.approx(0.75) and row["other"] == pytest.approx(0.45)
    assert row["verdict"] == "better" and row["low"] > 0
    lost = {each["what"]: each for each in found["worse"]}
    assert lost["brightness: night: balanced_accuracy"]["sure"]
    assert lost["brightness: night: balanced_accuracy"]["difference"] == pytest.approx(-0.9)
    assert found["note"] == "a note"


def test_a_kind_of_ones_own_needs_no_figures_of_weighted_images(streets):
    """By default images are really repeated: the same as the fast way, for whole-numbered weights."""
    output, numbers = Counting(("car",)), np.random.default_rng(0).uniform(0, 3, len(streets))
    counted = [CountResult(float(number)) for number in numbers]
    weights = np.random.default_rng(1).integers(0, 3, (5, len(streets))).astype(float)
    weights[4] = 0
    slow, fast = (
        weighted_metrics_by_repetition(output.metrics, output.primary_metrics, streets, counted)(weights),
        output.weighted_metrics(streets, counted)(weights),
    )
    for name in output.primary_metrics:
        np.testing.assert_allclose(slow[name], fast[name], rtol=1e-9)
        assert np.isnan(slow[name][4])


def test_objects_are_judged_by_size_where_a_kind_can():
    """COCO's limits: one small, one medium, two large boxes."""
    from cityzoo.outputs.detection import Detection
    from cityzoo.sample import Detections

    boxes = [[0, 0, 31, 32], [0, 0, 33, 33], [0, 0, 96, 97], [100, 100, 300, 300]]
    truth = ImageSet("val", ("car",), (ImageExample("a.jpg", (400, 400), boxes, [0] * 4),))
    output = Detection(("car",))
    (slices,) = output.metric_slices(truth, []).values()
    assert list(slices.values()) == [("AP_small", 1), ("AP_medium", 1), ("AP_large", 2)]
    found = output.weighted_metrics(truth, [Detections(boxes[2:], [0.9, 0.8], [0, 0])])(np.ones((1, 1)))
    assert (found["AP_small"][0], found["AP_large"][0]) == (0.0, pytest.approx(1.0))
