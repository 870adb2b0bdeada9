"""Backbones with a classifier, random in all that could hide a mistake."""

import keras
import numpy as np
import pytest

import zoo


def randomize(model, seed=0):
    """Give normalizations and biases random values, so that a removed channel was not constant zero before."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance") or type(layer).__name__ == "LayerScale":
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            elif weight.name in ("beta", "moving_mean", "bias"):
                weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def classifier(name, size=64):
    """A backbone and the same with a class layer on all of its levels, in one flat graph."""
    row = zoo.get(name)
    size = max(size, -(-row.min_size // 32) * 32)
    levels = ("P3", "P4", "P5") if row.has_levels else ()
    backbone = zoo.build(name, size, weights="random", levels=levels).model
    means = [
        keras.layers.GlobalAveragePooling2D()(x) if len(x.shape) == 4 else x for x in backbone.output.values()
    ]
    features = keras.layers.Concatenate()(means) if len(means) > 1 else means[0]
    logits = keras.layers.Dense(5, name="head_logits")(features)
    return backbone, randomize(keras.Model(backbone.inputs[0], logits))


@pytest.fixture(scope="session")
def residual():
    """A small network with residual, depthwise, concatenated, gated and shared layers, and 8 outputs of a Dense."""
    layers = keras.layers
    like = {"padding": "same"}
    images = keras.Input((16, 16, 3), name="images")
    x = layers.Conv2D(16, 3, **like, use_bias=False, name="stem")(images)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_norm")(x))
    y = layers.DepthwiseConv2D(3, **like, depth_multiplier=2, name="deep")(x)
    y = layers.Conv2D(16, 1, name="back")(layers.Activation("silu")(y))
    x = layers.Add(name="sum")([x, y])
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = layers.Conv2D(16, 1, activation="sigmoid", name="gate")(gate)
    x = layers.Multiply(name="gated")([x, gate])
    left = layers.SeparableConv2D(24, 3, **like, name="left")(x)
    shared = layers.Conv2D(24, 3, **like, name="shared")
    right = shared(layers.Conv2D(24, 1, name="right")(shared(left)))
    x = layers.BatchNormalization(name="joint_norm")(layers.Concatenate(name="joint")([left, right, x]))
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(8)(x))
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    return randomize(keras.Model(images, layers.Dense(8, name="head_logits")(x)))
