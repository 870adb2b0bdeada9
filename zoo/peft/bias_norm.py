"""Train some of the existing weights: biases (BitFit), or scale and shift of normalisations."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.peft.methods import Chains
from zoo.peft.rewrite import copy, values

NORMALISATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)


@keras.saving.register_keras_serializable(package="cityzoo")
class StillBatchNormalization(keras.layers.BatchNormalization):
    """BatchNormalization that uses the moving statistics in training too, with trainable gamma and beta.

    Keras' own trains gamma and beta on the statistics of each batch, or nothing.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise as in inference, without updating the statistics."""
        return super().call(inputs, training=False, mask=mask)


class _Tuning:
    trains: frozenset[str]
    keeps: frozenset[str] = frozenset()
    folds = True

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return copies of the layers with such weights."""
        chosen = [layer for layer in operations if self._suits(layer)]
        return {layer: [_tuned(layer)] for layer in chosen}

    def fold(self, chain: list[keras.Layer]) -> dict[str, np.ndarray]:
        """Return the weights."""
        return values(chain[0])

    def _suits(self, layer: Any) -> bool:
        return bool(self.trains & {weight.name for weight in getattr(layer, "weights", ())})


def _tuned(layer: keras.Layer) -> keras.Layer:
    still = type(layer) is keras.layers.BatchNormalization
    return copy(layer, kind=StillBatchNormalization if still else None)


class Bias(_Tuning):
    """Train the biases of all layers and the betas of normalisations (Ben-Zaken et al. 2022, arXiv 2106.10199).

    In most convolutional backbones the only bias is the beta of the next BatchNormalization.
    """

    trains = frozenset({"bias", "beta"})


class Norm(_Tuning):
    """Train gamma and beta of normalisations; moving statistics are fixed (Frankle et al. 2021, arXiv 2003.00152)."""

    trains = frozenset({"gamma", "beta"})

    def _suits(self, layer: Any) -> bool:
        return isinstance(layer, NORMALISATIONS) and super()._suits(layer)
