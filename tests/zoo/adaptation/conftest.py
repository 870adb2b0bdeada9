"""Small real backbones with weights and statistics that are nobody's defaults, and a way to move what trains."""

import keras
import numpy as np
import pytest

import zoo


def _unlike_defaults(model):
    """Give biases and normalisations random values: as built they are zeros and ones, which hide errors."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
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


@pytest.fixture(scope="session")
def images():
    """Four pictures of noise."""
    return np.random.default_rng(0).uniform(0, 255, (4, 64, 64, 3)).astype("float32")


@pytest.fixture(scope="session")
def outputs():
    """Compute a model's outputs as NumPy arrays."""

    def _outputs(model, pictures):
        height, width = model.inputs[0].shape[1:3]
        found = model(pictures[:, :height, :width])
        return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}

    return _outputs


@pytest.fixture(scope="session")
def shake():
    """Move every weight that trains, as training would."""

    def _shake(model, scale=0.05):
        rng = np.random.default_rng(1)
        for weight in model.trainable_weights:
            weight.assign_add(rng.normal(0, scale, tuple(weight.shape)).astype("float32"))
        return model

    return _shake


@pytest.fixture(scope="session")
def with_head():
    """Put a small regression head on the deepest level."""

    def _with_head(backbone):
        pooled = keras.layers.GlobalAveragePooling2D()(backbone.output["P5"])
        return keras.Model(backbone.inputs[0], {"score": keras.layers.Dense(1, name="score")(pooled)})

    return _with_head
