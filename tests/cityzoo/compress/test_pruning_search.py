"""Cutting to a share of the parameters, without a run."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from cityzoo.compress.pruning_request import PruningRequest
from cityzoo.compress.pruning_search import cut_to_share
from cityzoo.errors import InputError

REQUEST = PruningRequest("runs/a", "parameters", 0.5, "l1")


@pytest.fixture(scope="module")
def small():
    """Three convolutions and a class layer, and one batch of examples."""
    keras.utils.set_random_seed(0)
    x = y = keras.Input((8, 8, 3))
    for number, width in enumerate((16, 32, 32)):
        y = keras.layers.Conv2D(width, 3, use_bias=False, padding="same", name=f"conv{number}")(y)
        y = keras.layers.ReLU()(keras.layers.BatchNormalization(name=f"norm{number}")(y))
    y = keras.layers.Dense(4, name="head_logits")(keras.layers.GlobalAveragePooling2D()(y))
    rng = np.random.default_rng(0)
    batch = rng.uniform(0, 255, (4, 8, 8, 3)).astype("float32"), np.eye(4, dtype="float32")
    return keras.Model(x, y, name="small"), batch


def _cut(small, request, share):
    model, batch = small
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    return cut_to_share(request, model, model, share, loss, [batch, batch])


@pytest.mark.parametrize("importance", ["taylor", "batchnorm"])
def test_the_fewest_channels_go_that_reach_the_target(small, importance):
    smaller, facts = _cut(small, replace(REQUEST, importance=importance), 0.7)
    total = small[0].count_params()
    assert 0.5 * total < smaller.count_params() <= 0.7 * total
    assert facts["parameters"] == [total, smaller.count_params()]
    assert facts["masked_difference"] < 1e-4 and smaller.name == "small_pruned"
    widths = [smaller.get_layer(f"conv{number}").filters for number in range(3)]
    assert all(width % 8 == 0 for width in widths) and widths != [16, 32, 32]


def test_a_target_out_of_reach_says_what_can_be_reached(small):
    with pytest.raises(InputError, match=r"0\.\d\dx is left.*higher target or more --rounds"):
        _cut(small, REQUEST, 0.05)


def test_a_model_without_groups_says_why(small):
    x = keras.Input((8, 8, 3))
    y = keras.layers.LayerNormalization(name="norm")(keras.layers.Conv2D(32, 1)(x))
    model = keras.Model(x, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(y)), name="fixed")
    with pytest.raises(InputError, match="'fixed' has no group of 16 or more channels.*'norm'"):
        _cut((model, small[1]), REQUEST, 0.5)
