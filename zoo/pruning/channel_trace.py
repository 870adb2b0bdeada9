"""How each layer connects channels: the rules by which `zoo.pruning.channels` walks a graph.

Every tensor has one number for each of its channels (last axis). Layers that mix channels give their outputs new
numbers, elementwise operations unite the numbers of their inputs, concatenations join them, and what no rule knows
fixes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

# Each channel of the output is a function of the same channel of the input.
_PASSING = """
    Activation ReLU LeakyReLU ELU Dropout SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout Identity
    MaxPooling1D MaxPooling2D AveragePooling1D AveragePooling2D GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalMaxPooling1D GlobalMaxPooling2D ZeroPadding1D ZeroPadding2D Cropping1D Cropping2D UpSampling1D UpSampling2D
    Cast StopGradient Relu Relu6 Silu Gelu Sigmoid HardSigmoid HardSilu Tanh Softplus Abs Negative Square
"""
_ELEMENTWISE = "Add Multiply Subtract Average Maximum Minimum CustomScaleLayer"
_MIXING_ACTIVATIONS = ("softmax", "log_softmax", "sparsemax", "glu")


@dataclass(frozen=True)
class Slot:
    """One axis of a layer's weight, each entry of which belongs to a channel.

    Attributes:
        layer: name of the layer.
        weight: name of the weight, such as "kernel".
        axis: negative, from the end.
        channels: (size of the axis,) int, the channel of each entry.
        reads: whether the layer reads these channels and mixes them into others.
        positions: how often each number of the weight is used for one example.
    """

    layer: str
    weight: str
    axis: int
    channels: np.ndarray
    reads: bool
    positions: int


@dataclass
class Trace:
    """What the walk over a graph has found so far; numbers of channels are united at its end."""

    count: int = 0
    pairs: list[np.ndarray] = field(default_factory=list)  # (2, n) channels that live or die together
    fixed: list[tuple[np.ndarray, str]] = field(default_factory=list)  # channels that must stay, and why
    slots: list[Slot] = field(default_factory=list)
    # layer -> (key of its config, channels that it counts)
    widths: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    calls: dict[str, tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict
    )  # layer -> (inputs, outputs)

    def add(self, count: int) -> np.ndarray:
        """Return the numbers of new channels."""
        self.count += count
        return np.arange(self.count - count, self.count)

    def unite(self, some: np.ndarray, others: np.ndarray) -> None:
        """Remember that channels belong together, one by one."""
        self.pairs.append(np.stack([some, others]))

    def add_slots(self, node: Any, *slots: tuple[str, int, np.ndarray, bool]) -> None:
        """Remember the axes (weight, axis, channels, reads) of a node's layer, as far as it has these weights."""
        layer = node.operation
        own = {weight.name for weight in layer.weights}
        places = math.prod(side or 1 for side in node.outputs[0].shape[1:-1])
        self.slots += [Slot(layer.name, *slot, places) for slot in slots if slot[0] in own]

    def visit(self, node: Any, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Return the channels of a node's outputs from those of its inputs."""
        operation = node.operation
        rule = _RULES.get(type(operation).__name__, _refuse) if _is_ruled(node, inputs) else _refuse
        earlier = self.calls.get(operation.name)
        if earlier and rule is not _refuse:  # a shared layer: all its callers have the same channels
            self.unite(inputs[0], earlier[0])
            places = math.prod(side or 1 for side in node.outputs[0].shape[1:-1])
            self.slots = [
                replace(slot, positions=slot.positions + places) if slot.layer == operation.name else slot
                for slot in self.slots
            ]
            return [earlier[1]]
        channels = rule(self, node, inputs)
        if channels is None:
            reason = f"'{operation.name}' ({type(operation).__name__}) needs all of its channels"
            outputs = [self.add(tensor.shape[-1] or 0 if tensor.shape else 0) for tensor in node.outputs]
            self.fixed += [(each, reason) for each in [*inputs, *outputs]]
            return outputs
        if getattr(operation, "weights", ()):
            self.calls[operation.name] = inputs[0], channels
        return [channels]


def _is_ruled(node: Any, inputs: list[np.ndarray]) -> bool:
    import keras

    operation, constants = node.operation, keras.tree.flatten([node.arguments.args, node.arguments.kwargs])
    # A constant array, as in x * [1, 2, 3], has one value per channel.
    has_array = any(np.ndim(x) for x in constants if not isinstance(x, keras.KerasTensor | str))
    return (
        type(operation).__module__.startswith("keras.")
        and len(node.outputs) == 1
        and not has_array
        and bool(inputs)
        and all(map(len, inputs))
        and getattr(operation, "data_format", None) in (None, "channels_last")
    )


def _refuse(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    return None


def _pass(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    activation = getattr(getattr(node.operation, "activation", None), "__name__", "")
    return None if activation in _MIXING_ACTIVATIONS else inputs[0]


def _rescale(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    return None if np.ndim(node.operation.scale) or np.ndim(node.operation.offset) else inputs[0]


def _unite(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    widest = max(inputs, key=len)
    for each in inputs:
        if len(each) == len(widest):
            trace.unite(each, widest)
        else:  # one channel for all of the others'
            trace.fixed.append((each, f"'{node.operation.name}' broadcasts it"))
    return widest


def _concatenate(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    is_last = node.operation.axis in (-1, len(node.outputs[0].shape) - 1)
    return np.concatenate(inputs) if is_last else _unite(trace, node, inputs)


def _reshape(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    channels, shape = inputs[0], node.outputs[0].shape
    target = getattr(node.operation, "target_shape", (-1,))
    if shape[-1] != len(channels):
        if len(shape) != 2 or (shape[-1] or 1) % len(channels):
            return None
        channels = np.tile(channels, shape[-1] // len(channels))  # flattened: channels are innermost
    if target[-1] != -1:
        trace.widths[node.operation.name] = ("target_shape", channels)
    return channels


def _mix(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    layer = node.operation
    if getattr(layer, "groups", 1) != 1 or getattr(layer, "quantization_mode", None):
        return None
    key = "units" if hasattr(layer, "units") else "filters"
    outputs = trace.add(getattr(layer, key))
    trace.add_slots(node, ("kernel", -2, inputs[0], True), ("kernel", -1, outputs, False))
    return _finish(trace, node, key, outputs)


def _separate(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    outputs, between = trace.add(node.operation.filters), inputs[0].repeat(node.operation.depth_multiplier)
    trace.add_slots(node, ("depthwise_kernel", -2, inputs[0], False))
    trace.add_slots(node, ("pointwise_kernel", -2, between, True), ("pointwise_kernel", -1, outputs, False))
    return _finish(trace, node, "filters", outputs)


def _finish(trace: Trace, node: Any, key: str, outputs: np.ndarray) -> np.ndarray:
    trace.add_slots(node, ("bias", -1, outputs, False))
    trace.widths[node.operation.name] = (key, outputs)
    if node.operation.activation.__name__ in _MIXING_ACTIVATIONS:
        trace.fixed.append((outputs, f"'{node.operation.name}' ends in a softmax"))
    return outputs


def _depthwise(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    outputs = inputs[0].repeat(node.operation.depth_multiplier)
    trace.add_slots(node, ("kernel", -2, inputs[0], False), ("bias", -1, outputs, False))
    return outputs


def _scale(trace: Trace, node: Any, inputs: list[np.ndarray]) -> np.ndarray | None:
    layer = node.operation
    if getattr(layer, "axis", -1) not in (-1, len(node.outputs[0].shape) - 1):
        return None
    trace.add_slots(node, *[(weight.name, -1, inputs[0], False) for weight in layer.weights])
    if hasattr(layer, "projection_dim"):  # ConvNeXt's LayerScale
        trace.widths[layer.name] = ("projection_dim", inputs[0])
    return inputs[0]


_RULES: dict[str, Callable[[Trace, Any, list[np.ndarray]], np.ndarray | None]] = {
    **dict.fromkeys(_PASSING.split(), _pass),
    **dict.fromkeys(_ELEMENTWISE.split(), _unite),
    **dict.fromkeys(("Conv1D", "Conv2D", "Dense"), _mix),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separate),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    **dict.fromkeys(("BatchNormalization", "LayerScale"), _scale),
    **dict.fromkeys(("Reshape", "Flatten"), _reshape),
    "Concatenate": _concatenate,
    "Rescaling": _rescale,
}
