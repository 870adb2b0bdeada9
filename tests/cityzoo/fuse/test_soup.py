"""Soups: which weights go in, and the statistics of BatchNormalization after averaging."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cityzoo.fuse.soup import Ingredient, Soup, mean_weights, moving_batchnorms, recompute_statistics
from cityzoo.outputs.classification import Classification


def make_model():
    """Two BatchNormalization layers, with dropout between them."""
    x = keras.Input((3,))
    y = keras.layers.BatchNormalization(name="first")(keras.layers.Dense(4, name="dense")(x))
    y = keras.layers.BatchNormalization(name="second")(keras.layers.Dropout(0.5)(y))
    return keras.Model(x, y)


def test_statistics_are_the_mean_of_the_batches():
    """Of the layers that are wrong alone; flags and momenta are as before."""
    rng, model = np.random.default_rng(0), make_model()
    first, second = model.get_layer("first"), model.get_layer("second")
    second.trainable = False
    batches = [rng.normal(2, 3, (20, 3)).astype("float32") for _ in range(3)]
    recompute_statistics(model, [first], batches)
    inside = [np.asarray(model.get_layer("dense")(batch)) for batch in batches]
    np.testing.assert_allclose(
        first.moving_mean, np.mean([x.mean(axis=0) for x in inside], axis=0), rtol=1e-4
    )
    np.testing.assert_allclose(
        first.moving_variance, np.mean([x.var(axis=0) for x in inside], axis=0), rtol=1e-4
    )
    assert second.moving_mean.numpy().tolist() == [0] * 4
    assert (first.momentum, first.trainable, second.trainable) == (0.99, True, False)


def test_only_statistics_that_differ_are_recomputed():
    """Those of frozen layers are alike in all members, and stay."""
    model = make_model()
    one = model.get_weights()
    other = [array.copy() for array in one]
    names = [weight.path for weight in model.weights]
    other[names.index("second/moving_mean")] += 1
    assert [layer.name for layer in moving_batchnorms(model, [one, other])] == ["second"]
    assert moving_batchnorms(model, [one, one]) == []


class Numbers:
    """A modality whose model is right for an example as far as its only weight is near the example."""

    def predict(self, model, examples, output):
        """Return a probability for each example."""
        weight = model.get_weights()[0].item()
        return [np.array([1 - near, near]) for near in (np.exp(-((weight - x) ** 2)) for x in examples)]


@pytest.fixture
def soup():
    """Weights around 0, where the metric is best, and one far away."""
    output = Classification(("no", "yes"))
    task = SimpleNamespace(modality=Numbers(), monitor="loss")
    x = keras.Input((1,))
    model = keras.Model(x, keras.layers.Dense(1, use_bias=False)(x))

    class Near(Classification):
        def metrics(self, truth, results):
            return {"loss": -np.mean([np.log(result[1]) for result in results])}

    run = SimpleNamespace(task=task, model=model, output=Near(output.class_names), folder=None)
    values = {"right": 1.0, "left": -0.8, "far": 5.0}
    ingredients = [Ingredient(name, [np.array([[v]], "float32")]) for name, v in values.items()]
    return Soup(run, None, [0.0, 0.1], ingredients)


def test_a_greedy_soup_keeps_what_helps(soup):
    """The best one first, then each that does not make it worse."""
    fused = soup.make("greedy")
    assert fused.weights == (0.5, 0.5, 0.0)
    assert fused.model.get_weights()[0].item() == pytest.approx(0.1)
    assert (
        fused.choice["greedy"] < min(fused.choice["alone"].values())
        and fused.choice["uniform"] > fused.choice["greedy"]
    )


def test_a_uniform_soup_keeps_all(soup):
    """The mean of the weights."""
    fused = soup.make("uniform")
    assert fused.weights == (1 / 3,) * 3
    np.testing.assert_allclose(
        fused.model.get_weights()[0], mean_weights([i.weights for i in soup.ingredients])[0]
    )
