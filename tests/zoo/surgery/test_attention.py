import keras
import numpy as np
import pytest

import zoo
from zoo.surgery.attention import block_attention, insert_attention, squeeze_excite


@pytest.mark.parametrize(
    ("name", "kind", "after"),
    [
        ("mobilenet_025", "se", "C4"),
        ("mobilenet_025", "cbam", ("C3", "C4", "C5")),
        ("vgg16", "cbam", "C5"),
        ("tiny", "se", "C3+C5"),
        ("tiny", "cbam", "C4"),
        pytest.param("resnet50", "se", "C3+C5", marks=pytest.mark.slow),
        pytest.param("efficientnet_v2_b0", "cbam", "C4", marks=pytest.mark.slow),
    ],
)
def test_it_starts_as_the_identity_and_stages_stay(name, kind, after, build, assert_same):
    backbone = build(name)
    weighed = insert_attention(backbone, kind, after)
    assert_same(weighed, backbone)
    assert weighed.name == backbone.name
    base = {id(weight) for weight in backbone.weights}
    assert base < {id(weight) for weight in weighed.weights}


def test_parameters_are_those_of_the_papers(backbone):
    """C4 has 128 channels: two dense layers over 128 / 16 = 8 units; CBAM's convolution sees 7 x 7 x 2 numbers."""
    dense = (128 * 8 + 8) + (8 * 128 + 128)
    count = backbone.count_params()
    assert insert_attention(backbone, "se", "C4").count_params() - count == dense == 2184
    assert insert_attention(backbone, "cbam", "C4").count_params() - count == dense + 7 * 7 * 2
    # C3 has 64 channels: 8 units all the same
    assert insert_attention(backbone, "se", "C3+C4").count_params() - count == dense + 2 * 64 * 8 + 8 + 64


def test_the_stage_is_what_comes_out_of_it(backbone):
    weighed = insert_attention(backbone, "se", "C4")
    assert zoo.pyramid_outputs(weighed)["C4"] == "se_C4"
    of_layer = zoo.stage_of_layers(weighed)
    assert {of_layer[name] for name in of_layer if name.startswith("se_C4")} == {"C4"}


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _random_block(block):
    features = keras.Input((3, 4, 32))
    model = keras.Model(features, block(features, "it"))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    names = {layer.name: [np.asarray(w) for w in layer.get_weights()] for layer in model.layers}
    x = rng.normal(size=(2, 3, 4, 32)).astype("float32")
    return x, np.asarray(model(x)), names


def _channel_logits(pooled, weights, name):
    (first, first_bias), (second, second_bias) = weights[f"{name}_reduce"], weights[f"{name}_expand"]
    return np.maximum(pooled @ first + first_bias, 0) @ second + second_bias


def test_squeeze_excite_computes_what_the_paper_says():
    x, found, weights = _random_block(squeeze_excite)
    gate = 2 * _sigmoid(_channel_logits(x.mean(axis=(1, 2)), weights, "it"))
    np.testing.assert_allclose(found, x * gate[:, None, None, :], rtol=1e-4, atol=1e-5)


def test_cbam_computes_what_the_paper_says():
    x, found, weights = _random_block(block_attention)
    pooled = [x.mean(axis=(1, 2)), x.max(axis=(1, 2))]
    gate = 2 * _sigmoid(sum(_channel_logits(each, weights, "it_channel") for each in pooled))
    x = x * gate[:, None, None, :]
    maps = np.pad(np.stack([x.mean(axis=-1), x.max(axis=-1)], axis=-1), ((0, 0), (3, 3), (3, 3), (0, 0)))
    (kernel,) = weights["it_place_conv"]
    places = np.zeros((2, 3, 4, 1))
    for row in range(3):
        for column in range(4):
            window = maps[:, row : row + 7, column : column + 7]
            places[:, row, column, 0] = (window * kernel[None, :, :, :, 0]).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found, x * 2 * _sigmoid(places), rtol=1e-4, atol=1e-5)


def test_what_starts_at_zero_learns_in_the_first_step_and_the_rest_in_the_second(backbone, images):
    weighed = insert_attention(insert_attention(backbone, "se", "C4"), "cbam", "C5")
    new = [layer for layer in weighed.layers if layer.weights and layer.name.startswith(("se_", "cbam_"))]
    zoo.freeze(weighed, "backbone")
    for layer in new:
        layer.trainable = True
    score = keras.layers.Dense(1, kernel_initializer="ones")(
        keras.layers.GlobalAveragePooling2D()(weighed.output["P5"])
    )
    model = keras.Model(weighed.inputs[0], score)
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    moved = []
    for _ in range(2):
        before = {layer.name: layer.get_weights()[0] for layer in new}
        model.train_on_batch(images, np.array([[1.0], [-1.0]]))
        moved.append({layer.name for layer in new if (layer.get_weights()[0] != before[layer.name]).any()})
    zoo.freeze(backbone, "none")
    first = {"se_C4_expand", "cbam_C5_channel_expand", "cbam_C5_place_conv"}
    assert moved == [first, first | {"se_C4_reduce", "cbam_C5_channel_reduce"}]


def test_what_cannot_be_put_in_is_refused(backbone):
    weighed = insert_attention(backbone, "se", "C4")
    with pytest.raises(ValueError, match="'se' after C4"):
        insert_attention(weighed, "se", "C4")
    assert insert_attention(weighed, "cbam", "C4").count_params() > weighed.count_params()
    with pytest.raises(ValueError, match="unknown kind of attention 'cbma': did you mean 'cbam'"):
        insert_attention(backbone, "cbma", "C4")
    with pytest.raises(ValueError, match="stages C4\\+C4 repeat"):
        insert_attention(backbone, "se", "C4,C4")
    with pytest.raises(ValueError, match="unknown stage 'C6'"):
        insert_attention(backbone, "se", "C6")
