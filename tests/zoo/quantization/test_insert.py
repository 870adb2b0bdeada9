"""Fake quantization computes as int8, trains, is saved, and leaves the float tail alone."""

import keras
import numpy as np
import pytest

from zoo.quantization.fold import fold_batchnorm
from zoo.quantization.insert import (
    insert_fake_quantization,
    raw_outputs,
    set_ranges,
    with_rounded_weights,
)
from zoo.quantization.layers import FakeQuantConv2D, FakeQuantize, fake_quantize_kernel
from zoo.quantization.sensitivity import measure_layers, owners_of_ranges

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 16, 16, 3)).astype(np.float32)


def make_detector(bias=False):
    """A tiny network with a shared tower, a depthwise convolution, an addition, and arithmetic behind the last ones."""
    layers = keras.layers
    images = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1.0, name="rescale")(images)
    x = layers.ReLU(name="conv_relu")(
        layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", name="conv")(x))
    )
    y = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.MaxPooling2D()(layers.Add(name="add")([x, y]))
    tower = layers.Conv2D(4, 3, name="tower", use_bias=False)
    one, two = tower(x), tower(layers.MaxPooling2D()(x))
    boxes = layers.Conv2D(4, 1, name="boxes")(one)
    rows = [keras.ops.softplus(keras.ops.reshape(t, (-1, t.shape[1] * t.shape[2], 4))) for t in (boxes, two)]
    return keras.Model(images, layers.Concatenate(axis=1, name="rows")(rows))


@pytest.fixture(scope="module")
def models():
    """The folded model, and the same with fake quantization and ranges."""
    keras.utils.set_random_seed(0)
    folded, _ = fold_batchnorm(make_detector())
    quantized, _ = insert_fake_quantization(folded, freeze_after=2)
    set_ranges(quantized, [IMAGES[:4], IMAGES[4:]])
    return folded, quantized


def test_weights_and_activations_take_few_values(models):
    """255 steps per channel, 256 between the smallest and the largest activation."""
    folded, quantized = models
    kernel = np.asarray(fake_quantize_kernel(folded.get_layer("conv").kernel))
    exact = np.asarray(folded.get_layer("conv").kernel)
    step = np.abs(exact).max(axis=(0, 1, 2)) / 127
    assert np.allclose(kernel / step, np.round(kernel / step), atol=1e-3)
    assert np.abs(kernel - exact).max() <= step.max() * 0.51
    depthwise = folded.get_layer("depthwise").kernel
    rounded = np.asarray(fake_quantize_kernel(depthwise, axes=2))
    assert np.allclose(np.abs(rounded).max(axis=(0, 1)), np.abs(np.asarray(depthwise)).max(axis=(0, 1)))
    inside = keras.Model(quantized.input, quantized.get_layer("add_range").output)(IMAGES)
    assert len(np.unique(np.asarray(inside))) <= 256


def test_ranges_are_what_the_float_model_gives(models):
    """Lowest and highest value over all batches, but for rounded weights; the input's are those of the images."""
    folded, quantized = models
    values = np.asarray(keras.Model(folded.input, folded.get_layer("add").output)(IMAGES))
    layer = quantized.get_layer("add_range")
    assert np.allclose([float(layer.low), float(layer.high)], [values.min(), values.max()], rtol=0.02)
    assert np.isclose(float(quantized.get_layer("images_range").high), IMAGES.max())


def test_every_tensor_that_int8_stores_has_a_range_and_the_tail_has_none(models):
    """Not before a ReLU, which is computed together with the layer before; one for each call of a shared layer."""
    folded, quantized = models
    names = {layer.name for layer in quantized.layers if isinstance(layer, FakeQuantize)}
    assert names == {
        f"{name}_range"
        for name in ("images", "rescale", "conv_relu", "depthwise", "add", "tower", "tower_2", "boxes")
    }
    assert [t._keras_history.operation.name for t in raw_outputs(folded)] == ["tower", "boxes"]
    owners = owners_of_ranges(quantized)
    assert owners["conv_relu_range"] == "conv" and owners["images_range"] == ""


def test_close_to_float(models):
    """Within a few steps of the output."""
    folded, quantized = models
    exact, rounded = np.asarray(folded(IMAGES)), np.asarray(quantized(IMAGES))
    assert 0 < np.abs(exact - rounded).mean() < 0.02 * exact.std()


def test_layers_can_stay_in_float(models):
    """Neither their weights nor their outputs are rounded."""
    folded, _ = models
    kept, _ = insert_fake_quantization(folded, keep_float=("conv", "conv_relu"))
    assert type(kept.get_layer("conv")) is keras.layers.Conv2D
    assert "conv_relu_range" not in {layer.name for layer in kept.layers}


def test_a_saved_model_loads_and_exports_with_rounded_weights(models, tmp_path):
    """The file computes the same; so do plain layers that hold the rounded weights."""
    _, quantized = models
    quantized.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    want = np.asarray(quantized(IMAGES))
    assert np.array_equal(np.asarray(loaded(IMAGES)), want)
    plain = with_rounded_weights(loaded)
    assert not any(isinstance(layer, FakeQuantConv2D) for layer in plain.layers)
    assert np.allclose(np.asarray(plain(IMAGES)), want, atol=1e-5)


def test_gradients_pass_and_ranges_stop_moving(models):
    """All weights get gradients; a range follows the data for two steps, a hundredth of the way, then stands still."""
    folded, _ = models
    quantized, _ = insert_fake_quantization(folded, freeze_after=2)
    set_ranges(quantized, [IMAGES])
    layer = quantized.get_layer("images_range")
    highs, before = [float(layer.high)], [w.numpy().copy() for w in quantized.trainable_weights]
    quantized.compile(keras.optimizers.SGD(0.1), "mse")
    for _ in range(4):
        quantized.train_on_batch(IMAGES / 2, np.zeros((8, *quantized.output_shape[1:])))
        highs.append(float(layer.high))
    assert all(np.any(a != b.numpy()) for a, b in zip(before, quantized.trainable_weights, strict=True))
    half = IMAGES.max() / 2
    assert np.isclose(highs[1], highs[0] + 0.01 * (half - highs[0])) and highs[1] > highs[2]
    assert highs[2] == highs[3] == highs[4]


def test_the_noise_of_a_layer_is_measured_alone(models):
    """A layer whose weights lie on few steps already makes less noise than before."""
    folded, quantized = models
    found = measure_layers(folded, quantized, IMAGES)
    assert set(found) == {"conv", "depthwise", "tower", "boxes"}
    assert all(20 < value < 80 for value in found.values())


def test_ranges_need_data(models):
    """No batch is an error, not a range of 0 to 1."""
    with pytest.raises(ValueError, match="at least one calibration batch"):
        set_ranges(models[1], [])
