"""Real backbones and a tiny one, of weights and statistics that are nobody's defaults, and what moves them."""

import keras
import numpy as np
import pytest

import zoo


def _unlike_defaults(model):
    """Give biases and normalisations random values: as built they are zeros and ones, which hide errors."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.7, 1.4, weight.shape))
        elif weight.name in ("beta", "bias", "moving_mean"):
            weight.assign(rng.normal(0, 0.1, weight.shape))


@pytest.fixture(scope="session")
def build():
    """Build a backbone by name, each once: adapting one never changes its weights."""
    built = {}

    def _build(name, size=64):
        if name not in built:
            keras.utils.set_random_seed(0)
            levels = ("P3", "P4", "P5") if zoo.get(name).has_levels else ()
            built[name] = zoo.build(name, size, weights="random", levels=levels).model
            _unlike_defaults(built[name])
        return built[name]

    return _build


@pytest.fixture
def backbone(build):
    """The smallest backbone with depthwise and BatchNormalization layers."""
    return build("mobilenet_025")


def _tiny():
    """Build a backbone with a layer of each kind that there are ways for, at 32 px."""
    layers = keras.layers
    images = x = keras.Input((32, 32, 3), name="images")
    x = layers.Rescaling(1 / 127.5, -1.0)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="fused")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="depthwise_norm")(x))
    x = layers.Conv2D(8, 1, use_bias=False, name="pointwise")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="pointwise_norm")(x))
    down = [layers.LayerNormalization(name="down_norm"), layers.Conv2D(12, 2, strides=2, name="down_conv")]
    x = p3 = keras.Sequential(down, name="down")(x)
    gate = layers.Dense(12, activation="sigmoid", name="gate")(
        layers.GlobalAveragePooling2D(name="gate_mean")(x)
    )
    x = layers.Multiply()([x, layers.Reshape((1, 1, 12))(gate)])
    x = layers.SeparableConv2D(12, 3, strides=2, padding="same", name="separable")(x)
    x = p4 = layers.ReLU()(layers.BatchNormalization(scale=False, name="separable_norm")(x))
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="last")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="last_norm")(x))
    return keras.Model(images, {"P3": p3, "P4": p4, "P5": x}, name="tiny")


@pytest.fixture(scope="session")
def make_tiny():
    """Build the tiny backbone under a dtype policy."""

    def _make(policy="float32"):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(policy)
        try:
            model = _tiny()
        finally:
            keras.config.set_dtype_policy("float32")
        _unlike_defaults(model)
        return model

    return _make


@pytest.fixture(scope="session")
def tiny(make_tiny):
    """The tiny backbone, built once: adapting one never changes its weights."""
    return make_tiny()


@pytest.fixture(scope="session")
def images():
    """Four images of noise."""
    return np.random.default_rng(0).uniform(0, 255, (4, 64, 64, 3)).astype("float32")


@pytest.fixture(scope="session")
def outputs():
    """Compute a model's outputs as NumPy arrays."""

    def _outputs(model, images):
        height, width = model.inputs[0].shape[1:3]
        found = model(images[:, :height, :width])
        return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}

    return _outputs


@pytest.fixture(scope="session")
def shake():
    """Move every weight that trains, as training would."""

    def _shake(model, scale=0.05):
        rng = np.random.default_rng(1)
        for weight in model.trainable_weights:
            weight.assign(weight + rng.normal(0, scale, tuple(weight.shape)).astype("float32"))
        return model

    return _shake


@pytest.fixture(scope="session")
def with_head():
    """Put a small regression head on the deepest level."""

    def _with_head(backbone):
        pooled = keras.layers.GlobalAveragePooling2D(name="score_mean")(backbone.output["P5"])
        return keras.Model(backbone.inputs[0], {"score": keras.layers.Dense(1, name="score")(pooled)})

    return _with_head
