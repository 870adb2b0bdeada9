import keras
import numpy as np
import pytest

from zoo.peft.adapt import adapt
from zoo.peft.channel_tuning import Norm, StillBatchNormalization
from zoo.peft.rewrite import operations


def test_a_still_batchnorm_normalises_by_its_statistics_in_training_too():
    layer = StillBatchNormalization(epsilon=0.0)
    layer.build((None, 1))
    layer.moving_mean.assign([1.0])
    layer.moving_variance.assign([4.0])
    x = np.array([[3.0], [7.0]], "float32")
    np.testing.assert_allclose(layer(x, training=True), [[1.0], [3.0]])
    assert float(layer.moving_mean[0]) == 1 and layer.trainable
    assert [weight.name for weight in layer.trainable_weights] == ["gamma", "beta"]


@pytest.mark.parametrize(("how", "trained"), [("bias", {"bias", "beta"}), ("norm", {"gamma", "beta"})])
def test_what_trains(tiny, how, trained):
    assert {weight.name for weight in adapt(tiny, how).trainable_weights} == trained


def test_what_only_scales_is_no_normalisation(build):
    convnext = build("convnext_tiny", 32)  # its LayerScale has a gamma too
    chosen = Norm().plan(convnext, operations(convnext), seed=0)
    assert {type(layer) for layer in chosen} == {keras.layers.LayerNormalization}
    assert len(chosen) == 18 + 1 + 3 + 1  # in the blocks, in the stem, before downsampling, at the end


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
