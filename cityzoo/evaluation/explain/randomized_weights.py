"""A model's twin with random weights: a map that does not change with them explains no model."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def randomize_weights(
    twin: keras.Model, model: keras.Model, seed: int, layers: Collection[str] | None = None
) -> None:
    """Give a copy of a model its weights, and in some layers random ones, as of a network that learned nothing.

    Adebayo et al. 2018, "Sanity Checks for Saliency Maps" (arXiv 1810.03292). Kernels are drawn as He et al. 2015
    (arXiv 1502.01852) do, by the inputs of a filter, whatever the layer's own initializer: signals then neither fade
    nor grow; biases become 0, norms 1.

    Args:
        twin: `keras.models.clone_model(model)`; is changed.
        model: a functional model; stays as it is.
        seed: of the random weights.
        layers: names of the layers; None: all.

    Example:
        >>> import keras
        >>> x = keras.Input((2,))
        >>> model = keras.Model(x, keras.layers.Dense(3, name="last")(keras.layers.Dense(2, name="first")(x)))
        >>> twin = keras.models.clone_model(model)
        >>> randomize_weights(twin, model, 0, ["last"])
        >>> [bool((a == b).all()) for a, b in zip(twin.get_weights(), model.get_weights())]  # biases: 0 before, too
        [True, True, False, True]
    """
    twin.set_weights(model.get_weights())
    generator = np.random.default_rng(seed)
    for layer in twin.layers:
        if layers is None or layer.name in layers:
            for variable in layer.weights:
                values = _drawn(layer, variable, generator)
                if values is not None:
                    variable.assign(values)


def _drawn(layer: keras.Layer, variable: keras.Variable, generator: np.random.Generator) -> np.ndarray | None:
    import keras

    shape, name = tuple(variable.shape), variable.name
    if len(shape) > 1 and variable.trainable:
        by_channel = isinstance(layer, keras.layers.DepthwiseConv2D)
        inputs = np.prod(shape[:2] if by_channel else shape[:-1])
        return generator.normal(0.0, np.sqrt(2.0 / inputs), shape)
    if name in ("gamma", "moving_variance"):
        return np.ones(shape)
    return np.zeros(shape) if variable.trainable or name == "moving_mean" else None
