import keras
import numpy as np

import zoo
from zoo.peft import rewrite


def test_the_layers_of_a_sequential_are_named_one_by_one_and_only_those_behind_a_stage(build):
    convnext = build("convnext_tiny", 32)
    names = [operation.name for operation in rewrite.operations(convnext)]
    assert "convnext_tiny_stem" not in names
    assert names.index("convnext_tiny_stem_conv") + 1 == names.index("convnext_tiny_stem_layernorm")
    behind = [operation.name for operation in rewrite.operations(convnext, zoo.stages(convnext)["C4"])]
    assert behind[:2] == ["convnext_tiny_downsampling_layernorm_2", "convnext_tiny_downsampling_conv_2"]
    assert names[-len(behind) :] == behind


def test_rewriting_with_the_same_layers_gives_the_same_function(backbone, images, outputs):
    same = rewrite.rewrite(backbone, lambda operation: [operation])
    assert same.name == backbone.name and list(same.output) == ["P3", "P4", "P5"]
    assert {id(layer) for layer in same.layers} == {id(layer) for layer in backbone.layers}
    for level, value in outputs(backbone, images).items():
        np.testing.assert_array_equal(outputs(same, images)[level], value)


def test_a_layer_that_is_called_twice_is_replaced_by_one():
    images = keras.Input((4, 4, 3))
    twice = keras.layers.Conv2D(3, 1, name="twice")
    model = keras.Model(images, twice(twice(images)))
    copied = rewrite.rewrite(model, lambda op: [rewrite.copy(op)] if isinstance(op, keras.Layer) else [op])
    assert len(copied.layers) == 2 and len(copied.weights) == 2
    ones = np.ones((1, 4, 4, 3), "float32")
    np.testing.assert_array_equal(copied(ones), model(ones))
    assert copied.get_layer("twice") is not twice


def test_a_sequential_stays_one_unless_something_that_is_no_layer_comes_into_it():
    block = keras.Sequential(
        [keras.layers.Dense(2, name="one"), keras.layers.Dense(2, name="two")], name="block"
    )
    inputs = keras.Input((2,))
    model = keras.Model(inputs, block(inputs))

    def behind(step):
        return lambda op: [op, step] if op.name == "two" else [op]

    grown = rewrite.rewrite(model, behind(keras.layers.ReLU(name="relu")))
    assert [layer.name for layer in grown.get_layer("block").layers] == ["one", "two", "relu"]
    flat = rewrite.rewrite(model, behind(lambda value: value * 2))
    assert "block" not in [layer.name for layer in flat.layers]
    x = np.array([[1.0, -2.0]], "float32")
    np.testing.assert_array_equal(flat(x), 2 * np.asarray(model(x)))
    np.testing.assert_array_equal(grown(x), np.maximum(model(x), 0))


def test_a_copy_of_a_normalization_computes_with_its_statistics():
    layer = keras.layers.Normalization()
    layer.adapt(np.array([[0.0], [4.0]]))  # mean 2, variance 4
    assert float(rewrite.copy(layer)(np.array([[6.0]]))[0, 0]) == 2.0


def test_a_plain_copy_grows_the_bias_that_it_is_given():
    layer = keras.layers.Conv2D(2, 1, use_bias=False)
    layer.build((None, 1, 1, 3))
    twin = rewrite.plain_copy(layer, {"kernel": np.ones((1, 1, 3, 2)), "bias": np.array([1.0, -1.0])})
    np.testing.assert_array_equal(twin(np.ones((1, 1, 1, 3))), [[[[4.0, 2.0]]]])
    assert layer.bias is None


def test_values_are_float32_where_weights_are_less_precise_and_whole_numbers_stay():
    layer = keras.layers.Dense(1, use_bias=False, dtype="bfloat16", kernel_initializer="ones")
    layer.build((None, 1))
    assert rewrite.values(layer)["kernel"].dtype == np.float32
    counting = keras.layers.Normalization()
    counting.adapt(np.ones((3, 1)))
    assert rewrite.values(counting)["count"].dtype.kind in "iu"
