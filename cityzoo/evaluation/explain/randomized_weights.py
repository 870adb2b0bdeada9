"""Copy of a model with random weights, for sanity checks of attribution maps."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def randomize_weights(
    twin: keras.Model, model: keras.Model, seed: int, layers: Collection[str] | None = None
) -> None:
    """Copy the weights of a model to its clone, with random ones in some layers.

    Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv 1810.03292). Kernels are initialized like He et al.
    2015 (arXiv 1502.01852), whatever the layer's own initializer; biases become 0, norms 1.

    Args:
        twin: `keras.models.clone_model(model)`; is modified.
        model: a functional model; not modified.
        seed: of the random weights.
        layers: names of the randomized layers; None: all.
    """
    twin.set_weights(model.get_weights())
    generator = np.random.default_rng(seed)
    for layer in twin.layers:
        if layers is None or layer.name in layers:
            for variable in layer.weights:
                values = _random_values(layer, variable, generator)
                if values is not None:
                    variable.assign(values)


def _random_values(
    layer: keras.Layer, variable: keras.Variable, generator: np.random.Generator
) -> np.ndarray | None:
    import keras

    shape, name = tuple(variable.shape), variable.name
    if len(shape) > 1 and variable.trainable:
        by_channel = isinstance(layer, keras.layers.DepthwiseConv2D)
        inputs = np.prod(shape[:2] if by_channel else shape[:-1])
        return generator.normal(0.0, np.sqrt(2.0 / inputs), shape)
    if name in ("gamma", "moving_variance"):
        return np.ones(shape)
    return np.zeros(shape) if variable.trainable or name == "moving_mean" else None
