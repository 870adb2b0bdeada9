"""Scale a randomly initialised network to unit variance, layer by layer, on a batch of data.

LSUV: Mishkin and Matas, "All you need is a good init", ICLR 2016, arXiv 1511.06422. Here a layer is measured
after its activation, which gives the features unit variance, and BatchNormalization gets its moving statistics
from the batch, which makes inference agree with training. Stacks without normalization (VGG) use
`zoo.dirac_init`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import dirac_init, graph

if TYPE_CHECKING:
    import keras
    import numpy as np

_ROUNDS = 4
_SMALLEST_STD = 1e-6
_HOMOGENEOUS = ("linear", "relu", "leaky_relu")
# The scale before any other activation (sigmoid, softmax, tanh) matters: such layers are not changed.
_SCALABLE = (*_HOMOGENEOUS, "relu6", "silu", "gelu", "hard_silu")


def calibrate(model: keras.Model, images: np.ndarray) -> dict[str, float]:
    """Scale a random backbone to features of unit variance, in one pass over its layers.

    Args:
        model: a functional backbone from `build`; its weights are changed in place.
        images: (batch, height, width, 3) float32 or uint8, RGB 0..255, about 16 images of the training data.

    Returns:
        The standard deviation of each output in inference, {"P3": 1.0, ...}. Where a level is a sum of
        branches (ResNet, Xception) it is that of the sum, commonly 1 to 3; after max pooling (P5 of
        VGG) slightly above 1.

    Raises:
        ValueError: the images do not have the model's size.
    """
    import keras

    shape, wanted = tuple(images.shape[1:]), tuple(model.inputs[0].shape[1:])
    if shape != wanted:
        raise ValueError(
            f"images have shape {shape}, not the input shape of backbone '{model.name}': give (batch, *{wanted})"
        )
    batch = keras.ops.cast(images, model.inputs[0].dtype)
    followers = _followers(model)

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        return _calibrated(operation, followers.get(id(operation)), args, kwargs)

    values = graph.run(model, model.outputs, {id(model.inputs[0]): batch}, apply)
    stds = keras.tree.map_structure(lambda tensor: _std(values[id(tensor)]), model.output)
    return stds if isinstance(stds, dict) else {"output": stds}


def _calibrated(operation: Any, activation: Any, args: tuple, kwargs: dict) -> Any:
    import keras

    if isinstance(operation, keras.Sequential):
        value = args[0]
        for layer in operation.layers:
            value = _calibrated(layer, None, (value,), {})
        return value
    if isinstance(operation, keras.layers.BatchNormalization):
        return _fit_batchnorm(operation, activation, args[0])
    if _kernels(operation) and _activation_name(operation) in _SCALABLE:
        return _fit_kernel(operation, args, kwargs)
    return _infer(operation, args, kwargs)


def _fit_kernel(layer: keras.Layer, args: tuple, kwargs: dict) -> Any:
    if dirac_init.applies(layer):
        return dirac_init.dirac_initialize(layer, lambda: _infer(layer, args, kwargs))
    # Without a bias one division is exact for linear and ReLU layers: no second forward pass is needed.
    output = _infer(layer, args, kwargs)
    exact = _activation_name(layer) in _HOMOGENEOUS and not _has_bias(layer)
    for _ in range(_ROUNDS):
        std = _std(output)
        if std < _SMALLEST_STD or abs(std - 1) < 0.01:
            break
        _kernels(layer)[-1].assign(_kernels(layer)[-1] / std)
        if exact:
            return output / std
        output = _infer(layer, args, kwargs)
    return output


def _fit_batchnorm(layer: keras.Layer, activation: Any, value: Any) -> Any:
    import keras

    axes = [axis for axis in range(len(value.shape)) if axis != layer.axis % len(value.shape)]
    mean, variance = keras.ops.moments(keras.ops.cast(value, "float32"), axes)
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    output = _infer(layer, (value,), {})
    for _ in range(_ROUNDS if layer.scale and activation is not None else 0):
        std = _std(_infer(activation, (output,), {}))
        if std < _SMALLEST_STD or abs(std - 1) < 0.01:
            break
        layer.gamma.assign(layer.gamma / std)
        output = _infer(layer, (value,), {})
    return output


def _followers(model: keras.Model) -> dict[int, Any]:
    """Return id of a BatchNormalization -> the activation layer that is the only user of its output."""
    import keras

    users: dict[int, list[Any]] = {}
    for node in graph.nodes(model):
        for tensor in node.input_tensors:
            users.setdefault(id(tensor), []).append(node.operation)
    activations = (keras.layers.Activation, keras.layers.ReLU)
    found = {}
    for node in graph.nodes(model):
        after = users.get(id(node.outputs[0]), [])
        if len(after) == 1 and isinstance(after[0], activations) and _activation_name(after[0]) in _SCALABLE:
            found[id(node.operation)] = after[0]
    return found


def _infer(operation: Any, args: tuple, kwargs: dict) -> Any:
    import keras

    if isinstance(operation, keras.Layer) and operation._call_has_training_arg:
        kwargs = {**kwargs, "training": False}
    return operation(*args, **kwargs)


def _kernels(layer: Any) -> list[keras.Variable]:
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    return [weight for weight in getattr(layer, "weights", []) if weight.name in names]


def _has_bias(layer: keras.Layer) -> bool:
    import keras

    bias = getattr(layer, "bias", None)
    return bias is not None and bool(keras.ops.any(bias != 0))


def _activation_name(layer: Any) -> str:
    activation = getattr(layer, "activation", None)
    return "relu" if activation is None else getattr(activation, "__name__", "?")


def _std(value: Any) -> float:
    import keras

    return float(keras.ops.std(keras.ops.cast(value, "float32")))
