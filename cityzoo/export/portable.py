"""Replace operations that converters do not have by equal ones that they have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import graph

if TYPE_CHECKING:
    import keras


def portable(model: keras.Model) -> keras.Model:
    """Return a model that computes the same with the same layers, but for a few operations.

    `argmax` becomes a minimum over positions, because Keras' one for TensorFlow works on the bits of numbers;
    `Normalization`, whose statistics would become inputs of the file, an expression of constants; an `EinsumDense` that
    multiplies by weights of some axes that product; GELU, by `erfc` in TensorFlow, which ONNX lacks, the same by `erf`.
    A model without them is returned as it is.

    Args:
        model: functional, with one output or a dict of them.
    """
    import keras

    nodes = graph.nodes(model)
    if not any(_replacement(node.operation) or _has_gelu(node.operation) for node in nodes):
        return model

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if _has_gelu(operation):
            twin = type(operation).from_config({**operation.get_config(), "activation": "linear"})
            values = twin(*args, **kwargs)
            twin.set_weights(operation.get_weights())
            return keras.layers.Lambda(_gelu, name=f"portable_{operation.name}")(values)
        replacement = _replacement(operation)
        # In a layer with a name: those of single operations may be taken by the loaded model.
        layer = replacement and keras.layers.Lambda(replacement, name=f"portable_{operation.name}")
        return (layer or operation)(*args, **kwargs)

    targets = keras.tree.flatten(model.output)
    values = graph.run(model, targets, {id(tensor): tensor for tensor in model.inputs}, apply)
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)
    return keras.Model(
        model.input if isinstance(model.input, dict) else model.inputs, outputs, name=model.name
    )


def _replacement(operation: Any) -> Callable[[Any], Any] | None:
    import keras
    from keras import ops

    kind = type(operation).__name__
    if kind == "Argmax" and operation.axis is not None:
        return lambda x: _argmax(x, operation.axis, operation.keepdims)
    if isinstance(operation, keras.layers.Normalization) and not operation.invert:
        mean = np.asarray(operation.mean)
        spread = np.maximum(np.sqrt(np.asarray(operation.variance)), keras.config.epsilon())
        return lambda x: ops.divide(ops.subtract(ops.cast(x, "float32"), mean), spread)
    if isinstance(operation, keras.layers.EinsumDense) and operation.bias is None:
        weights = _weights_of_axes(operation)
        return None if weights is None else lambda x: ops.multiply(x, weights)
    return None


def _has_gelu(operation: Any) -> bool:
    import keras

    return getattr(operation, "activation", None) is keras.activations.gelu


def _gelu(x: Any) -> Any:
    from keras import ops

    # In the form that ONNX Runtime and LiteRT compute by one kernel.
    return x * 0.5 * (1.0 + ops.erf(x / math.sqrt(2.0)))


def _argmax(x: Any, axis: int, keepdims: bool) -> Any:
    from keras import ops

    shape = [1] * len(x.shape)
    shape[axis] = x.shape[axis]
    places = np.arange(x.shape[axis], dtype=np.float32).reshape(shape)
    best = ops.equal(x, ops.max(x, axis=axis, keepdims=True))
    first = ops.min(ops.where(best, places, float(x.shape[axis])), axis=axis, keepdims=keepdims)
    return ops.cast(first, "int32")


def _weights_of_axes(layer: keras.layers.EinsumDense) -> np.ndarray | None:
    # Of an equation such as "bhnq,hq->bhnq", which sums over nothing: the weights, shaped to be multiplied by.
    given, _, result = layer.equation.partition("->")
    data, _, axes = given.partition(",")
    if data != result or not set(axes) <= set(data) or list(axes) != [axis for axis in data if axis in axes]:
        return None
    kernel = np.asarray(layer.kernel)
    sides = iter(kernel.shape)
    return kernel.reshape([next(sides) if axis in axes else 1 for axis in data])
