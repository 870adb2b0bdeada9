import keras
import numpy as np
import pytest

import zoo

IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 64, 64, 3)).astype("float32")


@pytest.fixture
def backbone():
    keras.utils.set_random_seed(0)
    model = zoo.build("mobilenet_025", 64, weights="random").model
    zoo.calibrate(model, 255 - IMAGES)
    return model


def _state(model):
    return {weight.path: keras.ops.convert_to_numpy(weight).copy() for weight in model.weights}


def _fit_one_step(backbone):
    pooled = keras.layers.GlobalAveragePooling2D()(backbone.output["P5"])
    model = keras.Model(backbone.inputs[0], keras.layers.Dense(1)(pooled))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)  # tracing takes longer than one step
    before = _state(backbone)
    model.fit(IMAGES, np.arange(4.0), epochs=1, verbose=0)
    return before, _state(backbone)


@pytest.mark.parametrize("upto", ["C3", "backbone"])
def test_a_fit_step_moves_what_is_behind_the_stage_and_nothing_else(backbone, upto):
    zoo.freeze(backbone, upto)
    of_layer = zoo.stage_of_layers(backbone)
    order = ["none", "C1", "C2", "C3", "C4", "C5", "tail", "backbone"]
    before, after = _fit_one_step(backbone)
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    for layer in backbone.layers:
        frozen = order.index(of_layer[layer.name]) <= order.index(upto)
        for weight in layer.weights:
            assert (weight.path in moved) is not frozen, weight.path


def test_unfreezing_and_freezing_again_leaves_no_trace(backbone):
    first = zoo.freeze(backbone, "C3")
    zoo.freeze(backbone, "backbone")
    assert not backbone.trainable_weights
    zoo.freeze(backbone, "none")
    assert zoo.freeze(backbone, "C3") == first


def test_every_batchnorm_can_be_kept_still(backbone):
    zoo.freeze(backbone, "C2", batchnorm=True)
    before, after = _fit_one_step(backbone)
    normed = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(normed) == 27
    for layer in normed:
        for weight in layer.weights:
            np.testing.assert_array_equal(before[weight.path], after[weight.path])
    last = backbone.get_layer("conv_pw_13").kernel.path
    assert not np.array_equal(before[last], after[last])


def test_counts_by_hand():
    images = keras.Input((32, 32, 3))
    one = keras.layers.Conv2D(2, 3, strides=2, padding="same")(images)  # 3 * 3 * 3 * 2 + 2 = 56
    normed = keras.layers.BatchNormalization()(one)  # 4 trainable, 4 moving statistics
    two = keras.layers.Conv2D(1, 1, strides=2)(normed)  # 3
    backbone = keras.Model(images, two)
    report = zoo.freeze(backbone, "C1")
    assert report.by_stage == {"C1": (0, 64), "C2": (3, 0)}
    assert (report.trainable, report.frozen) == (3, 64)
    assert zoo.freeze(backbone, "none").by_stage == {"C1": (60, 4), "C2": (3, 0)}
    assert str(report).splitlines()[1].split() == ["C1", "0", "64"]


def test_layers_inside_a_sequential_are_frozen_too():
    """As in ConvNeXt, whose stem and downsampling are Sequential blocks."""
    images = x = keras.Input((32, 32, 3))
    for number in range(1, 6):
        norm, conv = keras.layers.LayerNormalization(), keras.layers.Conv2D(4, 2, strides=2)
        x = keras.Sequential([norm, conv], name=f"down{number}")(x)
    backbone = keras.Model(images, {"P5": x})
    report = zoo.freeze(backbone, "C5")
    assert report.trainable == 0 and not backbone.trainable_weights
    assert report.frozen == backbone.count_params()
    assert zoo.freeze(backbone, "C4").by_stage["C5"][0] > 0


def test_an_unknown_stage_is_answered_with_those_there_are():
    images = x = keras.Input((32, 32, 3))
    for stride in (8, 2, 2):
        x = keras.layers.Conv2D(4, 1, strides=stride)(x)
    with pytest.raises(ValueError, match="no stage 'C2' to freeze. Allowed: none, C3, C4, C5, backbone"):
        zoo.freeze(keras.Model(images, x), "C2")
