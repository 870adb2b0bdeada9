"""Transfer a model to another city: the encoder is copied, weights of single sensors are trained again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

OWN = ("node", "graph", "head_widths")  # weights of single sensors or their data
ADAPTED = ("node", "head")  # trains while the encoder is frozen
NEVER = ("graph", "head_widths")  # set, not trained


def copy_encoder_weights(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy the shared weights of one forecasting model to another; return the names of the copied layers.

    Encoder, clock and head are copied. The embedding of each new sensor starts as the mean of the old ones. Graphs,
    scaler and conformal widths remain those of the new city.

    Args:
        source: a trained model of any city, with or without the package's loss.
        target: a fresh model of the same backbone with the same options, for the new sensors.

    Raises:
        ValueError: no common encoder, or a layer has another shape.
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
        raise ValueError(
            f"'{source.name}' and '{target.name}' share no encoder: give two models of the same backbone"
        )
    for layer in target.layers:
        if layer.name.startswith("node") and layer.name in layers:
            average = layers[layer.name].get_weights()[0].mean(axis=0)
            layer.set_weights([np.tile(average, (layer.weights[0].shape[0], 1))])
    return copied


def freeze_encoder(model: keras.Model) -> list[str]:
    """Train only node embeddings and head; return the names of the trainable layers. Compile afterwards."""
    for layer in model.layers:
        layer.trainable = layer.name.startswith(ADAPTED) and not layer.name.startswith(NEVER)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]


def unfreeze(model: keras.Model) -> list[str]:
    """Train everything but graphs and conformal widths; return the names of the layers. Compile afterwards."""
    for layer in model.layers:
        layer.trainable = not layer.name.startswith(NEVER)
    return [layer.name for layer in model.layers if layer.trainable and layer.weights]
