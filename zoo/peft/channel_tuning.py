"""Methods that train a few numbers per channel: biases (BitFit), normalizations, or SSF."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import keras
import numpy as np

from zoo import graph
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


WEIGHTED = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)
KERNELS = ("pointwise_kernel", "kernel")  # the first that a layer has computes its outputs


@keras.saving.register_keras_serializable(package="cityzoo")
class ScaleShift(keras.Layer):
    """Multiply each channel by gamma and add beta; starts as the identity."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs * self.gamma + self.beta

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


class ScaleAndShift:
    """SSF: a trained ScaleShift after each operation, before its activation (Lian et al. 2022, arXiv 2210.08823).

    It follows convolutions, dense layers and normalizations. Layers that feed only a BatchNormalization get none: with
    frozen statistics that one is affine, and the ScaleShift after it is sufficient.
    """

    trains = frozenset({"gamma", "beta"})
    keeps: frozenset[str] = frozenset()
    folds = True

    def plan(self, backbone: keras.Model, operations: list[Any], seed: int) -> Chains:
        """Return chains of a layer without its activation, a ScaleShift, and the activation."""
        covered = _feeding_batchnorm(backbone)
        suitable = [layer for layer in operations if isinstance(layer, (*WEIGHTED, *NORMALISATIONS))]
        return {layer: _scaled(layer) for layer in suitable if id(layer) not in covered}

    def fold(self, chain: list[keras.Layer]) -> dict[str, np.ndarray]:
        """Scale the kernel and shift the bias, or gamma and beta of a normalisation."""
        weights, learned = values(chain[0]), values(chain[1])
        scale, shift = learned["gamma"], learned["beta"]
        offset = "beta" if isinstance(chain[0], NORMALISATIONS) else "bias"
        if offset == "beta":
            weights["gamma"] = weights.get("gamma", np.float32(1)) * scale
        else:
            name = next(name for name in KERNELS if name in weights)
            kernel = weights[name]
            # A depthwise kernel is (height, width, inputs, outputs of each input).
            depthwise = isinstance(chain[0], keras.layers.DepthwiseConv2D)
            weights[name] = kernel * (scale.reshape(kernel.shape[-2:]) if depthwise else scale)
        weights[offset] = weights.get(offset, np.float32(0)) * scale + shift
        return weights


def _scaled(layer: keras.Layer) -> list[keras.Layer]:
    scaling = ScaleShift(name=f"{layer.name}_ssf", dtype=layer.dtype_policy.name)
    activation = getattr(layer, "activation", None)
    if activation in (None, keras.activations.linear):
        return [layer, scaling]
    behind = keras.layers.Activation(activation, name=f"{layer.name}_activation", dtype=layer.dtype_policy)
    return [copy(layer, activation="linear"), scaling, behind]


def _feeding_batchnorm(model: keras.Model) -> set[int]:
    used_by: dict[int, list[Any]] = defaultdict(list, {id(tensor): [None] for tensor in model.outputs})
    for node in graph.nodes(model):
        for tensor in node.input_tensors:
            used_by[id(tensor)].append(node.operation)
    covered = set()
    for node in graph.nodes(model):
        users = [user for tensor in node.outputs for user in used_by[id(tensor)]]
        if users and all(isinstance(user, keras.layers.BatchNormalization) for user in users):
            covered.add(id(node.operation))
    return covered
