"""Int8 files compute nearly the same as float ones, and keep the layers in float that the metric needs."""

import collections

import keras
import numpy as np
import pytest

from cityzoo.export import int8_litert, int8_onnx, int8_search
from cityzoo.export.int8_search import Recipe, search_recipes
from cityzoo.export.rounded_weights import store_rounded_weights
from cityzoo.export.write import write
from cityzoo.runtime.runtime_model import open_model
from zoo.quantization.fold import fold_batchnorm
from zoo.quantization.insert import insert_fake_quantization, set_ranges, with_rounded_weights

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
pytest.importorskip("ai_edge_litert")
IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 16, 16, 3)).round().astype(np.float32)


def make_model():
    """Two outputs of very different ranges behind arithmetic in float, as boxes and logits are."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    images = keras.Input((16, 16, 3), name="images")
    x = layers.Rescaling(1 / 127.5, -1.0)(images)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="stem_norm")(x))
    x = layers.ReLU()(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    boxes = keras.ops.exp(layers.Conv2D(4, 1, name="boxes")(x)) * 100.0
    return keras.Model(images, {"boxes": boxes, "logits": layers.Conv2D(3, 1, name="logits")(x)})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The model, its float ONNX file, and what it answers."""
    model, folder = make_model(), tmp_path_factory.mktemp("float")
    path = write(model, "onnx", folder)
    proto = onnx.load(path)
    proto.metadata_props.add(key="names", value="car,bus")
    onnx.save(proto, path)
    return model, path, {name: np.asarray(value) for name, value in model(IMAGES).items()}


def error_of(path, want):
    """Mean error of each output, as a share of its standard deviation."""
    found = open_model(path).named_outputs(IMAGES)
    return max(float(np.abs(found[name] - want[name]).mean() / want[name].std()) for name in want)


def operations(path):
    """How often each kind of node is in an ONNX file."""
    return collections.Counter(node.op_type for node in onnx.load(path).graph.node)


def test_onnx_holds_int8_weights_per_channel_and_its_metadata(made, tmp_path):
    """All four convolutions read integers; what follows the last ones does not; weights use half of the range."""
    _, source, want = made
    path = tmp_path / "model.onnx"
    found = int8_onnx.quantize_onnx(source, path, [IMAGES], lambda file: -error_of(file, want), -0.05)
    assert found.holds and found.recipe == Recipe("int7") and not found.kept
    proto = onnx.load(path)
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in proto.graph.initializer}
    makers = {name: node for node in proto.graph.node for name in node.output}
    for node in proto.graph.node:
        if node.op_type == "Conv":
            weight = makers[node.input[1]]
            steps, scale = arrays[weight.input[0]], arrays[weight.input[1]]
            assert steps.dtype == np.int8 and np.abs(steps.astype(int)).max() <= 64
            assert len(scale) == len(steps)
        assert node.op_type != "Exp" or makers[node.input[0]].op_type in ("DequantizeLinear", "Transpose")
    assert {each.key: each.value for each in proto.metadata_props}["names"] == "car,bus"


def test_the_most_sensitive_layers_stay_in_float_until_the_metric_holds(made, tmp_path):
    """The result says which, and how much noise each made alone."""
    _, source, want = made
    path = tmp_path / "model.onnx"
    metrics = iter(
        [0.1, 0.3, 0.2, 0.1, 0.25, 0.9]
    )  # four recipes, then the last layers, then one layer in float
    found = int8_onnx.quantize_onnx(source, path, [IMAGES], lambda _: next(metrics), 0.8)
    assert found.holds and len(found.attempts) == 6 and len(found.kept) == 1
    assert set(found.effects) == {"stem", "depthwise", "boxes", "logits"}
    assert list(found.kept) == [min(found.effects, key=found.effects.get)]
    assert found.recipe.weights == "uint8"  # of the best recipe
    assert operations(path)["DequantizeLinear"] < 2 + 4 * 3 and error_of(path, want) < 0.05


def test_layers_kept_in_float_from_the_start(made, tmp_path):
    """A memory of neighbors, and all behind it."""
    _, source, want = made
    path = tmp_path / "model.onnx"
    int8_onnx.quantize_onnx(source, path, [IMAGES], lambda _: 1.0, 0.0, keep_float=["boxes", "logits"])
    whole = tmp_path / "whole.onnx"
    int8_onnx.quantize_onnx(source, whole, [IMAGES], lambda _: 1.0, 0.0)
    assert operations(path)["DequantizeLinear"] < operations(whole)["DequantizeLinear"]
    assert error_of(path, want) < error_of(whole, want)


def test_nothing_holds():
    """The best attempt is written and marked as below the required metric."""
    written, metrics = [], {"a": 0.2, "b": 0.5}
    found = search_recipes(
        [Recipe("a"), Recipe("b")],
        (),
        dict,
        lambda recipe, _: written.append(recipe.weights),
        lambda _: metrics[written[-1]],
        0.9,
        None,
    )
    assert not found.holds and found.metric == 0.5 and written == ["a", "b"]
    assert (
        str(int8_search.Recipe("int8", kept=("x",)))
        == "int8 weights per channel, min-max calibration, 1 layers in float"
    )


@pytest.fixture(scope="module")
def fine_tuned(made):
    """A model with fake quantization, as plain layers with rounded weights, and its answers."""
    model, _ = insert_fake_quantization(fold_batchnorm(made[0])[0])
    set_ranges(model, [IMAGES])
    return model, {name: np.asarray(value) for name, value in model(IMAGES).items()}


def test_learned_ranges_go_into_the_onnx_file(fine_tuned, tmp_path):
    """Weights are integers without any further rounding: the answers are those of the Keras model."""
    model, want = fine_tuned
    path = write(with_rounded_weights(model), "onnx", tmp_path)
    assert store_rounded_weights(path) == 4
    assert error_of(path, want) < 0.01


def test_learned_ranges_go_into_the_litert_file(fine_tuned, tmp_path):
    """Without calibration data: images come as uint8, all convolutions compute in int8."""
    model, want = fine_tuned
    path = tmp_path / "model.tflite"
    int8_litert.write_int8_litert(model, path)
    assert error_of(path, want) < 0.01
    about = open_model(path)._in["images"]
    assert about["dtype"] == np.uint8 and np.isclose(about["quantization"][0], IMAGES.max() / 255)


@pytest.mark.slow
def test_post_training_litert(made, tmp_path):
    """The output is close to float; if the metric is too low, each layer's noise is reported."""
    model, _, want = made
    path = tmp_path / "model.tflite"
    found = int8_litert.quantize_litert(model, path, [IMAGES], lambda file: -error_of(file, want), -0.05)
    assert found.holds and not found.effects
    found = int8_litert.quantize_litert(model, path, [IMAGES], lambda _: 0.0, 1.0)
    assert not found.holds and set(found.effects) == {"stem", "depthwise", "boxes", "logits"}


@pytest.mark.slow
def test_openvino(made, tmp_path):
    """NNCF's file answers nearly the same."""
    pytest.importorskip("nncf")
    from cityzoo.export.int8_openvino import quantize_openvino

    _, source, want = made
    path = tmp_path / "model.xml"
    found = quantize_openvino(source, path, [IMAGES], lambda file: -error_of(file, want), -0.1)
    assert found.holds and path.with_suffix(".bin").stat().st_size < 4000
