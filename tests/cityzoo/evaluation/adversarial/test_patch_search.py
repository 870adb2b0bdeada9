"""A patch against a linear model: what is best is known, and so is what it costs."""

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.evaluation.adversarial import patch_search
from cityzoo.evaluation.adversarial.patch import Placement, collect_gradient, paste_patch, search_patch
from cityzoo.evaluation.network_inputs import prepare
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("green", "red")


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Forty gray-green images of twenty scenes, which a mean of red above that of green turns."""
    folder, each = tmp_path_factory.mktemp("green"), []
    for number in range(40):
        pixels = np.full((32, 32, 3), 100, np.uint8)
        pixels[..., 1] += 6
        file = folder / f"{number}.png"
        Image.fromarray(pixels).save(file)
        each.append(ImageExample(str(file), (32, 32), target=np.eye(2)[0], scene=f"s{number // 2}"))
    return ImageSet("val", NAMES, tuple(each))


@pytest.fixture(scope="module")
def model():
    """The logit of "red" is the mean of red less the mean of green; a pure red patch of 5 % adds about 12."""
    images = keras.Input((32, 32, 3))
    layer = keras.layers.Dense(1, use_bias=False)
    found = keras.Model(images, layer(keras.layers.GlobalAveragePooling2D()(images)))
    layer.set_weights([np.array([[1.0], [-1.0], [0.0]], "float32")])
    return found


def test_the_gradient_is_that_of_pasting():
    """By differences, at another size, darker, and where a bright pixel is cut at white."""
    rng = np.random.default_rng(0)
    image, slope = rng.uniform(0, 255, (8, 9, 3)), rng.normal(size=(8, 9, 3))
    patch = rng.uniform(20, 180, (3, 3, 3))
    patch[0, 0] = 240
    for place in (Placement(2, 1, 5, 0.8), Placement(0, 4, 2, 1.3)):
        found = collect_gradient(slope, patch, place)
        for at in np.ndindex(patch.shape):
            more = patch.copy()
            more[at] += 1e-3
            change = (paste_patch(image, more, place) - paste_patch(image, patch, place)) * slope
            assert found[at] == pytest.approx(change.sum() / 1e-3, abs=1e-4)


def test_the_best_patch_of_a_linear_model_is_found(model, truth):
    """All of it pure red: each step raises red and lowers green, whatever the place."""
    inputs = prepare(model, Classification(NAMES), truth, range(8))
    patch = search_patch(model, inputs, 7, seed=0, steps=60)
    assert patch.shape == (7, 7, 3)
    assert (patch[..., 0] == 255).all() and (patch[..., 1] == 0).all()


def test_what_it_costs_next_to_noise_and_gray(model, truth, tmp_path):
    """Every image is turned by the patch; gray leaves 95 % of the green, and noise adds as much red as green."""
    given = model, Classification(NAMES), truth, [each.scene for each in truth.examples]
    found = patch_search.measure(*given, 0.05, 0, 200, tmp_path)
    assert (found["n"], found["searched"], found["side"], found["accuracy"]) == (20, 20, 7, 1.0)
    values = {name: row["accuracy"] for name, row in found["patches"].items()}
    assert values == {"patch": 0.0, "random noise": 1.0, "gray": 1.0}
    assert found["beyond_noise"] == 1.0 and found["beyond_noise_interval"] == pytest.approx([1, 1])
    assert found["answers"] == {"class": "red", "share": 1.0}
    assert (tmp_path / "patch_search.png").is_file()


def test_scenes_stay_on_one_side(truth):
    """Half of the images on each side."""
    sides = patch_search.divide_images([each.scene for each in truth.examples], 3)
    scenes = [{truth.examples[row].scene for row in side} for side in sides]
    assert [len(side) for side in sides] == [20, 20] and not scenes[0] & scenes[1]


def test_too_few_images(model, truth):
    """Twenty at least."""
    with pytest.raises(InputError, match="--patch-search needs 20 labeled images, there are 19"):
        patch_search.measure(model, Classification(NAMES), truth, [""] * 40, 0.05, 0, 19)
