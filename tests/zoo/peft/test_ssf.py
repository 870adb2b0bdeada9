import keras
import numpy as np
import pytest

from zoo.peft.adapt import adapt
from zoo.peft.channel_tuning import ScaleAndShift, ScaleShift
from zoo.peft.rewrite import plain_copy

LAYERS = {  # how to make it, channels of its output for four of the input
    "conv": (lambda: keras.layers.Conv2D(6, 3, activation="relu"), 6),
    "conv without bias": (lambda: keras.layers.Conv2D(6, 3, use_bias=False), 6),
    "depthwise": (lambda: keras.layers.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh"), 8),
    "separable": (lambda: keras.layers.SeparableConv2D(6, 3, depth_multiplier=2, use_bias=False), 6),
    "dense": (lambda: keras.layers.Dense(5, activation="sigmoid"), 5),
    "batchnorm without gamma": (lambda: keras.layers.BatchNormalization(scale=False), 4),
    "batchnorm without beta": (lambda: keras.layers.BatchNormalization(center=False), 4),
    "layernorm": (lambda: keras.layers.LayerNormalization(), 4),
    "groupnorm without gamma": (lambda: keras.layers.GroupNormalization(2, scale=False), 4),
}


def test_scale_and_shift_by_hand():
    layer = ScaleShift()
    layer.build((None, 2))
    layer.gamma.assign([2.0, 3.0])
    layer.beta.assign([0.5, -1.0])
    np.testing.assert_array_equal(layer(np.array([[1.0, 1.0]])), [[2.5, 2.0]])


@pytest.mark.parametrize("name", LAYERS)
def test_it_acts_before_the_activation_and_folds_into_the_layer(name):
    make, channels = LAYERS[name]
    layer, rng = make(), np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 5, 4)).astype("float32")
    inputs = keras.Input((5, 5, 4))
    model = keras.Model(inputs, layer(inputs))
    for weight in layer.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    (chain,) = ScaleAndShift().plan(model, [layer], seed=0).values()
    gamma, beta = rng.uniform(0.5, 2, channels), rng.normal(size=channels)
    value = x
    for step in chain:
        value = step(value)
        if isinstance(step, ScaleShift):
            step.gamma.assign(gamma)
            step.beta.assign(beta)
            before, value = value, step(value)
    activation = getattr(layer, "activation", keras.activations.linear)
    linear = keras.ops.convert_to_numpy(before)
    np.testing.assert_allclose(value, activation(linear * gamma + beta), rtol=1e-5, atol=1e-5)
    folded = plain_copy(layer, ScaleAndShift().fold(chain))
    assert type(folded) is type(layer)
    np.testing.assert_allclose(folded(x), value, rtol=1e-4, atol=1e-5)


def test_a_layer_that_feeds_a_batchnorm_alone_gets_none(backbone, build):
    def scaled(model):
        return {layer.name for layer in adapt(model, "ssf").layers if isinstance(layer, ScaleShift)}

    names = scaled(backbone)
    assert "conv1_bn_ssf" in names and "conv1_ssf" not in names and len(names) == 27
    vgg = scaled(build("vgg16", 32))
    assert len(vgg) == 13 and "block1_conv1_ssf" in vgg


def test_a_layer_that_is_also_an_output_gets_one():
    images = keras.Input((32, 32, 3))
    conv = keras.layers.Conv2D(2, 1, name="conv")(images)
    model = keras.Model(images, {"raw": conv, "normed": keras.layers.BatchNormalization(name="bn")(conv)})
    names = [layer.name for layer in adapt(model, "ssf").adaptation.layers]
    assert names == ["conv_ssf", "bn_ssf"]
