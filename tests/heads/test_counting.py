"""Density maps against what boxes say, the loss by hand, a tiny model that learns to count squares."""

import json

import keras
import numpy as np
import pytest

from heads.counting import STRIDE, UNIT, CountRegressionHead, DensityLoss, DensityMapHead, density_targets

SIZE = (96, 160)
PADDED = [-1.0] * 4


def painted(*boxes, size_hw=SIZE):
    """The map of one image, (h, w)."""
    return density_targets(np.array([boxes], "float32").reshape(1, -1, 4), size_hw)[0, ..., 0]


def middle(density):
    """Centre of mass, x and y in pixels."""
    ys, xs = ((np.arange(side) + 0.5) * STRIDE for side in density.shape)
    return (density.sum(axis=0) @ xs) / density.sum(), (density.sum(axis=1) @ ys) / density.sum()


BOXES = {
    "in the middle": [60, 30, 100, 70],
    "tiny": [83.0, 41, 83.5, 41.25],
    "tiny in a corner": [0, 0, 1, 1],
    "tiny in the other": [159, 95, 160, 96],
    "between two cells": [78, 30, 82, 50],
    "at the left edge": [0, 20, 40, 60],
    "at the lower edge": [50, 66, 110, 96],
    "in a corner": [120, 56, 160, 96],
    "wide": [0, 40, 160, 48],
    "half of it": [0, 0, 80, 96],
    "all of it": [0, 0, 160, 96],
}


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_a_box_is_one_object_in_its_middle(box):
    """In all 1, wherever it lies, and nowhere less than nothing; its middle to within half a cell."""
    density = painted(box)
    assert density.shape == (12, 20) and density.min() >= 0
    assert density.sum() == pytest.approx(1, abs=1e-5)
    expected = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    assert middle(density) == pytest.approx(expected, abs=STRIDE / 2)


@pytest.mark.parametrize("box", [[-40, 10, 30, 50], [150, 20, 260, 60], [500, 500, 600, 600]])
def test_what_reaches_beyond_the_image_still_counts_as_one(box):
    density = painted(box)
    assert np.isfinite(density).all() and density.sum() == pytest.approx(1, abs=1e-5)


def test_the_sum_is_the_number_of_boxes():
    """Of each image, padding and boxes without area left out."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, [150, 90], (3, 20, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 60, (3, 20, 2))], axis=-1).astype("float32")
    boxes[1, 7:] = PADDED
    boxes[2, :] = PADDED
    boxes[0, 3] = [50, 50, 50, 70]  # no width
    found = density_targets(boxes, SIZE)
    assert found.shape == (3, 12, 20, 1) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), [19, 7, 0], atol=1e-4)
    np.testing.assert_allclose(found[1, ..., 0], sum(painted(box) for box in boxes[1, :7]), atol=1e-6)


def test_no_rows_at_all_is_an_empty_map():
    assert density_targets(np.zeros((2, 0, 4), "float32"), SIZE).tolist() == np.zeros((2, 12, 20, 1)).tolist()


def test_the_spread_is_a_quarter_of_the_sides():
    """64 wide: a deviation of 16 pixels, to a cell's own; 8 high: no less than half a cell, 4."""
    density = painted([48, 44, 112, 52])
    xs, ys = ((np.arange(side) + 0.5) * STRIDE for side in (20, 12))
    along_x = np.exp(-((xs - 80) ** 2) / (2 * 16**2))
    along_y = np.exp(-((ys - 48) ** 2) / (2 * 4**2))
    expected = np.outer(along_y / along_y.sum(), along_x / along_x.sum())
    np.testing.assert_allclose(density, expected, atol=1e-6)


def test_most_of_a_box_lies_within_it():
    """Two deviations to either side, each way: .95 squared."""
    density = painted([40, 16, 120, 80])
    assert density[2:10, 5:15].sum() == pytest.approx(0.954**2, abs=0.02)


def test_the_loss_by_hand():
    """Cells off by .01, .02 and -.05: 1 + 4 + 25, and half of the count's error of .02."""
    truth, said = np.zeros((1, 2, 2, 1), "float32"), np.zeros((1, 2, 2, 1), "float32")
    said[0, :, :, 0] = [[0.01, 0.02], [-0.05, 0]]
    assert UNIT == 100
    assert float(DensityLoss()(truth, said)) == pytest.approx(30 + 0.5 * 0.02, rel=1e-5)
    assert float(DensityLoss(count_weight=10.0)(truth, said)) == pytest.approx(30.2, rel=1e-5)
    assert float(DensityLoss()(said, said)) == 0


def test_the_loss_is_the_mean_of_its_images():
    rng = np.random.default_rng(1)
    truth, said = rng.uniform(0, 0.1, (2, 3, 4, 6, 1)).astype("float32")
    each = [float(DensityLoss()(truth[i : i + 1], said[i : i + 1])) for i in range(3)]
    assert float(DensityLoss()(truth, said)) == pytest.approx(np.mean(each), rel=1e-5)
    np.testing.assert_allclose(DensityLoss(reduction=None)(truth, said), each, rtol=1e-5)


def test_the_loss_comes_back_from_its_config():
    """Through JSON, as a saved model does it."""
    text = json.dumps(keras.losses.serialize(DensityLoss(count_weight=3.0, name="mine")))
    again = keras.losses.deserialize(json.loads(text))
    assert isinstance(again, DensityLoss) and (again.count_weight, again.name) == (3.0, "mine")


def levels(height, width, channels=4):
    """Inputs of P3, P4 and P5 for an image of some size."""
    return {f"P{n}": keras.Input((height >> n, width >> n, channels), name=f"P{n}") for n in (3, 4, 5)}


def test_the_map_has_a_cell_for_eight_pixels():
    inputs = levels(96, 160)
    model = keras.Model(inputs, DensityMapHead(8)(inputs))
    assert model.output_shape == (None, 12, 20, 1)
    assert model.get_layer("head_cells").output.shape[1:] == (12, 20, 1)
    given = {n: np.random.default_rng(0).normal(size=(2, *x.shape[1:])) for n, x in inputs.items()}
    density = np.asarray(model(given))
    assert density.dtype == np.float32 and density.min() >= 0


def test_the_map_begins_nearly_empty():
    """Features of zero: softplus(-4) / 100 in each of the 12 x 20 cells, a twentieth of an object."""
    inputs = levels(96, 160)
    density = keras.Model(inputs, DensityMapHead(8)(inputs))(
        {n: np.zeros((1, *x.shape[1:])) for n, x in inputs.items()}
    )
    assert float(np.sum(density)) == pytest.approx(240 * np.log1p(np.exp(-4)) / 100, rel=1e-3)


def test_a_map_needs_the_finest_level():
    inputs = levels(96, 160)
    del inputs["P3"]
    with pytest.raises(ValueError, match=r"a density map needs the level P3, received \['P4', 'P5'\]"):
        DensityMapHead()(inputs)


def test_regression_says_one_number_from_the_coarsest_level():
    """softplus(relu(mean @ w + b) @ v + c), in NumPy; finer levels do not matter."""
    inputs = levels(64, 64)
    model = keras.Model(inputs, CountRegressionHead(5)(inputs))
    rng = np.random.default_rng(0)
    given = {n: rng.normal(size=(3, *x.shape[1:])).astype("float32") for n, x in inputs.items()}
    w, b = model.get_layer("head_dense").get_weights()
    v, c = model.get_layer("head_count").get_weights()
    assert w.shape == (4, 5)
    hidden = np.maximum(given["P5"].mean(axis=(1, 2)) @ w + b, 0)
    np.testing.assert_allclose(model(given), np.log1p(np.exp(hidden @ v + c)), rtol=1e-4)


@pytest.mark.parametrize("head", [DensityMapHead(8), CountRegressionHead(8)])
def test_plain_keras_loads_it_with_the_same_outputs(head, tmp_path):
    inputs = levels(64, 96)
    model = keras.Model(inputs, head(inputs))
    given = {n: np.random.default_rng(0).normal(size=(2, *x.shape[1:])) for n, x in inputs.items()}
    model.save(tmp_path / "head.keras")
    again = keras.saving.load_model(tmp_path / "head.keras", custom_objects={}, compile=False)
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}
    np.testing.assert_array_equal(again(given), model(given))


def squares(number, seed):
    """Dark images of 64 x 64 with 0 to 6 white squares of 8 x 8 that do not touch, and their boxes."""
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 0.2, (number, 64, 64, 3)).astype("float32")
    boxes = np.full((number, 6, 4), -1, "float32")
    for image in range(number):
        places = rng.choice(25, rng.integers(0, 7), replace=False)
        for row, (y, x) in enumerate(np.stack(np.divmod(places, 5), 1) * 12 + rng.integers(0, 4, 2)):
            images[image, y : y + 8, x : x + 8] = 1
            boxes[image, row] = [x, y, x + 8, y + 8]
    return images, boxes


def test_a_tiny_model_learns_to_count():
    """White squares in images that it has not seen, far better than always saying their mean."""
    keras.utils.set_random_seed(0)
    images = keras.Input((64, 64, 3))
    x, features = images, {}
    for number in range(1, 6):
        x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
        features[f"P{number}"] = x
    head = DensityMapHead(8)({name: features[name] for name in ("P3", "P4", "P5")})
    model = keras.Model(images, head)
    model.compile(keras.optimizers.Adam(0.005), DensityLoss(), jit_compile=False)
    train, boxes = squares(192, seed=0)
    model.fit(train, density_targets(boxes, (64, 64)), batch_size=16, epochs=15, verbose=0)
    held_out, boxes = squares(48, seed=1)
    true = (boxes[..., 2] > 0).sum(axis=1)
    counted = model.predict(held_out, verbose=0).sum(axis=(1, 2, 3))
    of_mean = np.abs(true - true.mean()).mean()
    assert np.abs(counted - true).mean() < of_mean / 3
