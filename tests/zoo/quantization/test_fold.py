"""Folded models compute the same as before, without a BatchNorm."""

import keras
import numpy as np
import pytest

import zoo
from zoo.quantization.fold import fold_batchnorm

LARGE = {
    "convnext_large",
    "convnext_xlarge",
    "efficientnet_b6",
    "efficientnet_b7",
    "efficientnet_v2_l",
    "nasnet_large",
}


RANGES = {"gamma": (0.3, 0.7), "moving_variance": (1.0, 2.0)}  # outputs do not explode over a hundred layers


def randomize(model, seed=0):
    """Give all BatchNorms statistics and scales other than 0 and 1."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                weight.assign(rng.uniform(*RANGES.get(weight.name, (-0.3, 0.3)), weight.shape))
    return model


def largest_difference(one, other, size=32):
    """Largest difference of two models' outputs on random images, as a share of the largest output."""
    images = np.random.default_rng(1).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
    pairs = zip(keras.tree.flatten(one(images)), keras.tree.flatten(other(images)), strict=True)
    arrays = [(np.asarray(a), np.asarray(b)) for a, b in pairs]
    assert all(np.isfinite(a).all() for a, _ in arrays)
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in arrays)


def make_model():
    """A network with every case: shared towers, a BatchNorm alone, a separable convolution, a dense layer."""
    layers = keras.layers
    images = keras.Input((32, 32, 3))
    x = layers.BatchNormalization(name="alone")(images)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="conv_bn")(x))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.BatchNormalization(scale=False, name="depthwise_bn")(x)
    x = layers.SeparableConv2D(8, 3, depth_multiplier=2, use_bias=False, name="separable")(x)
    x = layers.BatchNormalization(name="separable_bn")(x)
    tower = layers.Conv2D(8, 3, padding="same", name="tower")
    one = layers.BatchNormalization(name="one")(tower(x))
    two = layers.BatchNormalization(name="two")(tower(layers.MaxPooling2D()(x)))
    flat = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1, activation="relu", name="active")(one))
    flat = layers.BatchNormalization(name="after_relu")(flat)
    dense = layers.BatchNormalization(center=False)(layers.Dense(5, name="dense")(flat))
    return randomize(keras.Model(images, {"dense": dense, "two": two}))


def test_folding_changes_nothing():
    """One fused layer for each BatchNorm; where nothing can be fused, it becomes a depthwise convolution or stays."""
    model = make_model()
    levels = {"x": model.get_layer("separable_bn").output}
    folded, found = fold_batchnorm(model, levels)
    assert largest_difference(model, folded) < 1e-5
    assert largest_difference(keras.Model(model.input, levels), keras.Model(folded.input, found)) < 1e-5
    norms = [layer.name for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms == ["after_relu"]
    assert isinstance(folded.get_layer("alone"), keras.layers.DepthwiseConv2D)
    assert {"conv", "depthwise", "separable_depthwise", "separable_pointwise", "one", "two", "dense"} <= {
        layer.name for layer in folded.layers
    }
    assert len({layer.name for layer in folded.layers}) == len(folded.layers)


def test_the_folded_model_is_its_own():
    """Changing its weights leaves the model that it was made from as it was."""
    model = make_model()
    before = [weight.copy() for weight in model.get_weights()]
    folded, _ = fold_batchnorm(model)
    folded.get_layer("conv").kernel.assign(folded.get_layer("conv").kernel * 0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.names() if name not in LARGE])
def test_every_backbone_folds(name):
    """folded(x) == original(x), to 1e-4 of the largest output."""
    size = -(-zoo.get(name).min_size // 32) * 32  # xception takes multiples of 32 from 71
    if zoo.get(name).has_levels:
        model = zoo.build(name, (size, size), "random").model
    else:
        row = zoo.get(name)
        model = getattr(keras.applications, row.builder)(
            include_top=False, weights=None, input_shape=(size, size, 3), **row.kwargs
        )
    randomize(model)
    assert largest_difference(model, fold_batchnorm(model)[0], size) < 1e-4
