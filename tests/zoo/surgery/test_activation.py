import json

import keras
import numpy as np
import pytest

import zoo
from zoo.surgery.activation import swap_activation


def names(model):
    """Activations of a model's layers, ReLU layers aside."""
    found = {getattr(layer, "activation", None) for layer in model.layers}
    return {activation.__name__ for activation in found if activation} - {"linear"}


def relus(model):
    """Names of ReLU layers."""
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.ReLU)]


def test_activations_within_layers_are_swapped_as_in_a_config(build, outputs):
    """VGG16 again from its own config, where "relu" was written over."""
    vgg = build("vgg16")
    text = json.dumps(vgg.get_config()).replace('"activation": "relu"', '"activation": "silu"')
    expected = keras.Model.from_config(json.loads(text))
    expected.set_weights(vgg.get_weights())
    swapped = swap_activation(vgg, "silu")
    assert names(vgg) == {"relu"} and names(swapped) == {"silu"}
    for found, weight in zip(swapped.get_weights(), vgg.get_weights(), strict=True):
        np.testing.assert_array_equal(found, weight)
    found = outputs(swapped)
    for level, value in outputs(expected).items():
        np.testing.assert_allclose(found[level], value, rtol=1e-4, atol=1e-6)
    assert zoo.pyramid_outputs(swapped) == zoo.pyramid_outputs(vgg)


def test_activations_that_are_layers_are_swapped_and_weights_shared(build, backbone):
    swapped = swap_activation(backbone, "hard_swish")
    assert len(relus(backbone)) == 27 and relus(swapped) == []
    assert names(swapped) == {"hard_silu"}
    assert [id(weight) for weight in swapped.weights] == [id(weight) for weight in backbone.weights]
    assert zoo.pyramid_outputs(swapped) == zoo.pyramid_outputs(backbone)
    resnet = swap_activation(build("resnet50"), "gelu", from_="relu")
    assert names(resnet) == {"gelu"}


def test_one_activation_among_several_is_swapped_and_its_values_are_those_of_the_new_one():
    images = keras.Input((2, 2, 3))
    x = keras.layers.ReLU(6.0, name="six")(images)
    x = keras.layers.Activation("silu", name="smooth")(x - 4)
    model = keras.Model(images, {"P3": x})
    swapped = swap_activation(model, "leaky_relu", from_="relu6")
    pixels = np.array([-1.0, 3.0, 9.0]) * np.ones((1, 2, 2, 3), "float32")
    shifted = np.array([-0.2, 3.0, 9.0]) - 4  # leaky with Keras' slope of 0.2, and not cut at 6
    np.testing.assert_allclose(swapped(pixels)["P3"][0, 0, 0], shifted / (1 + np.exp(-shifted)), rtol=1e-5)
    assert relus(model) == ["six"]


def test_gates_are_left_alone(build):
    """MobileNetV3 writes hard sigmoid as ReLU6(x + 3) / 6, nine times; others' gates are sigmoids."""
    small = build("mobilenet_v3_small_075")
    swapped = swap_activation(small, "silu")
    inner = [name for name in relus(small) if name.endswith("squeeze_excite_relu")]
    assert len(inner) == 9
    assert not set(inner) & set(relus(swapped)) and len(relus(swapped)) == 9
    assert names(swapped) == {"silu"}
    assert names(swap_activation(build("tiny"), "gelu")) == {"gelu", "sigmoid"}


def test_what_is_frozen_stays_frozen(build):
    vgg = build("vgg16")
    zoo.freeze(vgg, "C2")
    swapped = swap_activation(vgg, "silu")
    zoo.freeze(vgg, "none")
    assert not swapped.get_layer("block1_conv1").trainable
    assert swapped.get_layer("block4_conv1").trainable


def test_what_cannot_be_swapped_is_refused(build, backbone):
    with pytest.raises(ValueError, match="no activation to swap for 'silu' from 'gelu'; it has: relu6"):
        swap_activation(backbone, "silu", from_="gelu")
    with pytest.raises(ValueError, match="no activation to swap for 'silu'; it has: silu"):
        swap_activation(swap_activation(build("tiny"), "swish"), "swish")
    with pytest.raises(ValueError, match="unknown activation 'rellu': did you mean 'relu'"):
        swap_activation(backbone, "rellu")
    with pytest.raises(ValueError, match="unknown activation 'sigmoid'"):
        swap_activation(backbone, "sigmoid")
