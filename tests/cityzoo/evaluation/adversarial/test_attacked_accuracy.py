"""Accuracy under attack of a linear model, whose worst case is known for every image."""

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.evaluation.adversarial.attacked_accuracy import Attackable, attack_levels, measure
from cityzoo.outputs.classification import Classification
from cityzoo.sample import ImageExample, ImageSet

NAMES = ("blue", "red")
MARGINS = (3, 5, 7, 9, 40)  # how much redder than blue, or bluer than red


def separate(sign=1.0):
    """The logit of "red" is the mean of red less the mean of blue: an attack by eps moves it by 2 eps."""
    images = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    layer = keras.layers.Dense(1, use_bias=False)
    model = keras.Model(images, layer(pooled))
    layer.set_weights([np.array([[sign], [0.0], [-sign]], "float32")])
    return model


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Ten images: of each class one of each margin."""
    folder, each = tmp_path_factory.mktemp("even"), []
    for label in (0, 1):
        for margin in MARGINS:
            pixels = np.full((32, 32, 3), 100, np.uint8)
            pixels[..., 0 if label else 2] += margin
            file = folder / f"{label}_{margin}.png"
            Image.fromarray(pixels).save(file)
            each.append(ImageExample(str(file), (32, 32), target=np.eye(2)[label]))
    return ImageSet("val", NAMES, tuple(each))


def test_accuracy_of_a_linear_model_is_known(truth, tmp_path):
    """An image of margin m is turned from m < 2 eps on: 1, 2, 4, 8 levels leave 5, 4, 1, 1 of 5 right."""
    given = Attackable(separate(), Classification(NAMES), truth)
    found = measure({"this model": given}, [""] * 10, "pgd:eps=3", 0, 100, tmp_path, (1, 2, 3, 4, 8))
    values = {name: row["accuracy"] for name, row in found["levels"].items()}
    assert values == {"0": 1.0, "1": 1.0, "2": 0.8, "3": 0.6, "4": 0.4, "8": 0.2}
    assert (found["n"], found["compared"]) == (10, [])
    assert (tmp_path / "adversarial.png").is_file()
    low, high = found["levels"]["2"]["interval"]
    assert low < 0.8 < high


def test_attacked_images_stay_within_their_level(truth):
    """What turns an answer is whole gray levels away, and no more than allowed."""
    found = attack_levels(Attackable(separate(), Classification(NAMES), truth), range(10), (2, 8), 0)
    assert found.right.sum(axis=1).tolist() == [10, 8, 2] and len(found.fooled) == 4
    for row, (level, image, words) in found.fooled.items():
        change = np.abs(image - found.inputs.images[row])
        assert change.max() <= level and (image == np.rint(image)).all() and words.split()[0] in NAMES


def test_a_second_model_is_compared_on_the_same_images(truth):
    """One that always errs has an accuracy of 0, so that the change is this model's accuracy."""
    models = {n: Attackable(separate(s), Classification(NAMES), truth) for n, s in (("a", 1), ("b", -1))}
    found = measure(models, [""] * 10, None, 0, 100, None, (2,))
    assert [(row["model"], row["eps"], row["change"]) for row in found["compared"]] == [
        ("b", 0, 1),
        ("b", 2, 0.8),
    ]
    assert found["curves"]["b"] == {"eps": [0, 2], "accuracy": [0.0, 0.0]}
    low, high = found["compared"][1]["change_interval"]
    assert 0.4 < low < 0.8 < high <= 1
