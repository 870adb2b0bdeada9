import keras
import numpy as np
import pytest

import zoo
from zoo import registry

EVERYDAY = ["mobilenet_025"]  # the others are built by the slow suite
POOLED = ["inception_v3", "nasnet_mobile", "inception_resnet_v2", "nasnet_large"]
LARGER = [name for name in registry.names() if registry.get(name).has_levels and name not in EVERYDAY]
REST = [pytest.param(name, marks=pytest.mark.slow) for name in LARGER]
LOAD_ALONE = """
import sys, numpy as np, keras
images = np.load("images.npy")
for name in sys.argv[1:]:
    model = keras.saving.load_model(name + ".keras", safe_mode=True, compile=False)
    np.savez(name + ".npz", **{key: np.asarray(value) for key, value in model(images).items()})
assert not [name for name in sys.modules if name.split('.')[0] in ('zoo', 'cityzoo')]
"""


@pytest.fixture(scope="module")
def vgg():
    """VGG16 with its three levels, built once."""
    return zoo.build("vgg16", 32, weights="random").model


def _images(size, count=2):
    return np.random.default_rng(0).uniform(0, 255, (count, size, size, 3)).astype("float32")


def _smallest_size(name):
    return -(-registry.get(name).min_size // 32) * 32


def _features(model, images):
    return {key: np.asarray(value) for key, value in model(images).items()}


def _assert_saved_and_loaded_gives(expected, model, images, folder):
    path = folder / "model.keras"
    model.save(path)
    loaded = _features(keras.saving.load_model(path, safe_mode=True, compile=False), images)
    assert set(loaded) == set(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(loaded[key], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [*EVERYDAY, *REST])
def test_levels_strides_and_saving(name, tmp_path):
    """Every backbone with levels: exact strides, finite features, a file of built-in layers alone."""
    size = _smallest_size(name)
    model = zoo.build(name, size, weights="random").model
    images = _images(size)
    outputs = _features(model, images)
    assert list(outputs) == ["P3", "P4", "P5"]
    for level, value in outputs.items():
        stride = 2 ** int(level[1])
        assert value.shape[:3] == (2, size // stride, size // stride)
        assert np.isfinite(value).all()
    assert not [layer for layer in model.layers if not type(layer).__module__.startswith("keras.src.")]
    _assert_saved_and_loaded_gives(outputs, model, images, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["mobilenet_025", *(pytest.param(name, marks=pytest.mark.slow) for name in POOLED)],
)
def test_classification_only(name, tmp_path):
    size = registry.get(name).min_size
    model = zoo.build(name, size, weights="random", levels=()).model
    assert list(model.output) == ["pooled"]
    assert len(model.output["pooled"].shape) == 2
    images = _images(size, count=1)
    _assert_saved_and_loaded_gives(_features(model, images), model, images, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
def test_parameters_are_those_of_the_table(name):
    row = registry.get(name)
    builder, shape = getattr(keras.applications, row.builder), (row.default_size, row.default_size, 3)
    # NASNet of unknown size is another network than NASNet of any known size.
    model = builder(include_top=False, weights=None, input_shape=shape, **row.kwargs)
    assert model.count_params() / 1e6 == pytest.approx(row.params_millions, abs=0.00051)


def test_a_saved_backbone_loads_with_keras_alone(vgg, keras_alone, tmp_path):
    """In a process without this project: VGG has an op node, MobileNetV3 odd activations."""
    images, expected = _images(32), {}
    np.save(tmp_path / "images.npy", images)
    odd = zoo.build("mobilenet_v3_small_075", 32, weights="random").model
    for name, model in {"vgg16": vgg, "mobilenet_v3_small_075": odd}.items():
        model.save(tmp_path / f"{name}.keras")
        expected[name] = _features(model, images)
        assert [value.shape[1] for value in expected[name].values()] == [4, 2, 1]
    keras_alone(LOAD_ALONE, *expected, folder=tmp_path)
    for name, features in expected.items():
        with np.load(tmp_path / f"{name}.npz") as got:
            for key, value in features.items():
                np.testing.assert_allclose(got[key], value, rtol=1e-4, atol=1e-5)


def test_the_graph_is_flat_and_the_tail_is_dropped(vgg):
    short = zoo.build("vgg16", 32, weights="random", levels=("P2", "P3")).model
    assert "block5_conv3" in [layer.name for layer in vgg.layers]
    assert short.layers[-1].name == "block4_conv3"
    assert list(short.output) == ["P2", "P3"]


def test_images_need_not_be_square():
    model = zoo.build("mobilenet_025", (64, 96), weights="random").model
    assert model.output["P5"].shape[1:3] == (2, 3)


def test_the_same_image_means_the_same_to_keras_and_to_us(vgg):
    """VGG16 with equal weights: ours on RGB 0..255 equals Keras' own on what preprocess_input makes of it."""
    own = keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3))
    own.set_weights(vgg.get_weights())
    images = _images(32)
    expected = own(keras.applications.vgg16.preprocess_input(images.copy()))
    np.testing.assert_allclose(np.asarray(vgg(images)["P5"]), np.asarray(expected), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("vgg16", (100, 130), "nearest: 96 x 128"),
        ("vgg16", 16, "nearest: 32 x 32"),
        ("xception", 64, "at least 96; nearest: 96 x 96"),
        ("vgg16", (64, 64, 3), "must be multiples of 32"),
    ],
)
def test_an_impossible_size_is_answered_with_the_nearest(name, size, said):
    with pytest.raises(ValueError, match=said):
        zoo.build(name, size, weights="random")


def test_levels_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="classification only.*vgg16"):
        zoo.build("inception_v3", 96, weights="random")
    with pytest.raises(ValueError, match="xception' has no stage 'C2'. Stages: C3, C4, C5"):
        zoo.build("xception", 96, weights="random", levels=("P2",))
    with pytest.raises(ValueError, match="no stage 'C6'"):
        zoo.build("mobilenet_025", 64, weights="random", levels=("P6",))
