import keras
import numpy as np
import pytest

import zoo
from zoo.surgery.attention import insert_attention
from zoo.surgery.insertion import BY_SAMPLE, add_dropout, residual_branches, stochastic_depth


def drops(model):
    """Rates of the layers that leave out branches, in graph order."""
    return [
        layer.rate
        for layer in model.layers
        if type(layer) is keras.layers.Dropout and tuple(layer.noise_shape) == BY_SAMPLE
    ]


def test_dropout_leaves_out_whole_channels_in_training_alone(backbone, assert_same):
    dropped = add_dropout(backbone, 0.5, "C3+C4")
    assert_same(dropped, backbone)
    assert {name: zoo.pyramid_outputs(dropped)[name] for name in ("C3", "C4")} == {
        "C3": "dropout_C3",
        "C4": "dropout_C4",
    }
    ones = np.ones((4, 2, 2, 128), "float32")
    values = np.asarray(dropped.get_layer("dropout_C4")(ones, training=True))
    assert set(np.unique(values)) == {0.0, 2.0}
    np.testing.assert_array_equal(values, np.broadcast_to(values[:, :1, :1], values.shape))


def _residual(blocks, add):
    """x <- x + 3 x some times, behind a layer that makes the size of a stage."""
    images = keras.Input((16, 16, 3))
    x = keras.layers.AveragePooling2D(8)(images)
    for _ in range(blocks):
        triple = keras.layers.DepthwiseConv2D(
            1, use_bias=False, depthwise_initializer=keras.initializers.Constant(3.0)
        )(x)
        x = add(x, triple)
    return keras.Model(images, {"P3": x})


@pytest.mark.parametrize("add", [lambda a, b: a + b, lambda a, b: keras.layers.Add()([b, a])])
def test_each_image_keeps_or_leaves_out_a_branch(add):
    """Rates 1/4 and 1/2: factors of 1 or 1 + 3 / (3/4) = 5, and of 1 or 1 + 3 / (1/2) = 7."""
    keras.utils.set_random_seed(0)
    model = stochastic_depth(_residual(2, add), 0.5)
    assert drops(model) == [0.25, 0.5]
    images = np.ones((4000, 16, 16, 3), "float32")
    values = np.asarray(model(images, training=True)["P3"])
    np.testing.assert_array_equal(values, np.broadcast_to(values[:, :1, :1, :1], values.shape))
    factors, counts = np.unique(values[:, 0, 0, 0].round(3), return_counts=True)
    assert factors.tolist() == [1, 5, 7, 35]
    assert counts / 4000 == pytest.approx([1 / 8, 3 / 8, 1 / 8, 3 / 8], abs=0.03)
    assert (np.asarray(model(images[:2])["P3"]) == 16).all()


def test_rates_grow_to_the_last_branch_and_outputs_stay(build, assert_same):
    small = build("mobilenet_v2_035")
    dropped = stochastic_depth(small, 0.2)
    assert drops(dropped) == pytest.approx(np.arange(1, 11) * 0.02)
    assert_same(dropped, small)
    again = stochastic_depth(dropped, 0.4)
    assert drops(again) == pytest.approx(np.arange(1, 11) * 0.04)
    assert [layer.name for layer in again.layers] == [layer.name for layer in dropped.layers]


def test_projections_are_shortcuts(build, assert_same):
    """ResNet50 has 3 + 4 + 6 + 3 blocks whose branch ends in the third norm; the first ones project by the zeroth."""
    resnet = build("resnet50")
    lasts = [tensor._keras_history.operation.name for tensor in residual_branches(resnet)]
    assert len(lasts) == 16 and all(name.endswith("_3_bn") for name in lasts)
    assert_same(stochastic_depth(resnet, 0.1), resnet)


@pytest.mark.slow
def test_rates_that_a_backbone_brings_are_replaced(build):
    efficient = build("efficientnet_v2_b0")
    brought = [layer.name for layer in efficient.layers if layer.name.endswith("_drop")]
    dropped = stochastic_depth(efficient, 0.5)
    assert max(drops(efficient)) < 0.2 < drops(dropped)[-1] == 0.5
    assert [layer.name for layer in dropped.layers if layer.name.endswith("_drop")] == brought
    assert len(dropped.layers) == len(efficient.layers)


def test_the_sum_within_an_attention_is_no_residual_addition(build):
    small = build("mobilenet_v2_035")
    assert len(residual_branches(insert_attention(small, "cbam", "C3+C4"))) == len(residual_branches(small))


def test_what_cannot_be_dropped_is_refused(build, backbone):
    with pytest.raises(ValueError, match="'vgg16' has no residual branches to drop: use dropout:0.1:C5 inst"):
        stochastic_depth(build("vgg16"), 0.1)
    for rate in (0, 1, -0.1, "much", None, float("nan")):
        with pytest.raises(ValueError, match=f"invalid rate '{rate}'"):
            add_dropout(backbone, rate, "C5")
    with pytest.raises(ValueError, match="has 'dropout' after C5"):
        add_dropout(add_dropout(backbone, 0.1, "C5"), 0.1, "C5")
