"""Small real backbones with weights and statistics that are nobody's defaults."""

import keras
import numpy as np
import pytest

import zoo


def tiny_backbone():
    """Residual blocks with ReLU6 as in MobileNetV2, and a gate as in EfficientNet, at strides of 2 to 32."""
    layers, levels = keras.layers, {}
    images = x = keras.Input((32, 32, 3), name="images")
    for number in range(1, 6):
        x = layers.Conv2D(8 + number, 3, 2, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.ReLU(6.0, name=f"conv{number}_relu")(layers.BatchNormalization(name=f"norm{number}")(x))
        y = layers.DepthwiseConv2D(3, padding="same", activation="silu", name=f"branch{number}")(x)
        x = levels[f"P{number}"] = layers.Add(name=f"add{number}")([x, y])
        if number == 4:
            mean = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
            gate = layers.Dense(12, activation="sigmoid", name="gate")(mean)
            x = levels["P4"] = layers.Multiply(name="gated")([x, gate])
    return keras.Model(images, {name: levels[name] for name in ("P3", "P4", "P5")}, name="tiny")


@pytest.fixture(scope="session")
def make():
    """Make a backbone of 32 pixels by name: a real one or "tiny"."""
    return lambda name: tiny_backbone() if name == "tiny" else zoo.build(name, 32, weights="random").model


@pytest.fixture(scope="session")
def build(make):
    """Build a backbone of 32 pixels by name, each once: surgery never changes the one it is given."""
    built = {}

    def _build(name):
        if name not in built:
            keras.utils.set_random_seed(0)
            built[name] = make(name)
            rng = np.random.default_rng(0)
            for weight in built[name].weights:
                if weight.name in ("gamma", "moving_variance"):
                    weight.assign(rng.uniform(0.5, 1.5, weight.shape))
                elif weight.name in ("beta", "bias", "moving_mean"):
                    weight.assign(rng.normal(0, 0.1, weight.shape))
        return built[name]

    return _build


@pytest.fixture
def backbone(build):
    """The smallest backbone."""
    return build("mobilenet_025")


@pytest.fixture(scope="session")
def images():
    """Two images of noise."""
    return np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="session")
def outputs(images):
    """Compute a model's outputs as NumPy arrays."""

    def _outputs(model):
        return {
            name: keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))
            for name, value in model(images).items()
        }

    return _outputs


@pytest.fixture(scope="session")
def assert_same(outputs):
    """Check that two models give the same levels, digit for digit, at the same strides."""

    def _assert_same(changed, base):
        found, expected = outputs(changed), outputs(base)
        assert list(found) == list(expected)
        for level, value in expected.items():
            assert np.ptp(value) > 0
            np.testing.assert_array_equal(found[level], value)
        shapes = [
            {name: tensor.shape for name, tensor in zoo.stages(model).items()} for model in (changed, base)
        ]
        assert shapes[0] == shapes[1]
        for level, tensor in changed.output.items():
            assert tensor is zoo.stages(changed)[level.replace("P", "C")]

    return _assert_same
