import keras
import numpy as np
import pytest

import zoo


def _images(seed, size=64, count=16):
    """Draw blurred random patches: neighbouring pixels are alike, as in photographs."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (count, size // 16, size // 16, 3)).astype("float32")
    fine = np.asarray(keras.ops.image.resize(coarse, (size, size)))
    return np.clip(fine + rng.normal(0, 15, fine.shape), 0, 255).astype("float32")


@pytest.mark.parametrize("name", ["vgg16", "mobilenet_025"])
def test_features_get_unit_variance(name):
    keras.utils.set_random_seed(0)
    model = zoo.build(name, 64, weights="random").model
    images = _images(0)
    before = {level: float(np.std(value)) for level, value in model(images).items()}
    reported = zoo.calibrate(model, images)
    measured = {level: float(np.std(value)) for level, value in model.predict(images, verbose=0).items()}
    fresh = {level: float(np.std(value)) for level, value in model(_images(1)).items()}
    assert max(before.values()) < 0.5
    assert reported == pytest.approx(measured, rel=1e-3)
    for level in ("P3", "P4", "P5"):
        # VGG's P5 is P4 behind a max pooling, which has a variance of its own.
        allowed = 0.4 if (name, level) == ("vgg16", "P5") else 0.1
        assert measured[level] == pytest.approx(1, abs=allowed)
        assert fresh[level] == pytest.approx(1, abs=allowed + 0.15)


def test_inference_then_sees_what_training_sees():
    """The moving statistics are those of the batch, so that both modes give the same features."""
    keras.utils.set_random_seed(0)
    model = zoo.build("mobilenet_025", 64, weights="random").model
    images = _images(0)
    zoo.calibrate(model, images)
    for level, value in model(images, training=True).items():
        still = np.asarray(model(images, training=False)[level])
        assert np.corrcoef(still.ravel(), np.asarray(value).ravel())[0, 1] > 0.98


def test_a_layer_is_divided_by_its_own_standard_deviation():
    images = keras.Input((4, 4, 3))
    conv = keras.layers.Conv2D(8, 1, use_bias=False)
    model = keras.Model(images, {"P1": conv(images)})
    batch = _images(2, size=16)[:, :4, :4]
    kernel, std = conv.get_weights()[0], float(np.std(model(batch)["P1"]))
    zoo.calibrate(model, batch)
    np.testing.assert_allclose(conv.get_weights()[0], kernel / std, rtol=1e-5)


def test_gates_and_dead_layers_stay_as_they_are():
    images = keras.Input((4, 4, 3))
    gate = keras.layers.Conv2D(2, 1, activation="sigmoid")
    dead = keras.layers.Conv2D(2, 1, kernel_initializer="zeros")
    model = keras.Model(images, {"P1": gate(images), "P2": dead(images)})
    before = [np.array(value) for value in model.get_weights()]
    zoo.calibrate(model, _images(2, size=16)[:, :4, :4])
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_layers_inside_a_sequential_are_reached():
    """ConvNeXt keeps its stem and its downsampling in Sequential blocks."""
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 16, 3))
    stem = keras.Sequential([keras.layers.Conv2D(8, 3), keras.layers.Conv2D(8, 3, activation="relu")])
    stds = zoo.calibrate(keras.Model(images, stem(images)), _images(0, size=16))
    assert stds == pytest.approx({"output": 1}, abs=1e-3)
    assert [np.std(stem.layers[0](_images(0, size=16)))] == pytest.approx([1], abs=1e-3)


def test_images_of_another_size_are_refused():
    model = zoo.build("mobilenet_025", 64, weights="random").model
    with pytest.raises(ValueError, match=r"\(32, 32, 3\).*64, 64, 3"):
        zoo.calibrate(model, _images(0, size=32))
