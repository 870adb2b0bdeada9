"""Fold BatchNorms into the convolutions before them, as every int8 runtime does before it quantizes."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import keras
import numpy as np

from zoo import graph
from zoo.peft.rewrite import array_of, assign, copy, values

WEIGHTED = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)


class _Call(NamedTuple):
    layer: keras.Layer
    inputs: Any  # its input in the new graph
    output: Any  # its output there; kept, so that its id stays its own


def fold_batchnorm(
    model: keras.Model, extra: dict[str, keras.KerasTensor] | None = None
) -> tuple[keras.Model, dict[str, keras.KerasTensor]]:
    """Return a model without BatchNorms that computes the same at inference.

    y = gamma (Wx + b - mean) / sqrt(variance + epsilon) + beta is a convolution with other weights and another bias
    (Jacob et al. 2018, arXiv 1712.05877, section 3.2). A convolution that several BatchNorms follow, such as the
    shared towers of a detector, becomes one for each. A BatchNorm that follows no convolution becomes a depthwise
    one of 1 x 1, and a separable convolution becomes its two parts.

    Args:
        model: a functional model of one input; it is not changed, and layers without weights to fold are shared.
        extra: more tensors of its graph by name, such as the levels of a backbone.

    Returns:
        The folded model, and the tensors of its graph that stand for `extra`.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, use_bias=False)(images))
        >>> folded, _ = fold_batchnorm(keras.Model(images, x))
        >>> [type(layer).__name__ for layer in folded.layers]
        ['InputLayer', 'Conv2D']
    """
    extra = extra or {}
    fold = _Fold(model)
    targets = [*model.outputs, *extra.values()]
    feeds = {id(model.inputs[0]): model.inputs[0]}
    found = graph.run(model, targets, feeds, fold.apply)
    outputs = keras.tree.map_structure(lambda tensor: found[id(tensor)], model.output)
    folded = keras.Model(model.inputs[0], outputs, name=model.name)
    return folded, {name: found[id(tensor)] for name, tensor in extra.items()}


class _Fold:
    def __init__(self, model: keras.Model) -> None:
        # BatchNorms that read each layer: the fused layer takes the convolution's name if there is just one.
        self.readers: Counter[str] = Counter()
        for node in graph.nodes(model):
            if isinstance(node.operation, keras.layers.BatchNormalization):
                self.readers[node.input_tensors[0]._keras_history.operation.name] += 1
        self.calls: dict[int, _Call] = {}  # id of an output in the new graph -> the call that made it
        self.made: dict[tuple[int, int], keras.Layer] = {}  # (layer, BatchNorm) -> fused layer

    def apply(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, keras.layers.SeparableConv2D):
            depthwise, pointwise = self._cached(operation, operation, _parts)
            return self._call(pointwise, depthwise(args[0]), name=operation.name)
        if isinstance(operation, keras.layers.BatchNormalization):
            return self._fold(operation, args[0])
        if isinstance(operation, WEIGHTED):
            return self._call(operation, args[0])
        return operation(*args, **kwargs)

    def _call(self, layer: keras.Layer, inputs: Any, name: str | None = None) -> Any:
        output = layer(inputs)
        self.calls[id(output)] = _Call(layer, inputs, output)
        if name:
            self.readers[layer.name] = self.readers[name]
        return output

    def _fold(self, norm: keras.layers.BatchNormalization, value: Any) -> Any:
        call = self.calls.get(id(value))
        if call is not None and call.layer.activation is keras.activations.linear:
            name = call.layer.name if self.readers[call.layer.name] == 1 else norm.name
            fused = self._cached(call.layer, norm, lambda layer, norm: _fuse(layer, norm, name))
            return fused(call.inputs)
        if len(value.shape) != 4:
            return norm(value)
        return self._cached(norm, norm, lambda norm, _: _as_depthwise(norm, value.shape))(value)

    def _cached(self, first: Any, second: Any, make: Any) -> Any:
        key = (id(first), id(second))
        if key not in self.made:
            self.made[key] = make(first, second)
        return self.made[key]


def scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Return what a BatchNorm multiplies by and adds at inference: two (C,) float64 arrays."""
    now = {name: array.astype(np.float64) for name, array in values(norm).items()}
    scale = now.get("gamma", 1.0) / np.sqrt(now["moving_variance"] + norm.epsilon)
    return scale, now.get("beta", 0.0) - now["moving_mean"] * scale


def _fuse(layer: keras.Layer, norm: keras.layers.BatchNormalization, name: str) -> keras.Layer:
    scale, shift = scale_and_shift(norm)
    fused = copy(layer, use_bias=True, name=name)
    kernel = array_of(layer.kernel).astype(np.float64)
    bias = array_of(layer.bias).astype(np.float64) if layer.use_bias else 0.0
    # The output channels are the last axis; of a depthwise kernel the last two.
    factor = scale.reshape(kernel.shape[2:]) if isinstance(layer, keras.layers.DepthwiseConv2D) else scale
    assign(fused, {"kernel": kernel * factor, "bias": bias * scale + shift})
    return fused


def _as_depthwise(norm: keras.layers.BatchNormalization, shape: tuple[int | None, ...]) -> keras.Layer:
    scale, shift = scale_and_shift(norm)
    layer = keras.layers.DepthwiseConv2D(1, dtype=norm.dtype_policy, name=norm.name)
    layer.build(shape)
    assign(layer, {"kernel": scale[None, None, :, None], "bias": shift})
    return layer


def _parts(layer: keras.layers.SeparableConv2D, _: Any) -> tuple[keras.Layer, keras.Layer]:
    config, weights = layer.get_config(), values(layer)
    depthwise = keras.layers.DepthwiseConv2D(
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        depth_multiplier=layer.depth_multiplier,
        dilation_rate=layer.dilation_rate,
        use_bias=False,
        dtype=layer.dtype_policy,
        name=f"{layer.name}_depthwise",
    )
    pointwise = keras.layers.Conv2D(
        layer.filters,
        1,
        activation=config["activation"],
        use_bias=layer.use_bias,
        dtype=layer.dtype_policy,
        name=f"{layer.name}_pointwise",
    )
    inner = weights["depthwise_kernel"]
    depthwise.build((None, None, None, inner.shape[2]))
    pointwise.build((None, None, None, inner.shape[2] * inner.shape[3]))
    assign(depthwise, {"kernel": inner})
    assign(
        pointwise,
        {"kernel": weights["pointwise_kernel"], **{k: v for k, v in weights.items() if k == "bias"}},
    )
    return depthwise, pointwise
