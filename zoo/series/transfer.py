"""From one city to another: what the encoder learned goes along, what belongs to single sensors is learned anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

OWN = ("node", "graph", "head_widths")  # belongs to single sensors, or to their data
ADAPTED = ("node", "head")  # what learns on while the encoder is frozen
NEVER = ("graph", "head_widths")  # set, not learned


def copy_encoder_weights(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy what two forecasting models share from one into the other; return the names of the layers copied.

    Encoder, clock and head are copied. The embedding of each new sensor starts as the mean of the old ones: an
    average sensor. Graphs, scaler and conformal widths stay the new city's own.

    Args:
        source: a trained model of any city, with or without the package's loss.
        target: a fresh model of the same backbone with the same options, for the new sensors.

    Raises:
        ValueError: the two share no encoder, or a layer has another shape.
    """
    layers = {layer.name: layer for layer in source.layers if layer.weights}
    copied = []
    for layer in target.layers:
        known = layers.get(layer.name)
        if known is None or not layer.weights or layer.name.startswith(OWN):
            continue
        here, there = ([tuple(w.shape) for w in each.weights] for each in (layer, known))
        if here != there:
            raise ValueError(
                f"layer '{layer.name}' has weights {there} in the old model and {here} in the new one: "
                "give the same options, number of graphs, channels, steps and horizon"
            )
        layer.set_weights(known.get_weights())
        copied.append(layer.name)
    if not any(name.startswith("encoder") for name in copied):
        raise ValueError(f"'{source.name}' and '{target.name}' share no encoder: give one backbone twice")
    for layer in target.layers:
        if layer.name.startswith("node") and layer.name in layers:
            average = layers[layer.name].get_weights()[0].mean(axis=0)
            layer.set_weights([np.tile(average, (layer.weights[0].shape[0], 1))])
    return copied


def freeze_encoder(model: keras.Model) -> list[str]:
    """Leave node embeddings and head alone to train; return the names of the layers that do. Compile afterwards."""
    for layer in model.layers:
        layer.trainable = layer.name.startswith(ADAPTED) and not layer.name.startswith(NEVER)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]


def unfreeze(model: keras.Model) -> list[str]:
    """Let everything train but graphs and conformal widths; return the names of the layers. Compile afterwards."""
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(NEVER)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]
