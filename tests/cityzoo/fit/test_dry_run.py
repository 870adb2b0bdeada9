"""A model after a trial is the model before it."""

import keras
import numpy as np
import pytest

from cityzoo.fit.dry_run import dry_run_steps


def everything(model):
    return [keras.ops.convert_to_numpy(v).copy() for v in [*model.variables, *model.optimizer.variables]]


def compiled():
    """All kinds of state: kernels, moving statistics, a random layer's counter, an optimizer that has begun."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.5)(x)))
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(*pair())
    return model


def pair():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 1)).astype("float32")


def same(ones, others):
    return all(np.array_equal(one, other) for one, other in zip(ones, others, strict=True))


def test_nothing_is_left_of_a_trial():
    """While it runs the layers are shared, the optimizer is another."""
    model = compiled()
    before = everything(model)
    with dry_run_steps(model) as twin:
        twin.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
        twin.train_on_batch(*pair())
        assert not same(before, everything(model))
    assert same(before, everything(model))


def test_nothing_is_left_of_a_trial_that_failed():
    """For want of memory, say."""
    model = compiled()
    before = everything(model)
    with pytest.raises(MemoryError), dry_run_steps(model) as twin:
        twin.set_weights([weight + 1 for weight in twin.get_weights()])
        raise MemoryError
    assert same(before, everything(model))


def test_training_goes_on_as_if_nothing_had_been():
    """The next step is the one that would have come, dropout and all."""
    ended = []
    for tried in (False, True):
        model = compiled()
        if tried:
            with dry_run_steps(model) as twin:
                twin.compile("sgd", "mse", run_eagerly=True)
                twin.train_on_batch(*pair())
        model.train_on_batch(*pair())
        ended.append(everything(model))
    assert same(*ended)
