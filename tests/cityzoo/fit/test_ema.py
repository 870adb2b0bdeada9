"""The average against numpy, the trap of BatchNorm, and a resumed run."""

import keras
import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fit.ema import WeightEMA


def normalised(seed=0):
    """A unit that is normalised: whatever its kernel is, its own statistics make the output the same."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((1,))
    unit = keras.layers.Dense(1, use_bias=False, name="unit")(inputs)
    norm = keras.layers.BatchNormalization(center=False, scale=False, epsilon=0.0, name="norm")(unit)
    return keras.Model(inputs, norm)


def set_to(model, kernel, mean=0.0):
    """Kernel and the statistics that inputs of this mean and of variance 1 give behind it."""
    model.get_layer("unit").set_weights([np.array([[kernel]])])
    model.get_layer("norm").set_weights([np.array([kernel * mean]), np.array([kernel**2])])


def test_it_is_the_average_with_its_ramp():
    """Momenta .1, 2/11, 3/12 up to the one given, over kernel and statistics alike."""
    model = normalised()
    set_to(model, 1.0)
    average = WeightEMA(model, 0.24)
    kernel, variance = 1.0, 1.0
    for step, (value, momentum) in enumerate([(2.0, 0.1), (3.0, 2 / 11), (5.0, 0.24), (7.0, 0.24)]):
        set_to(model, value)
        average.on_train_batch_end(step)
        kernel = momentum * kernel + (1 - momentum) * value
        variance = momentum * variance + (1 - momentum) * value**2
    with average.applied():
        found = [weight.item() for weight in model.get_weights()]
    assert found == pytest.approx([kernel, 0.0, variance], rel=1e-5)


def test_averaged_weights_come_with_their_own_statistics():
    """Inputs of mean 50, as after a ReLU; kernels from 1 to 11, average 10. An input of 50 is the mean: 0.

    The average against the last statistics, which is what Keras' use_ema judges by: 10 * 50 - 11 * 50 = -50 / 11.
    """
    model, mean = normalised(), np.full((1, 1), 50.0, "float32")
    set_to(model, 1.0, 50.0)
    average = WeightEMA(model, 0.9)
    for step, kernel in enumerate(np.linspace(2, 11, 10)):
        set_to(model, kernel, 50.0)
        average.on_train_batch_end(step)
    assert float(model(mean)[0, 0]) == pytest.approx(0.0, abs=1e-3)
    with average.applied():
        assert float(model(mean)[0, 0]) == pytest.approx(0.0, abs=1e-3)
        averaged = model.get_layer("unit").get_weights()
    assert averaged[0].item() == pytest.approx(10.0, rel=1e-4)
    model.get_layer("unit").set_weights(averaged)
    assert float(model(mean)[0, 0]) == pytest.approx(-50 / 11, rel=1e-3)


def test_the_model_is_what_it_was_to_the_last_bit():
    """After lending, and after an error while lent."""
    model = normalised()
    average = WeightEMA(model)
    set_to(model, 1 / 3)
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(KeyError), average.applied():
        assert model.get_weights()[0].item() != before[0].item()
        raise KeyError
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_layers_and_seeds_are_left_out():
    """Of a frozen kernel and a frozen BatchNorm nothing is kept twice."""
    inputs = x = keras.Input((4,))
    for name in ("frozen", "free"):
        x = keras.layers.Dense(2, name=name)(x)
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(x))
    model.get_layer("frozen").trainable = model.get_layer("frozen_norm").trainable = False
    steps, *averages = WeightEMA(model).state()
    assert [array.shape for array in averages] == [(2, 2), (2,), *[(2,)] * 4]


def batches(first, last):
    for step in range(first, last):
        rng = np.random.default_rng(step)
        yield rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 1)).astype("float32")


def trained():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    x = keras.layers.BatchNormalization(momentum=0.5)(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    return model, WeightEMA(model, 0.99)


def test_a_resumed_run_has_the_average_of_an_uninterrupted_one():
    """From its state and the weights, through `fit`; against a loop in numpy as well."""
    model, average = trained()
    by_hand, seen = [weight.copy() for weight in model.get_weights()], []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(model.get_weights())
    )
    model.fit(batches(0, 6), shuffle=False, verbose=0, callbacks=[average, watch])
    for step, weights in enumerate(seen):
        momentum = (1 + step) / (10 + step)
        by_hand = [momentum * a + (1 - momentum) * w for a, w in zip(by_hand, weights, strict=True)]
    state = average.state()
    assert int(state[0]) == 6
    for one, other in zip(state[1:], by_hand, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)

    first, kept = trained()
    first.fit(batches(0, 4), shuffle=False, verbose=0, callbacks=[kept])
    second, resumed = trained()
    second.set_weights(first.get_weights())
    resumed.restore(kept.state())
    second.fit(batches(4, 6), shuffle=False, verbose=0, callbacks=[resumed])
    for one, other in zip(resumed.state(), state, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_of_nothing_starts_anew_and_one_of_another_model_is_refused():
    """A phase begins without; a checkpoint of another part of the network must not be taken."""
    model, average = trained()
    average.restore([])
    assert int(average.state()[0]) == 0
    with pytest.raises(ValueError, match="another model"):
        average.restore(WeightEMA(normalised()).state())


@pytest.mark.parametrize("momentum", [-0.1, 1.0, 2.0])
def test_a_momentum_out_of_range_is_refused(momentum):
    """One would never move."""
    with pytest.raises(InputError, match="0 or more and less than 1"):
        WeightEMA(normalised(), momentum)
