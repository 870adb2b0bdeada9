import keras
import pytest

import zoo
from zoo.feature_pyramid import cut_points

# The taps of segmentation_models (Yakubovskiy, MIT), reordered; C5 is the end of the backbone.
TEXTBOOK = {
    "vgg16": ("block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"),
    "mobilenet_025": (
        "conv_pw_1_relu",
        "conv_pw_3_relu",
        "conv_pw_5_relu",
        "conv_pw_11_relu",
        "conv_pw_13_relu",
    ),
    "mobilenet_v2_035": (
        "block_1_expand_relu",
        "block_3_expand_relu",
        "block_6_expand_relu",
        "block_13_expand_relu",
        "out_relu",
    ),
    "efficientnet_b0": (
        "block2a_expand_activation",
        "block3a_expand_activation",
        "block4a_expand_activation",
        "block6a_expand_activation",
        "top_activation",
    ),
    "resnet50": (
        "conv1_relu",
        "conv2_block3_out",
        "conv3_block4_out",
        "conv4_block6_out",
        "conv5_block3_out",
    ),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_stages_are_the_textbook_layers(name):
    model = zoo.build(name, 64, weights="random").model
    assert zoo.pyramid_outputs(model) == dict(
        zip(["C1", "C2", "C3", "C4", "C5"], TEXTBOOK[name], strict=True)
    )


def test_a_branch_that_goes_round_a_tensor_makes_it_no_cut_point():
    images = keras.Input((8, 8, 3))
    stem = keras.layers.Conv2D(2, 3, strides=2, padding="same", name="stem")(images)
    left = keras.layers.Conv2D(2, 1, name="left")(stem)
    joined = keras.layers.Add(name="joined")([stem, left])
    doubled = keras.layers.Add(name="doubled")([joined, joined])
    model = keras.Model(images, doubled)
    assert [t._keras_history.operation.name for t in cut_points(model)] == ["stem", "joined", "doubled"]
    assert zoo.pyramid_outputs(model) == {"C1": "doubled"}


def test_sizes_that_are_not_exact_are_no_stage():
    images = keras.Input((9, 9, 3))
    halved = keras.layers.Conv2D(2, 3, strides=2, padding="same")(images)  # 5 x 5, not 4.5
    assert zoo.stages(keras.Model(images, halved)) == {}


def test_paths_are_counted_exactly_in_a_deep_graph():
    """2^80 paths: in floating point the product would no longer be equal."""
    images = x = keras.Input((4, 4, 1))
    for _ in range(80):
        x = keras.layers.Add()([x, keras.layers.ReLU()(x)])
    odd = keras.layers.Add(name="odd")([x, images])
    model = keras.Model(images, odd)
    assert [t._keras_history.operation.name for t in cut_points(model)] == ["odd"]


def test_every_layer_belongs_to_the_first_stage_at_or_after_it():
    model = zoo.build("vgg16", 32, weights="random").model
    of_layer = zoo.stage_of_layers(model)
    assert of_layer["images"] == of_layer["block1_conv1"] == of_layer["block2_conv2"] == "C1"
    assert of_layer["block2_pool"] == of_layer["block3_conv3"] == "C2"
    assert of_layer["block5_conv3"] == "C4"
    assert of_layer["block5_pool"] == "C5"
    assert set(of_layer) == {layer.name for layer in model.layers}


def test_layers_behind_the_last_stage_are_the_tail():
    model = zoo.build("mobilenet_025", 64, weights="random", levels=()).model
    assert zoo.stage_of_layers(model)["pooled"] == "tail"
    assert list(zoo.stages(model)) == ["C1", "C2", "C3", "C4", "C5"]
