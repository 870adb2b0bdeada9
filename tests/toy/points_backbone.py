"""Backbones for points."""

import keras

BACKBONES = {"mlp_8": 8, "mlp_16": 16}  # name -> width


def build(name):
    """Return a network from (batch, 2) to features of the width that its name says."""
    inputs = keras.Input((2,), name="xy")
    x = keras.layers.Dense(BACKBONES[name], "relu", name="hidden_1")(inputs)
    x = keras.layers.Dense(BACKBONES[name], "relu", name="hidden_2")(x)
    return keras.Model(inputs, {"features": x}, name=name)
