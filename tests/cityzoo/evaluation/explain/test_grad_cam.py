"""Maps of networks whose weights are known: by hand and by Euler's theorem."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from cityzoo.evaluation.explain.grad_cam import GradCam, feature_levels
from cityzoo.model import assemble
from cityzoo.outputs.attribution_target import AttributionTarget
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample


def colour_teller():
    """Means of cells of 8 pixels, their mean, and a logit for red, green and blue: 1/10 a grey level."""
    x = images = keras.Input((32, 64, 3))
    x = keras.layers.AveragePooling2D(8)(x)
    x = keras.layers.GlobalAveragePooling2D(name="head_P3_mean")(x)
    return keras.Model(images, keras.layers.Rescaling(0.1, name="head_logits")(x))


def squares():
    """A red square in the third and fourth cell of the first rows, a blue one below."""
    image = np.zeros((1, 32, 64, 3), np.float32)
    image[:, :16, 16:32, 0] = 200
    image[:, 16:24, 8:16, 2] = 100
    return image


@pytest.mark.parametrize("mirrored", [False, True])
def test_grad_cam_by_hand(mirrored):
    """d logit / d cell is 1/10 / 32 cells; so the red square's cells have 200/320, and nothing else has anything."""
    red, blue = GradCam(colour_teller(), mirrored)(
        np.repeat(squares(), 2, 0), [AttributionTarget((i,), 1, "") for i in (0, 2)]
    )
    expected = np.zeros((2, 4, 8))
    expected[0, :2, 2:4], expected[1, 2, 1] = 200 / 320, 100 / 320
    assert np.stack([red, blue]) == pytest.approx(expected, abs=1e-6)


def test_a_sure_no_has_the_sign_turned():
    """One logit for two classes: what speaks for the second speaks against the first."""
    maps = GradCam(colour_teller())
    yes, no = maps(np.repeat(squares(), 2, 0), [AttributionTarget((0,), sign, "") for sign in (1, -1)])
    assert (yes == -no).all() and yes.max() > 0


@pytest.fixture(scope="module")
def detector(small_build):
    """A fresh detector on five fresh convolutions, at 64 pixels, and a dark image with a bright square."""
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.build", small_build)
        output = Detection(("car", "bus"), neck_width=8)
        model = assemble("slim", output, (64, 64)).model
    image = np.zeros((1, 64, 64, 3), np.float32)
    image[:, 34:50, 12:30] = 255
    return model, output, image


def test_levels_are_found_by_the_graph(detector):
    """Those that the neck takes; of a classifier those that are pooled."""
    model, _, _ = detector
    assert {name: x.shape[1] for name, x in feature_levels(model).items()} == {"P3": 8, "P4": 4, "P5": 2}
    with pytest.raises(ValueError, match="no layer neck_ or head_"):
        feature_levels(keras.Model(images := keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 2)(images)))


def test_the_maps_of_all_levels_sum_up_to_the_logit(detector):
    """Without biases the head is homogeneous, so by Euler x . df/dx = f; the logits' bias alone is not in the map."""
    model, output, image = detector
    logits = keras.ops.convert_to_numpy(model(image))[0]
    asked = [
        output.attribution_target(logits, np.eye(3, dtype=np.float32), ImageExample("a", (64, 64)), n)
        for n in range(3)
    ]
    bias = -np.log(99)
    for each, found in zip(asked, GradCam(model)(np.repeat(image, 3, 0), asked), strict=True):
        assert found.shape == (8, 8)
        assert found.sum() == pytest.approx(logits[each.place] - bias, abs=1e-5)


def test_a_detections_map_peaks_in_its_box(detector):
    """Of the surest detection; and the features that it takes are those of the square."""
    model, output, image = detector
    logits = keras.ops.convert_to_numpy(model(image))[0]
    asked = output.attribution_target(logits, np.eye(3, dtype=np.float32), ImageExample("a", (64, 64)), 0)
    (found,) = GradCam(model)(image, [asked])
    y, x = (8 * np.array(np.unravel_index(found.argmax(), found.shape)) + 4).tolist()
    x1, y1, x2, y2 = asked.box_xyxy
    assert x1 < x < x2 and y1 < y < y2 and 8 <= x <= 34 and 30 <= y <= 54


def test_a_classifier_takes_what_its_head_pools(small_zoo):
    model = assemble("slim", Classification(("a", "b")), (64, 64)).model
    assert list(feature_levels(model)) == ["P4", "P5"]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it is JAX that runs these tests")
def test_all_of_this_holds_on_jax():
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", __file__]
    ran = subprocess.run(
        words, env={**os.environ, "KERAS_BACKEND": "jax"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
