"""Rebuild a functional model with other layers in the places of some, sharing all the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from zoo import graph

# A variable that a layer of Keras may lack -> the argument that gives it one.
SWITCHES = {"bias": "use_bias", "gamma": "scale", "beta": "center"}


def operations(model: keras.Model, above: keras.KerasTensor | None = None) -> list[Any]:
    """Return the layers and operations of a functional model in graph order, those of a Sequential one by one.

    Args:
        model: a functional model.
        above: a tensor of it; what it depends on is left out.
    """
    before = set() if above is None else {id(node) for node in graph.needed(model, [above])}
    found: dict[int, Any] = {}
    for node in graph.nodes(model):
        if id(node) not in before:
            found.update({id(part): part for part in parts(node.operation)})
    return list(found.values())


def parts(operation: Any) -> list[Any]:
    """Return the layers of a Sequential, or else the operation itself."""
    return operation.layers if isinstance(operation, keras.Sequential) else [operation]


def rewrite(
    model: keras.Model,
    replace: Callable[[Any], list[Any]],
    kept: keras.KerasTensor | None = None,
    inputs: keras.KerasTensor | None = None,
) -> keras.Model:
    """Build a functional model anew, with a chain of callables in the place of each operation.

    Args:
        model: a functional model of one input.
        replace: operation -> the chain, `[operation]` to share it. It is asked once for each, and for the
            layers of a Sequential one by one.
        kept: a tensor of the graph; it and what it depends on are not built anew but stay in the graph.
        inputs: the new input. Default: that of the model.

    Returns:
        The model, with the name and the outputs' structure of the old one.
    """
    feeds = {id(model.inputs[0]): model.inputs[0] if inputs is None else inputs}
    if kept is not None:
        before = graph.needed(model, [kept])
        feeds.update({id(tensor): tensor for node in before for tensor in node.outputs})
    chains: dict[int, list[Any]] = {}

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if id(operation) not in chains:
            chains[id(operation)] = _chain(operation, replace)
        first, *rest = chains[id(operation)]
        if isinstance(operation, keras.Sequential) and not isinstance(first, keras.Sequential):
            kwargs = {}  # a mask, which the first of its layers may not take
        value = first(*args, **kwargs)
        for step in rest:
            value = step(value)
        return value

    values = graph.run(model, model.outputs, feeds, apply)
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)
    return keras.Model(feeds[id(model.inputs[0])], outputs, name=model.name)


def _chain(operation: Any, replace: Callable[[Any], list[Any]]) -> list[Any]:
    chain = [step for part in parts(operation) for step in replace(part)]
    if not isinstance(operation, keras.Sequential):
        return chain
    if list(map(id, chain)) == list(map(id, operation.layers)):
        return [operation]
    # Only layers can be in a Sequential.
    is_layers = all(isinstance(step, keras.Layer) for step in chain)
    return [keras.Sequential(chain, name=operation.name)] if is_layers else chain


def copy(layer: keras.Layer, kind: type[keras.Layer] | None = None, **changes: Any) -> keras.Layer:
    """Return a trainable, built copy of a layer with its weights, of another class or with other arguments."""
    twin = (kind or type(layer)).from_config({**layer.get_config(), "trainable": True, **changes})
    if not layer.weights:
        return twin
    twin.build_from_config(layer.get_build_config())
    if len(twin.weights) == len(layer.weights):
        twin.set_weights(layer.get_weights())
    else:
        assign(twin, values(layer))
    if hasattr(twin, "finalize_state"):  # Normalization computes from constants that it made of its weights
        twin.finalize_state()
    return twin


def plain_copy(layer: keras.Layer, weights: dict[str, np.ndarray]) -> keras.Layer:
    """Return a copy of a layer with given weights, which also holds those that the layer did without."""
    missing: dict[str, Any] = {SWITCHES[name]: True for name in weights.keys() - values(layer).keys()}
    twin = copy(layer, **missing)
    assign(twin, weights)
    return twin


def values(layer: keras.Layer) -> dict[str, np.ndarray]:
    """Return a layer's weights by name, in float32 where they are of lower precision."""
    return {weight.name: _at_least_float32(array_of(weight)) for weight in layer.weights}


def array_of(variable: keras.Variable) -> np.ndarray:
    """Return a variable's value, mirrored on several devices or not."""
    return np.asarray(variable.numpy())  # keras.ops.convert_to_numpy fails on a mirrored scalar


def assign(layer: keras.Layer, weights: dict[str, np.ndarray]) -> None:
    """Give a layer those of its weights that are named."""
    for weight in layer.weights:
        if weight.name in weights:
            weight.assign(weights[weight.name])


def _at_least_float32(array: np.ndarray) -> np.ndarray:
    # bfloat16 is no kind of NumPy's own: 'V'. Integers and flags stay what they are.
    return array if array.dtype.kind in "iub" or array.dtype == np.float64 else array.astype(np.float32)
