"""Add "tiny" to the table of backbones: five strided convolutions, built and traced far faster than a real one."""

import keras

from zoo import registry


def build_tiny(include_top, weights, input_tensor, input_shape, alpha=1):
    """Build it as the functions of `keras.applications` are called."""
    x = input_tensor
    for number, width in enumerate((4 * alpha, 8, 8, 16, 16), 1):
        x = keras.layers.Conv2D(width, 3, 2, padding="same", use_bias=False, name=f"stem{number}")(x)
        x = keras.layers.BatchNormalization(name=f"stem{number}_norm")(x)
        x = keras.layers.ReLU(name=f"stem{number}_relu")(x)
    return keras.Model(input_tensor, x)


keras.applications.Tiny = build_tiny
registry.BACKBONES["tiny"] = registry.Backbone("Tiny", "mobilenet", "tiny", 64, 0.01)
registry.BACKBONES["tiny_wide"] = registry.Backbone("Tiny", "mobilenet", "tiny_wide", 64, 0.02, alpha=2)
