"""Insert fake quantization into a functional model, and set its ranges from calibration batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import keras
import numpy as np

from zoo import graph
from zoo.peft.rewrite import copy
from zoo.quantization.fold import WEIGHTED
from zoo.quantization.layers import TWINS, FakeQuantize, fake_quantize_kernel

# Layers whose outputs are some of their inputs: the range stays.
SELECTING = {
    *(
        "Reshape",
        "Flatten",
        "Permute",
        "Identity",
        "Dropout",
        "SpatialDropout2D",
        "Transpose",
        "Squeeze",
        "ExpandDims",
    ),
    *("MaxPooling2D", "GlobalMaxPooling2D", "UpSampling2D", "ZeroPadding2D", "Cropping2D", "GetItem"),
}
FUSED = ("relu", "relu6", "ReLU", "ReLU6")  # runtimes compute these together with the layer before


def insert_fake_quantization(
    model: keras.Model,
    freeze_after: int = 0,
    keep_float: Collection[str] = (),
    extra: dict[str, keras.KerasTensor] | None = None,
) -> tuple[keras.Model, dict[str, keras.KerasTensor]]:
    """Return a model that computes as its int8 version will, for fine-tuning.

    Weights are rounded per output channel, symmetrically; the input and the output of each layer in a range of its
    own. What follows the last convolutions and dense layers - box arithmetic, softmax - stays in float: in one tensor
    of boxes and logits the boxes would take all the steps.

    Args:
        model: a functional model without BatchNorms, from `fold_batchnorm`; not changed.
        freeze_after: training steps after which the ranges of activations stand still.
        keep_float: names of layers that are not quantized.
        extra: more tensors of its graph by name.

    Returns:
        The model, with ranges of 0 to 1 until `set_ranges` is called, and the tensors of its graph for `extra`.
    """
    extra = extra or {}
    feeds: dict[int, Any] = {id(model.inputs[0]): _range_of("images", freeze_after)(model.inputs[0])}
    insert = _Insert(model, freeze_after, keep_float)
    found = graph.run(model, [*model.outputs, *extra.values()], feeds, insert.apply)
    outputs = keras.tree.map_structure(lambda tensor: found[id(tensor)], model.output)
    quantized = keras.Model(model.inputs[0], outputs, name=model.name)
    return quantized, {name: found[id(tensor)] for name, tensor in extra.items()}


def float_tail(model: keras.Model, keep_float: Collection[str] = ()) -> list[Any]:
    """Return the nodes of a model's graph behind its last convolutions and dense layers, in graph order."""
    ahead: set[int] = set()  # tensors that a weighted layer depends on
    tail = []
    for node in reversed(graph.nodes(model)):
        is_weighted = isinstance(node.operation, WEIGHTED) and node.operation.name not in keep_float
        if is_weighted or any(id(tensor) in ahead for tensor in node.outputs):
            ahead |= {id(tensor) for tensor in node.input_tensors}
        else:
            tail.append(node)
    return tail[::-1]


def raw_outputs(model: keras.Model, keep_float: Collection[str] = ()) -> list[keras.KerasTensor]:
    """Return the tensors where the float part of a model begins, in graph order: of a detector, six maps."""
    tail = float_tail(model, keep_float)
    inside = {id(tensor) for node in tail for tensor in node.outputs}
    found = {id(t): t for node in tail for t in node.input_tensors if id(t) not in inside}
    found.update({id(t): t for t in model.outputs if id(t) not in inside})
    return list(found.values())


def set_ranges(model: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Set the range of each `FakeQuantize` layer to what batches of inputs give; only weights are rounded.

    Args:
        model: from `insert_fake_quantization`, with the weights of the float model.
        batches: (B, H, W, 3) float32 each, as the network takes them; a few dozen images in all.

    Raises:
        ValueError: no batch.
    """
    tensors: dict[int, tuple[FakeQuantize, Any]] = {}

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, FakeQuantize):
            tensors[id(operation)] = (operation, args[0])
            return args[0]
        return operation(*args, **kwargs)

    graph.run(model, list(model.outputs), {id(model.inputs[0]): model.inputs[0]}, apply)
    layers = [layer for layer, _ in tensors.values()]
    ends = [keras.ops.stack([keras.ops.min(x), keras.ops.max(x)]) for _, x in tensors.values()]
    observer = keras.Model(model.inputs[0], ends)
    seen = [np.stack(observer(np.asarray(batch, np.float32), training=False)) for batch in batches]
    if not seen:
        raise ValueError("ranges need at least one calibration batch")
    for layer, low, high in zip(layers, np.min(seen, 0)[:, 0], np.max(seen, 0)[:, 1], strict=True):
        layer.set_range(low, high)


def with_rounded_weights(model: keras.Model) -> keras.Model:
    """Return a model for export: plain layers that hold the rounded weights; ranges of activations stay.

    Converters then find constants that are exactly 255 steps per channel, and store them as int8 without any loss.

    Args:
        model: with or without layers of `insert_fake_quantization`; not changed.
    """
    plain: dict[int, Any] = {}

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if id(operation) not in plain:
            plain[id(operation)] = _plain(operation)
        return plain[id(operation)](*args, **kwargs)

    found = graph.run(model, list(model.outputs), {id(tensor): tensor for tensor in model.inputs}, apply)
    outputs = keras.tree.map_structure(lambda tensor: found[id(tensor)], model.output)
    return keras.Model(model.input, outputs, name=model.name)


def _plain(operation: Any) -> Any:
    kinds = {twin: kind for kind, twin in TWINS.items()}
    if type(operation) not in kinds:
        return operation
    axes = 2 if isinstance(operation, keras.layers.DepthwiseConv2D) else 1
    layer = copy(operation, kinds[type(operation)])
    layer.kernel.assign(fake_quantize_kernel(operation.kernel, axes))
    return layer


def _range_of(name: str, freeze_after: int) -> FakeQuantize:
    return FakeQuantize(freeze_after, dtype="float32", name=f"{name}_range")


class _Insert:
    def __init__(self, model: keras.Model, freeze_after: int, keep_float: Collection[str]) -> None:
        self.freeze_after, self.keep_float = freeze_after, keep_float
        order = graph.nodes(model)
        self.tail = {id(node) for node in float_tail(model, keep_float)}
        self.nodes: dict[int, list[Any]] = {}  # id of an operation -> its nodes, in the order of their calls
        for node in order:
            self.nodes.setdefault(id(node.operation), []).append(node)
        self.readers: dict[int, list[Any]] = {}
        for node in order:
            for tensor in node.input_tensors:
                self.readers.setdefault(id(tensor), []).append(node.operation)
        self.twins: dict[int, Any] = {}
        self.calls: Counter[str] = Counter()

    def apply(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        if id(operation) not in self.twins:
            self.twins[id(operation)] = self._twin(operation)
        value = self.twins[id(operation)](*args, **kwargs)
        node = self.nodes[id(operation)].pop(0)
        if id(node) in self.tail or not self._needs_range(node):
            return value
        self.calls[operation.name] += 1
        number = self.calls[operation.name]
        name = operation.name if number == 1 else f"{operation.name}_{number}"
        return _range_of(name, self.freeze_after)(value)

    def _twin(self, operation: Any) -> Any:
        kind = TWINS.get(type(operation))
        if kind is None or operation.name in self.keep_float:
            return operation
        return copy(operation, kind)

    def _needs_range(self, node: Any) -> bool:
        if type(node.operation).__name__ in SELECTING or node.operation.name in self.keep_float:
            return False
        readers = [reader for tensor in node.outputs for reader in self.readers.get(id(tensor), [])]
        return not (len(readers) == 1 and _is_fused(readers[0]))


def _is_fused(operation: Any) -> bool:
    if isinstance(operation, keras.layers.Activation):
        return getattr(operation.activation, "__name__", "") in FUSED
    return type(operation).__name__ in FUSED
