import keras
import numpy as np
import pytest

from zoo.adaptation.adapting import adapt
from zoo.adaptation.tuning import StillBatchNormalization


def test_a_still_batchnorm_normalises_by_its_statistics_in_training_too():
    layer = StillBatchNormalization(epsilon=0.0)
    layer.build((None, 1))
    layer.moving_mean.assign([1.0])
    layer.moving_variance.assign([4.0])
    x = np.array([[3.0], [7.0]], "float32")
    np.testing.assert_allclose(layer(x, training=True), [[1.0], [3.0]])
    assert float(layer.moving_mean[0]) == 1 and layer.trainable
    assert [weight.name for weight in layer.trainable_weights] == ["gamma", "beta"]


@pytest.mark.parametrize(
    ("name", "how", "trained"),
    [
        ("mobilenet_025", "bias", {"beta"}),
        ("mobilenet_025", "norm", {"beta", "gamma"}),
        ("vgg16", "bias", {"bias"}),
        ("convnext_tiny", "bias", {"bias", "beta"}),
        ("convnext_tiny", "norm", {"gamma", "beta"}),
    ],
)
def test_what_trains(build, name, how, trained):
    base = build(name, 64 if name == "mobilenet_025" else 32)
    adapted = adapt(base, how)
    assert {weight.name for weight in adapted.trainable_weights} == trained
    if how == "norm":  # ConvNeXt's LayerScale has a gamma too, but normalises nothing
        kinds = {type(layer).__name__ for layer in adapted._flatten_layers() if layer.trainable_weights}
        assert kinds <= {"StillBatchNormalization", "LayerNormalization", "Functional", "Sequential"}


def test_by_hand_on_mobilenet(backbone):
    # Channels of the 27 normalised maps of MobileNet 0.25: 8, then (depthwise, pointwise) of 13 blocks.
    inputs = [8, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256]
    outputs = [16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256]
    channels = 8 + sum(inputs) + sum(outputs)
    assert sum(np.prod(w.shape) for w in adapt(backbone, "bias").trainable_weights) == channels
    assert sum(np.prod(w.shape) for w in adapt(backbone, "norm").trainable_weights) == 2 * channels


def test_the_base_keeps_its_own_weights(backbone, shake):
    before = backbone.get_weights()
    adapted = shake(adapt(backbone, "norm"))
    assert not np.array_equal(adapted.get_layer("conv1_bn").gamma, backbone.get_layer("conv1_bn").gamma)
    for one, other in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert type(backbone.get_layer("conv1_bn")) is keras.layers.BatchNormalization
