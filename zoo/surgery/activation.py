"""Swap the nonlinearity of a backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo import graph
from zoo.surgery.arguments import ACTIVATIONS, activation_name

if TYPE_CHECKING:
    import keras


def swap_activation(backbone: keras.Model, to: str, from_: str | None = None) -> keras.Model:
    """Replace a backbone's activations; weights and names of layers stay.

    The features change: fine-tune the result, or calibrate it if the weights are random. Gates (sigmoid, both forms of
    hard sigmoid, softmax) are not changed.

    Args:
        backbone: a functional backbone from `build`.
        to: "relu", "relu6", "leaky_relu", "silu" ("swish"), "hard_silu" ("hard_swish") or "gelu".
        from_: replace only this one. None: all of them.

    Raises:
        ValueError: unknown activation, or the backbone has none to swap.
    """
    from zoo.peft.rewrite import operations, rewrite

    to = activation_name(to)
    wanted = set(ACTIVATIONS) - {to} if from_ is None else {activation_name(from_)} - {to}
    gates = _hard_sigmoids(backbone)
    layers = [layer for layer in operations(backbone) if id(layer) not in gates]
    changed = {id(layer): [_with(layer, to)] for layer in layers if _name(layer) in wanted}
    if not changed:
        names = {_name(layer) for layer in layers}
        found = [name for name in sorted(ACTIVATIONS) if name in names]
        raise ValueError(
            f"backbone '{backbone.name}' has no activation to swap for '{to}'"
            + (f" from '{from_}'" if from_ else "")
            + f"; it has: {', '.join(found) or 'none'}"
        )
    return rewrite(backbone, lambda operation: changed.get(id(operation), [operation]))


def _name(operation: Any) -> str | None:
    import keras

    if type(operation) is keras.layers.ReLU:
        is_plain = not operation.negative_slope and not operation.threshold
        return {None: "relu", 6: "relu6"}.get(operation.max_value) if is_plain else None
    return getattr(getattr(operation, "activation", None), "__name__", None)


def _with(layer: keras.Layer, to: str) -> keras.Layer:
    import keras

    from zoo.peft.rewrite import copy

    if not layer.weights:
        return keras.layers.Activation(to, name=layer.name, dtype=layer.dtype_policy)
    twin = copy(layer, activation=to)
    twin.trainable = layer.trainable
    return twin


def _hard_sigmoids(backbone: keras.Model) -> set[int]:
    # MobileNetV3 writes the gates of its squeeze-excite blocks as ReLU6(x + 3) / 6.
    import keras

    nodes = graph.nodes(backbone)
    shifted = {
        id(node.outputs[0])
        for node in nodes
        if type(node.operation).__name__ == "Add" and len(node.input_tensors) == 1
    }
    return {
        id(node.operation)
        for node in nodes
        if isinstance(node.operation, keras.layers.ReLU) and id(node.input_tensors[0]) in shifted
    }
