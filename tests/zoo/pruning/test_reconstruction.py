import keras
import numpy as np

from zoo.pruning.channels import group_channels, trace_channels
from zoo.pruning.cut import cut
from zoo.pruning.reconstruction import reconstruct


def test_channels_that_repeat_others_are_replaced_exactly():
    """Half of the hidden channels are copies of the others: without them nothing is lost after the refit."""
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 3))
    hidden = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="hidden")(x)
    y = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="last")(hidden)
    model = keras.Model(x, y)
    kernel, bias = model.get_layer("hidden").get_weights()
    model.get_layer("hidden").set_weights([np.tile(kernel[..., :8], 2), bias])
    channels = trace_channels(model)
    (group,) = group_channels(model, channels)
    keep = np.ones(channels.count, bool)
    keep[channels.widths["hidden"][1][8:]] = False
    assert group.channels.tolist() == sorted(channels.widths["hidden"][1].tolist())
    smaller = cut(model, channels, keep)
    images = np.random.default_rng(0).uniform(0, 1, (16, 8, 8, 3)).astype("float32")
    wanted = np.asarray(model(images))
    before = np.square(np.asarray(smaller(images)) - wanted).mean()
    reconstruct(model, smaller, channels, keep, images)
    after = np.square(np.asarray(smaller(images)) - wanted).mean()
    assert after < 1e-3 * before


def test_every_layer_comes_closer_and_shared_kernels_stay(residual):
    channels = trace_channels(residual)
    keep = np.ones(channels.count, bool)
    for group in group_channels(residual, channels):
        keep[group.channels[::4]] = False
    smaller = cut(residual, channels, keep)
    images = np.random.default_rng(0).uniform(0, 255, (32, 16, 16, 3)).astype("float32")
    wanted, before = np.asarray(residual(images)), np.asarray(smaller(images))
    shared = smaller.get_layer("shared").get_weights()
    reconstruct(residual, smaller, channels, keep, images)
    after = np.asarray(smaller(images))
    assert np.square(after - wanted).mean() < 0.5 * np.square(before - wanted).mean()
    assert all(
        np.array_equal(a, b) for a, b in zip(shared, smaller.get_layer("shared").get_weights(), strict=True)
    )
