import functools

import keras
import numpy as np
import pytest

import zoo

CUTS = [("mobilenet_025", stage) for stage in ("C1", "C2", "C3", "C4", "C5")]
CUTS += [
    ("vgg16", "C2"),
    ("vgg16", "C4"),
    ("resnet50v2", "C4"),
    pytest.param("convnext_tiny", "C3", marks=pytest.mark.slow),
    pytest.param("efficientnet_b0", "C4", marks=pytest.mark.slow),
]


def _images(size=64):
    return np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")


@functools.cache
def _calibrated(name):
    """A backbone that no test changes, built once."""
    backbone = zoo.build(name, 64, weights="random").model
    zoo.calibrate(backbone, _images())
    return backbone


def _detector(backbone):
    """Give a backbone a neck that goes down from P5 to P3 and a head on each level, in one flat graph."""
    levels = backbone.output
    down = keras.layers.Conv2D(4, 1, name="lateral5")(levels["P5"])
    outputs = {"P5": keras.layers.Conv2D(2, 1, name="head5")(down)}
    for number in (4, 3):
        side = keras.layers.Conv2D(4, 1, name=f"lateral{number}")(levels[f"P{number}"])
        down = keras.layers.Add()([keras.layers.UpSampling2D()(down), side])
        outputs[f"P{number}"] = keras.layers.Conv2D(2, 1, name=f"head{number}")(down)
    return keras.Model(backbone.inputs[0], outputs)


def _assert_equal(got, expected):
    assert set(got) == set(expected)
    for key, value in expected.items():
        value = np.asarray(value)
        np.testing.assert_allclose(np.asarray(got[key]), value, rtol=1e-5, atol=1e-5 * np.abs(value).max())


@pytest.mark.parametrize(("name", "at"), CUTS)
def test_prefix_and_suffix_are_the_whole(name, at):
    backbone = _calibrated(name)
    detector = _detector(backbone)
    first = zoo.prefix(backbone, at)
    _assert_equal(zoo.suffix(first, detector)(first(_images())), detector(_images()))


def test_the_prefix_hands_on_what_the_rest_needs_and_no_more():
    backbone = _calibrated("mobilenet_025")
    assert list(zoo.prefix(backbone, "C2").output) == ["P2"]
    assert list(zoo.prefix(backbone, "C4").output) == ["P3", "P4"]
    assert list(zoo.prefix(backbone, "C4", levels=("P5",)).output) == ["P4"]
    assert list(zoo.prefix(backbone, "C5").output) == ["P3", "P4", "P5"]
    first = zoo.prefix(backbone, "C4")
    _assert_equal(zoo.suffix(first, backbone)(first(_images())), backbone(_images()))


def test_the_suffix_shares_its_layers_and_holds_none_of_the_prefix():
    backbone = _calibrated("mobilenet_025")
    detector = _detector(backbone)
    first = zoo.prefix(backbone, "C4")
    rest = zoo.suffix(first, detector)
    ours = {id(layer) for layer in detector.layers if layer.weights}
    assert {id(layer) for layer in rest.layers if layer.weights} <= ours
    assert not {id(weight) for weight in rest.weights} & {id(weight) for weight in first.weights}
    assert sum(map(id, rest.weights)) + sum(map(id, first.weights)) == sum(map(id, detector.weights))


def test_training_the_suffix_trains_the_detector():
    keras.utils.set_random_seed(0)
    backbone = zoo.build("mobilenet_025", 64, weights="random").model
    zoo.calibrate(backbone, _images())
    detector = _detector(backbone)
    first = zoo.prefix(backbone, "C4")
    rest = zoo.suffix(first, detector)
    rest.compile("sgd", loss=dict.fromkeys(detector.output, "mse"), run_eagerly=True)  # one step
    features = {key: np.asarray(value) for key, value in first(_images()).items()}
    targets = {key: np.ones((2, *tensor.shape[1:]), "float32") for key, tensor in detector.output.items()}
    before = detector.get_layer("conv_pw_13").get_weights()[0]
    rest.fit(features, targets, epochs=1, verbose=0)
    assert np.abs(detector.get_layer("conv_pw_13").get_weights()[0] - before).max() > 0
    _assert_equal(rest(first(_images())), detector(_images()))


@pytest.mark.slow
def test_the_whole_still_saves_after_it_was_cut(tmp_path):
    backbone = _calibrated("mobilenet_025")
    detector = _detector(backbone)
    first = zoo.prefix(backbone, "C3")
    rest = zoo.suffix(first, detector)
    for name, model in {"detector": detector, "first": first, "rest": rest}.items():
        model.save(tmp_path / f"{name}.keras")
    load = {
        name: keras.saving.load_model(tmp_path / f"{name}.keras") for name in ("detector", "first", "rest")
    }
    expected = detector(_images())
    _assert_equal(load["detector"](_images()), expected)
    _assert_equal(load["rest"](load["first"](_images())), expected)


def test_what_cannot_be_cut_is_refused():
    backbone = _calibrated("mobilenet_025")
    other = zoo.build("mobilenet_025", 64, weights="random").model
    with pytest.raises(ValueError, match="no stage 'C9'. Stages: C1, C2, C3, C4, C5"):
        zoo.prefix(backbone, "C9")
    with pytest.raises(ValueError, match="bypasses 'mobilenet_025_to_C"):
        zoo.suffix(zoo.prefix(other, "C3"), backbone)
    with pytest.raises(ValueError, match="bypasses 'mobilenet_025_to_C"):
        zoo.suffix(zoo.prefix(backbone, "C4", levels=("P5",)), _detector(backbone))
