"""Models side by side in one graph: the outputs of each, layers used twice, and what is saved."""

import keras
import numpy as np
import pytest

from cityzoo.fuse.joined_model import join_models
from cityzoo.model import class_names, label_outputs, load, save
from cityzoo.outputs.classification import Classification


def make_model(seed):
    """A small network that uses one layer twice and carries class names."""
    x = keras.Input((4,), name="features")
    twice = keras.layers.Dense(4, name="twice", kernel_initializer=keras.initializers.GlorotUniform(seed))
    logits = keras.layers.Dense(3, name="head_logits")(keras.ops.tanh(twice(twice(x))))
    return keras.Model(x, label_outputs(logits, ("a", "b", "c")), name="same_name")


@pytest.fixture(scope="module")
def models():
    """Three with other weights, whose layers have the same names."""
    return [make_model(seed) for seed in range(3)]


def test_it_computes_the_mean_of_all_and_is_a_plain_model(models, tmp_path):
    """Names do not clash; class names are there once; saving keeps it."""
    output = Classification(("a", "b", "c"))
    weights = [0.5, 0.25, 0.25]
    joined = join_models(
        models, lambda found: output.average_outputs(found, weights), output.class_names, "all"
    )
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    wanted = output.average_outputs([np.asarray(model(rows)) for model in models], weights)
    np.testing.assert_allclose(joined(rows), wanted, rtol=1e-5, atol=1e-6)
    assert joined.count_params() == sum(model.count_params() for model in models)
    save(joined, tmp_path / "model.keras")
    loaded = load(tmp_path / "model.keras")
    assert class_names(loaded) == ("a", "b", "c")
    np.testing.assert_allclose(loaded(rows), wanted, rtol=1e-5, atol=1e-6)


def test_members_keep_their_weights_and_an_ensemble_can_be_a_member(models):
    """Copies are made: training one of them changes nothing else."""
    pair = join_models(models[:2], lambda found: found[0] + found[1], ("a", "b", "c"), "pair")
    outer = join_models([pair, models[2]], lambda found: found[0] + found[1], ("a", "b", "c"), "outer")
    rows = np.ones((2, 4), "float32")
    wanted = sum(np.asarray(model(rows)) for model in models)
    np.testing.assert_allclose(outer(rows), wanted, rtol=1e-5)
    pair.set_weights([0 * each for each in pair.get_weights()])
    np.testing.assert_allclose(outer(rows), wanted, rtol=1e-5)


def test_inputs_by_name_stay_so():
    """As those of forecasts."""
    inputs = {name: keras.Input((2,), name=name) for name in ("history", "clock")}
    model = keras.Model(inputs, inputs["history"] - inputs["clock"])
    joined = join_models([model, model], lambda found: found[0] + found[1], (), "both")
    found = joined({"history": np.array([[3.0, 4]]), "clock": np.array([[1.0, 1]])})
    assert found.numpy().tolist() == [[4.0, 6.0]]
