"""Replaced operations compute the same."""

import keras
import numpy as np

from cityzoo.export.portable import portable
from zoo import graph


def test_argmax_and_weights_of_axes_are_replaced_by_equal_operations():
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 4, 3))
    weighted = keras.layers.EinsumDense("bhnq,hq->bhnq", (6, 4, 3))(x)
    scaled = keras.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.0, 1.0])(weighted)
    mixed = keras.layers.EinsumDense("bhnq,qk->bhnk", (6, 4, 5))(scaled)
    model = keras.Model(x, {"place": keras.ops.argmax(x, axis=1), "mixed": mixed})
    rng = np.random.default_rng(0)
    images = rng.integers(0, 3, (5, 6, 4, 3)).astype("float32")  # with ties
    other = portable(model)
    kinds = [type(node.operation).__name__ for node in graph.nodes(other)]
    assert not {"Argmax", "Normalization"} & set(kinds) and kinds.count("EinsumDense") == 1
    wanted, found = model(images), other(images)
    np.testing.assert_array_equal(found["place"], wanted["place"])
    np.testing.assert_allclose(found["mixed"], wanted["mixed"], rtol=1e-6)


def test_other_models_stay_as_they_are():
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    assert portable(model) is model
