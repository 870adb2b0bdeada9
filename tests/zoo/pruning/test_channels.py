import keras
import numpy as np

from zoo.pruning.channels import group_channels, trace_channels


def _group(model, layer):
    channels = trace_channels(model)
    return next(group for group in group_channels(model, channels) if group.layers[0] == layer)


def test_layers_tied_by_additions_and_gates_are_one_group(residual):
    group = _group(residual, "stem")
    assert set(group.layers) == {"stem", "stem_norm", "deep", "back", "gate", "left", "joint_norm"}
    assert len(group.channels) == 16


def test_a_shared_layer_ties_all_its_callers(residual):
    """`shared` reads what `left` and `right` write and writes what `right` and the concatenation read."""
    assert set(_group(residual, "left").layers) == {"left", "joint_norm", "right"}
    assert "right" not in _group(residual, "hidden").layers


def test_costs_count_every_weight_that_a_channel_indexes(residual):
    group = _group(residual, "hidden")
    flat = (24 + 24 + 16) * 2 * 2
    assert (group.parameters, group.operations) == (flat + 1 + 8, flat + 1 + 8)
    stem = _group(residual, "stem")
    deep, back, gate, left = 2 * 9 + 2, 32 + 32 + 1, 16 + 16 + 1, 9 + 24  # `back` and `gate` read and write
    assert stem.parameters == 27 + 4 + deep + back + gate + left + 4 + 4 * 32


def test_normalization_over_channels_and_outputs_fix_them():
    x = keras.Input((4, 4, 3))
    y = keras.layers.LayerNormalization(name="norm")(keras.layers.Conv2D(16, 1, name="first")(x))
    y = keras.layers.Conv2D(16, 1, groups=2, name="grouped")(keras.layers.Conv2D(16, 1, name="free")(y))
    model = keras.Model(x, keras.layers.Conv2D(16, 1, name="last")(y))
    channels = trace_channels(model)
    assert group_channels(model, channels) == []
    reasons = " ".join(channels.reasons)
    assert "'norm' (LayerNormalization)" in reasons and "'grouped' (Conv2D)" in reasons
    assert "output of the model" in reasons


def test_constants_and_unknown_operations_fix_channels():
    x = keras.Input((4, 4, 3))
    scaled = keras.layers.Conv2D(16, 1, name="first")(x) * np.arange(16, dtype="float32")
    summed = keras.ops.cumsum(keras.layers.Conv2D(16, 1, name="second")(scaled), axis=-1)
    model = keras.Model(x, keras.layers.Dense(2)(summed))
    assert group_channels(model, trace_channels(model)) == []
