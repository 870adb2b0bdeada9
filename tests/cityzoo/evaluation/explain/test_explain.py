"""From files to the sheet: painted squares light up again, and maps that owe nothing to the weights do not pass."""

import keras
import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.evaluation.explain.explain import explanations
from cityzoo.evaluation.explain.explanation import rank_correlation
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet

NAMES = ("red", "green", "blue")
PANEL, STEP = 400, 410


def painted(folder, name, squares, **known):
    """A grey image, 64 x 64, with squares of 16 pixels, {class: (x, y, brightness)}."""
    pixels = np.full((64, 64, 3), 60, np.uint8)
    for label, (x, y, light) in squares.items():
        pixels[y : y + 16, x : x + 16] = 0
        pixels[y : y + 16, x : x + 16, label] = light
    Image.fromarray(pixels).save(folder / name)
    return ImageExample(str(folder / name), (64, 64), **known)


def weightless():
    """Tell colours without a weight: means of cells of 8 pixels, and their mean."""
    x = images = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D(name="head_mean")(keras.layers.AveragePooling2D(8)(x))
    return keras.Model(images, keras.layers.Rescaling(1.0, name="head_logits")(x))


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """An image that is red and less blue, in the second image nothing but a green square."""
    folder = tmp_path_factory.mktemp("explained")
    first = painted(folder, "first.png", {0: (8, 8, 255), 2: (40, 40, 200)}, target=[1, 0, 0])
    second = painted(folder, "second.png", {1: (24, 40, 255)}, target=[0, 0, 1])
    truth = ImageSet("val", NAMES, (first, second))
    results = [np.array([0.5, 0.1, 0.4]), np.array([0.1, 0.8, 0.1])]
    report = explanations(weightless(), Classification(NAMES), truth, results, 5, folder)
    return folder, truth, results, report


def glow(folder, row, panel, rows=2):
    """How far a panel differs from the image beside it, (64, 64)."""
    sheet = np.asarray(Image.open(folder / "explanations.png")).astype(float)
    top = row * (sheet.shape[0] // rows) + 10
    own, other = (sheet[top : top + PANEL, 10 + STEP * i :][:, :PANEL] for i in (0, panel))
    change = np.abs(other - own).sum(axis=-1)
    return np.asarray(Image.fromarray(change.astype(np.float32)).resize((64, 64), Image.Resampling.BOX))


@pytest.mark.parametrize("panel", [1, 2])
@pytest.mark.parametrize(("row", "square"), [(0, (8, 8)), (1, (24, 40))])
def test_the_square_that_speaks_for_the_answer_lights_up(explained, panel, row, square):
    """In the map of gradients and in that of the patch; the strongest pixel lies within it, the corner stays dark."""
    found, (x, y) = glow(explained[0], row, panel), square
    peak_y, peak_x = np.unravel_index(found.argmax(), found.shape)
    assert x <= peak_x < x + 16 and y <= peak_y < y + 16
    if panel == 2:  # the grey cells speak for each colour alike in the map of gradients
        within = found[max(y - 8, 0) : y + 24, max(x - 8, 0) : x + 24].sum()
        assert within > 0.8 * found.sum()


def test_what_is_reported(explained):
    """In the order of their choice: the right one, the wrong one. A map that needs no weights does not pass."""
    _, truth, _, report = explained
    first, second = report["images"]
    assert (first["path"], first["answer"], first["truth"]) == (truth.examples[0].name, "red", "true: red")
    assert (second["path"], second["answer"], second["truth"]) == (
        truth.examples[1].name,
        "green",
        "true: blue",
    )
    assert first["covered"] < first["value"] and first["agreement"] > 0.3
    assert report["sanity"] == {"head": 1.0, "all": 1.0, "passed": False}
    assert report["level"] == "P3" and report["method"].startswith("Grad-CAM")


def test_one_answer_of_one_image(explained, tmp_path):
    """The second class of the first image is the blue one, and the blue square is what lights up."""
    _, truth, results, _ = explained
    report = explanations(weightless(), Classification(NAMES), truth, results, "first.png:2", tmp_path)
    assert [each["answer"] for each in report["images"]] == ["blue"]
    peak = np.unravel_index(glow(tmp_path, 0, 1, rows=1).argmax(), (64, 64))
    assert all(40 <= place < 56 for place in peak)


def one_box():
    """A detector whose 64 points all say one box; its logit is how white the 8 x 8 pixels at a point are."""
    x = images = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(3, 8, 8, activation="relu", name="cells")(x)
    x = keras.layers.Conv2D(5, 1, name="head_numbers")(x)
    model = keras.Model(images, keras.layers.Reshape((64, 5), name="head_rows")(x))
    kernel = np.zeros((1, 1, 3, 5), np.float32)
    kernel[..., 4] = 0.01
    cells = np.tile(np.eye(3, dtype=np.float32) / 64, (8, 8, 1, 1))
    model.set_weights([cells, np.zeros(3), kernel, np.array([10, 30, 26, 46, -3.0])])
    return model


def test_a_box_is_explained_by_what_lies_in_it(tmp_path):
    """Random weights make other maps, not all of them elsewhere; a run that finds nothing leaves no sheet."""
    output = Detection(("car",), neck_width=8)
    image = painted(tmp_path, "a.png", {0: (8, 32, 255)}, boxes_xyxy=[[10, 30, 26, 46]], labels=[0])
    truth, found = ImageSet("val", ("car",), (image,)), [Detections([[10, 30, 26, 46]], [0.5], [0])]
    report = explanations(one_box(), output, truth, found, "a.png", tmp_path)
    assert report["images"][0]["answer"] == "car" and report["images"][0]["truth"] == "found"
    assert report["level"] == "P3" and report["method"].startswith("HiResCAM")
    sanity = report["sanity"]
    assert sanity["in_box"] > 0.5 and "% with random weights" in sanity["note"]
    assert explanations(one_box(), output, truth, [Detections([], [], [])], 3, tmp_path)["images"] == []
    assert not (tmp_path / "explanations.png").exists()


def test_random_weights_change_the_maps_of_a_network(explained, tmp_path):
    """Two fresh convolutions, whose map of an answer is not that of other weights."""
    keras.utils.set_random_seed(0)
    x = images = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(8, 8, 8, activation="relu")(x)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = keras.layers.Dense(3, name="head_logits")(keras.layers.GlobalAveragePooling2D(name="head_mean")(x))
    _, truth, results, _ = explained
    report = explanations(keras.Model(images, x), Classification(NAMES), truth, results, 2, tmp_path)
    assert report["sanity"]["passed"] and report["sanity"]["all"] < 0.5


def test_answers_that_are_maps_are_refused(explained, tmp_path):
    _, truth, _, _ = explained
    with pytest.raises(InputError, match="--explain.*classes and boxes"):
        explanations(weightless(), Counting(("car",)), truth, [], 3, tmp_path)


def test_likeness_by_hand():
    """Ranks 1 2 3 against 1 3 2: 1 - 6 * 2 / (3 * 8)."""
    assert rank_correlation(np.array([1.0, 5.0, 9.0]), np.array([0.1, 0.7, 0.4])) == 0.5
    assert rank_correlation(np.ones(3), np.arange(3.0)) is None
