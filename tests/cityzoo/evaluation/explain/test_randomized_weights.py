"""A copy of a network that has learned nothing."""

import keras
import numpy as np
import pytest

from cityzoo.evaluation.explain.randomized_weights import randomize_weights


def test_random_weights_leave_the_model_alone_and_change_the_head_or_all():
    """Depthwise kernels are drawn by their nine inputs; norms become fresh ones; the same seed gives the same."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 64)),
            keras.layers.DepthwiseConv2D(3, name="wide"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Conv2D(200, 3, name="head_last"),
        ]
    )
    model.set_weights([weight + 3 for weight in model.get_weights()])
    before, twin = model.get_weights(), keras.models.clone_model(model)
    randomize_weights(twin, model, 0, {"head_last"})
    kernel, bias = twin.get_layer("head_last").get_weights()
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.05) and not bias.any()
    assert all((a == b).all() for a, b in zip(twin.get_weights()[:6], before[:6], strict=True))
    randomize_weights(twin, model, 0)
    assert twin.get_layer("wide").get_weights()[0].std() == pytest.approx(np.sqrt(2 / 9), rel=0.15)
    assert [float(w.mean()) for w in twin.get_layer("norm").get_weights()] == [1, 0, 0, 1]
    again = keras.models.clone_model(model)
    randomize_weights(again, model, 0)
    assert all((a == b).all() for a, b in zip(twin.get_weights(), again.get_weights(), strict=True))
    assert all((a == b).all() for a, b in zip(model.get_weights(), before, strict=True))
