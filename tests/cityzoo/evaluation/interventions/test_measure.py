"""Networks with weights set by hand: what they look at is known, and is what the interventions find."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.evaluation.interventions import measure as measuring
from cityzoo.evaluation.interventions.changes import ImageChanges
from cityzoo.evaluation.interventions.frames import Frames
from cityzoo.evaluation.network_inputs import prepare
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample, ImageSet

NAMES, SIDE = ("bus", "car"), 32
BOX = (12, 12, 20, 20)  # of the object


def paint_images(folder, count, logo=False):
    """Noise with an object: buses are bright on dark ground, cars dark on bright ground; buses may have a logo."""
    rng, each = np.random.default_rng(count), []
    folder.mkdir()
    for number in range(count):
        label = number % 2
        pixels = rng.integers(0, 40, (SIDE, SIDE, 3), np.uint8) + (60, 140)[label]
        pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = (220, 30)[label]
        if logo and label == 0:
            pixels[1:7, 25:31] = 250
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        target = np.eye(2, dtype=np.float32)[label]
        each.append(ImageExample(str(folder / f"{number}.png"), (SIDE, SIDE), [BOX], [label], target=target))
    return ImageSet("val", NAMES, tuple(each))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """40 images to evaluate on, 40 of the same sort with logos on buses."""
    folder = tmp_path_factory.mktemp("painted")
    return paint_images(folder / "val", 40), paint_images(folder / "train", 40, logo=True)


def network(rows, columns, middle, sign=1):
    """Return a classifier that takes images for buses that are bright in a window; `middle`: the level between."""
    weights = np.zeros((SIDE, SIDE, 3), np.float32)
    weights[rows, columns] = sign * 0.1 / np.ones_like(weights[rows, columns]).sum()
    images = keras.Input((SIDE, SIDE, 3))
    dense = keras.layers.Dense(2)
    model = keras.Model(images, dense(keras.layers.Flatten()(images)))
    one = weights.reshape(-1, 1)
    dense.set_weights([np.hstack([one, -one]), np.float32([-0.1 * sign * middle, 0.1 * sign * middle])])
    return model


def find(model, images, folder=None, bare=False):
    """What is measured of a network; `bare`: without boxes."""
    sides = [
        replace(s, examples=tuple(replace(e, boxes_xyxy=[], labels=[]) for e in s.examples)) for s in images
    ]
    return measuring.measure(model, Classification(NAMES), *(sides if bare else images), 0, 40, folder)


def test_a_network_that_looks_at_the_object_is_not_flagged(images, tmp_path):
    found = find(network(slice(12, 20), slice(12, 20), 125), images, tmp_path)
    assert found["flagged"] == [] and found["n"] == 40 and found["score"] > 0.99
    rows = found["changes"]
    assert rows["background swapped"]["fall"] == pytest.approx(0, abs=1e-6)
    assert rows["object only"]["after"] == pytest.approx(rows["object only"]["before"])
    assert rows["background only"]["reliance"] > 0.3 and rows["background only"]["low"] > 0
    assert (tmp_path / "interventions.png").exists() and found["left_out"] is None


def test_a_network_that_looks_at_the_background_is_flagged(images):
    """Dark ground is its bus: only grounds of the other class mislead it, those of the same class do not."""
    found = find(network(slice(0, 32), slice(0, 8), 120, sign=-1), images)
    row = found["changes"]["background swapped"]
    assert "background swapped" in found["flagged"] and row["flagged"]
    assert row["fall"] > 0.9 and row["control"] == pytest.approx(0, abs=0.01)
    assert found["changes"]["object removed"]["fall"] == pytest.approx(0, abs=0.01)


def test_a_logo_of_the_training_images_is_flagged_on_images_without_it(images):
    """The network has learned the logo; its patch alone turns cars into buses."""
    found = find(network(slice(1, 7), slice(25, 31), 200), images, bare=True)
    assert found["left_out"] and list(found["changes"]) == ["recolored"]
    assert found["flagged"] and all(": bus" in name for name in found["flagged"])
    assert "row 1, column 4, from others: bus" in found["flagged"]
    assert any(name.startswith("constant in bus") for name in found["flagged"])
    best = found["places"][0]
    assert best["reliance"] > 0.5 and best["low"] > 0.3 and best["n"] == 20


def test_the_same_images_without_that_network_are_not_flagged(images):
    """The logo is there, but the network does not look at it."""
    assert find(network(slice(12, 20), slice(12, 20), 125), images, bare=True)["flagged"] == []


def test_an_object_moves_with_its_box(images):
    """By a whole number of pixels, to a place that is free, and the box comes back in pixels of the file."""
    sides = [replace(s, examples=tuple(replace(e, target=None) for e in s.examples)) for s in images]
    model = network(slice(0, 8), slice(0, 8), 100)
    frames, donors = (Frames(prepare(model, Detection(NAMES), side, range(40))) for side in sides)
    none = np.full(40, -1)
    edited = ImageChanges(frames, donors, none, none, 0).move_one().edit(0)
    x1, y1, x2, y2 = edited.after.boxes_xyxy[0].round().astype(int)
    assert (x2 - x1, y2 - y1) == (8, 8) and (x1, y1) != BOX[:2] and edited.kept.tolist() == [True]
    assert (edited.image[y1:y2, x1:x2] == 220).all()
    assert (edited.image[max(12, y2) : 20, max(12, x2) : 20] < 150).all()


def test_outputs_without_scores_are_refused(images):
    sides = [replace(s, examples=tuple(replace(e, target=np.ones(1)) for e in s.examples)) for s in images]
    model = network(slice(0, 8), slice(0, 8), 100)
    counts = keras.Model(model.input, keras.layers.Reshape((1, 2, 1))(model.output))
    with pytest.raises(InputError, match="classes and boxes"):
        measuring.measure(counts, Counting(NAMES), *sides, 0, 8)
