"""Random plain stacks: channels are handed on exactly, new ones are standard, and images stay apart."""

import keras
import numpy as np
import pytest

import zoo
from zoo import lsuv


def random_images(count, size):
    rng = np.random.default_rng(3)
    coarse = rng.uniform(0, 255, (count, size // 8, size // 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype("float32")


def test_handed_on_channels_pass_unchanged_up_to_one_scale():
    inputs = keras.Input((8, 8, 32))
    conv = keras.layers.Conv2D(64, 3, padding="same", activation="relu")
    model = keras.Model(inputs, conv(inputs))
    values = np.random.default_rng(0).uniform(0, 1, (4, 8, 8, 32)).astype("float32")
    output = np.asarray(lsuv.dirac_initialize(conv, lambda: conv(values)))
    np.testing.assert_allclose(output, model(values), rtol=1e-4, atol=1e-5)
    scale = output[..., 0].sum() / values[..., 0].sum()
    np.testing.assert_allclose(output[..., :32], values * scale, rtol=1e-4, atol=1e-5)
    # A new channel of mean 0 before its ReLU is on about half of the time.
    share_on = (output[..., 32:] > 0).mean(axis=(0, 1, 2))
    assert share_on.min() > 0.3
    assert share_on.max() < 0.7
    assert output.std() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("inputs", "outputs", "kept"), [(3, 64, 0), (64, 128, 64), (128, 128, 96), (64, 32, 24)]
)
def test_how_many_channels_are_handed_on(inputs, outputs, kept):
    random = np.random.default_rng(0).normal(size=(3, 3, inputs, outputs)).astype("float32")
    kernel, found = lsuv.dirac_kernel(random)
    assert found == kept
    assert (np.count_nonzero(kernel[:, :, :, :kept], axis=(0, 1, 2)) == 1).all()
    looked_at = np.count_nonzero(kernel[..., kept:].any(axis=(0, 1)), axis=0)
    assert (looked_at == min(inputs, lsuv.INPUTS)).all()


def test_the_same_random_kernel_gives_the_same_start():
    random = np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype("float32")
    np.testing.assert_array_equal(lsuv.dirac_kernel(random)[0], lsuv.dirac_kernel(random)[0])
    assert (lsuv.dirac_kernel(random)[0] != lsuv.dirac_kernel(random * 2)[0]).any()


def test_other_layers_are_left_to_lsuv():
    inputs = keras.Input((8, 8, 4))
    layers = [
        keras.layers.Conv2D(4, 3),
        keras.layers.Conv2D(4, 3, activation="relu", use_bias=False),
        keras.layers.DepthwiseConv2D(3, activation="relu"),
        keras.layers.Conv2D(4, 2, activation="relu"),
    ]
    for layer in layers:
        layer(inputs)
        assert not lsuv.is_plain_convolution(layer)


def test_images_differ_more_behind_a_random_vgg16_than_behind_dense_random_filters():
    keras.utils.set_random_seed(0)
    built = zoo.build("vgg16", 64, "random").model
    images = random_images(8, 64)

    def likeness(features):
        flat = np.asarray(features).reshape(len(images), -1)
        return np.corrcoef(flat)[np.triu_indices(len(images), 1)].mean()

    before = likeness(built(images)["P3"])
    zoo.calibrate(built, images)
    after = likeness(built(images)["P3"])
    assert after < before - 0.1
