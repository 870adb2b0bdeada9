"""From city to city: what goes along, what does not, and what trains."""

import keras
import numpy as np
import pytest

from heads.forecast import PinballLoss, QuantileForecastHead
from zoo.series.build import build, copy_encoder_weights, freeze_encoder, names, unfreeze
from zoo.series.sensor_stats import SensorStatistics

STEPS = 6


def city(name, nodes, seed, width=8):
    """A forecasting model for so many sensors, with random weights everywhere."""
    keras.utils.set_random_seed(seed)
    graph = np.roll(np.eye(nodes, dtype="float32"), 1, axis=1)
    backbone = build(
        name, SensorStatistics(STEPS, nodes, (40.0 + seed,), (5.0 + seed,), (graph,)), width=width
    )
    model = keras.Model(backbone.input, QuantileForecastHead(2)(backbone.output), name=name)
    model.get_layer("head_quantiles").set_weights(
        [np.random.default_rng(seed).normal(size=w.shape) for w in model.get_layer("head_quantiles").weights]
    )
    return model


@pytest.mark.parametrize("name", names())
def test_a_new_city_takes_over_all_but_its_sensors(name):
    old, new = city(name, 5, 1), city(name, 3, 2)
    copied = copy_encoder_weights(old, new)
    for layer in (each for each in new.layers if each.weights):
        same = layer.name in copied
        assert same == (layer.name.split("_")[0] in {"encoder", "time"} or layer.name == "head_quantiles")
        if same:
            for a, b in zip(layer.get_weights(), old.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
    mean = old.get_layer("node_embedding").get_weights()[0].mean(axis=0)
    np.testing.assert_allclose(
        new.get_layer("node_embedding").get_weights()[0], np.tile(mean, (3, 1)), rtol=1e-6
    )
    assert new.get_layer("graph_0").get_weights()[0].shape == (3, 3)


def test_known_sensors_keep_their_embeddings_wherever_they_stand():
    old, new = city("stid", 3, 1), city("stid", 3, 2)
    copy_encoder_weights(old, new, [2, None, 0])
    before, after = (each.get_layer("node_embedding").get_weights()[0] for each in (old, new))
    np.testing.assert_allclose(after, [before[2], before.mean(axis=0), before[0]], rtol=1e-6)


def test_frozen_encoders_stay_as_they_are():
    model = city("stid", 3, 0)
    assert freeze_encoder(model) == ["node_embedding", "head_quantiles"]
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.compile("adam", PinballLoss())
    rng = np.random.default_rng(0)
    given = {
        "series": rng.normal(40, 5, (8, STEPS, 3, 1)).astype("float32"),
        "mask": np.ones((8, STEPS, 3, 1), "float32"),
        "time_of_day": rng.random(8).astype("float32"),
        "day_of_week": np.zeros(8, "int32"),
    }
    model.fit(given, rng.normal(40, 5, (8, 2, 3)).astype("float32"), verbose=0)
    moved = {
        layer.name
        for layer in model.layers
        if "dropout" not in layer.name  # their counter of random numbers moves
        and any(np.any(a != b) for a, b in zip(layer.get_weights(), before[layer.name], strict=True))
    }
    assert moved == {"node_embedding", "head_quantiles"}
    assert {"graph_0", "head_widths"}.isdisjoint(unfreeze(model)) and model.get_layer("encoder_in").trainable


def test_other_shapes_are_said():
    with pytest.raises(ValueError, match="layer 'encoder_in' has weights"):
        copy_encoder_weights(city("stid", 3, 0, width=8), city("stid", 3, 0, width=16))
