"""The importance of weights against one worked out by hand, and the penalty that a model trains with."""

import keras
import numpy as np
import pytest

from cityzoo.fit.weight_consolidation import AnchorPenalty, FisherEstimator


def linear_model(weight):
    """One weight: y = w x."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[weight]], np.float32)])
    return model


def test_squared_gradients_are_summed_and_no_weight_changes():
    model, estimator = linear_model(2.0), FisherEstimator()
    model.compile(estimator, "mse", jit_compile=False)
    inputs, targets = np.array([[1.0], [3.0]], np.float32), np.array([[1.0], [0.0]], np.float32)
    model.fit(inputs, targets, batch_size=1, shuffle=False, verbose=0)
    # d/dw (w x - y)^2 = 2 x (w x - y): 2 and 36
    assert keras.ops.convert_to_numpy(estimator.squares[0]).item() == pytest.approx(2.0**2 + 36.0**2)
    assert model.get_weights()[0].item() == 2.0


def test_an_important_weight_stays_and_another_one_moves():
    ended = {}
    for importance in (0.0, 1e3):
        model = linear_model(2.0)
        weight = model.trainable_variables[0]
        weight.regularizer = AnchorPenalty(np.array([[2.0]]), np.array([[importance]]))
        model.compile(keras.optimizers.SGD(1.5e-3), "mse", jit_compile=False)
        data = np.ones((8, 1), np.float32)
        model.fit(data, 5 * data, epochs=30, verbose=0)
        ended[importance] = model.get_weights()[0].item()
    assert ended[0.0] > 2.2
    assert ended[1e3] == pytest.approx(2 + 3 * 2 / (2 + 1e3), abs=1e-3)  # where both gradients are equal
