"""Rates found where the best one is known, a model that is left alone, and the image."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.fit.lr_finder import FEWEST_STEPS, RangeTest, draw, find_lr, suggest
from cityzoo.fit.optimizers import optimizer


def linear(noise=0.0, curvature=2.0, rows=16, batches=100):
    """A linear model and its batches: the mean squared error is a quadratic of this curvature in all directions."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(8, 1))
    x = rng.normal(size=(batches * rows, 8)) * np.sqrt(curvature / 2)
    y = x @ truth + noise * np.sqrt(curvature / 2) * rng.normal(size=(len(x), 1))
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(inputs))
    return model, tf.data.Dataset.from_tensor_slices((x.astype("float32"), y.astype("float32"))).batch(rows)


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("curvature", [0.02, 2.0, 20.0])
def test_it_finds_the_best_rate_of_a_quadratic(curvature, noise):
    """Newton's step has the rate 1 / curvature; twice that diverges."""
    model, batches = linear(noise, curvature)
    rate, found = find_lr(model, "mse", batches, keras.optimizers.SGD, lowest=1e-5, highest=1e3, verbose=0)
    assert 1 / 3 < rate * curvature < 3
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 100, (
        "it goes on after the loss exploded"
    )
    assert found.losses[-1] > 4 * min(found.smoothed)


def test_the_figures_are_the_losses_of_each_batch_alone():
    """Before the step at that rate; so small rates show the loss of the start."""
    model, batches = linear()
    start = model.get_weights()[0]
    _, found = find_lr(model, "mse", batches, keras.optimizers.SGD, lowest=1e-12, highest=1e3, verbose=0)
    wanted = [np.mean((x.numpy() @ start - y.numpy()) ** 2) for x, y in batches.take(20)]
    assert found.losses[:20] == pytest.approx(wanted, rel=1e-3)
    assert found.rates[0] == 1e-12
    assert found.rates[1] / found.rates[0] == pytest.approx(found.rates[20] / found.rates[19])
    assert found.rates[99 * 12 // 15 - 1] < 1.0 < found.rates[99 * 12 // 15 + 1]


def test_the_model_is_left_as_it_was():
    """Weights, statistics, dropout's counter, its own optimizer: bit for bit, after rates that break it."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.2)(x)))
    model.compile("adam", "mse")
    _, batches = linear()
    model.fit(batches.take(2), shuffle=False, verbose=0)
    own = model.optimizer

    def everything():
        return [keras.ops.convert_to_numpy(v).copy() for v in [*model.variables, *own.variables]]

    before = everything()
    find_lr(
        model,
        "mse",
        batches,
        lambda rates: optimizer("lookahead:sgd", rates, clip_norm=None),
        lowest=1e-4,
        highest=1e6,
        verbose=0,
    )
    assert model.optimizer is own
    for one, other in zip(before, everything(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_steepest_share_counts_not_the_steepest_fall():
    """From 60 to 25 is less than from 100 to 60, and more of what was left."""
    losses = [100.0] * 5 + [60.0] * 5 + [25.0] * 5 + [300.0]
    rates = [10.0**i for i in range(len(losses))]
    assert suggest(rates, losses, 3) == rates[9]


def test_noise_before_and_a_fall_after_the_explosion_do_not_mislead():
    """A loss that flutters by a tenth, falls by half, explodes, and comes back from high above."""
    rng = np.random.default_rng(0)
    flat, fall = np.full(40, 2.0), np.linspace(2.0, 1.0, 20)
    losses = np.concatenate([flat, fall, np.full(10, 1.0)]) * rng.uniform(0.9, 1.1, 70)
    losses = [*losses, 8.0, 30.0, 20.0, 9.0, 4.0]
    rates = np.geomspace(1e-6, 1.0, len(losses))
    assert rates[40] < suggest(rates, losses, 10) < rates[60]


def test_what_finds_nothing_says_why():
    """A range that is none, data that ends at once, a loss that no rate lowers."""
    model, batches = linear()
    for lowest, highest, steps in ((0.0, 1.0, 100), (1.0, 0.1, 100), (1e-3, 1.0, FEWEST_STEPS - 1)):
        with pytest.raises(InputError, match="make no range"):
            find_lr(model, "mse", batches, keras.optimizers.SGD, lowest=lowest, highest=highest, steps=steps)
    with pytest.raises(InputError, match="only 3 steps"):
        suggest([1, 2, 3], [1.0, 1.0, 1.0], 5)
    with pytest.raises(InputError, match="falls at no rate"):
        suggest(range(1, 21), np.linspace(1, 3, 20), 5)
    model.set_weights([np.full((8, 1), np.nan)])
    with pytest.raises(InputError, match="only 0 steps"):
        find_lr(model, "mse", batches, keras.optimizers.SGD, verbose=0)


def test_the_image_shows_the_curve_and_the_rate(tmp_path):
    """A PNG; where the rate is marked there is the colour of the mark, top to bottom, at that place of the axis."""
    rates = np.geomspace(1e-6, 1.0, 61).tolist()
    losses = [2.0 - min(i, 40) / 40 for i in range(60)] + [50.0]
    draw(RangeTest(rates, losses, losses), 1e-3, tmp_path / "lr.png")
    pixels = np.asarray(Image.open(tmp_path / "lr.png").convert("RGB")).astype(int)
    orange = np.abs(pixels - (0xD5, 0x5E, 0x00)).sum(axis=-1) < 12
    columns = np.flatnonzero(orange.mean(axis=0) > 0.6)
    assert len(columns) in (3, 4), "a line of two points at 120 dpi"
    assert abs(columns.mean() / pixels.shape[1] - 0.53) < 0.04, "half way between 1e-6 and 1"
    assert (np.abs(pixels - (0x00, 0x72, 0xB2)).sum(axis=-1) < 12).sum() > 500
