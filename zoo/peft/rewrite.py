"""Rebuild a functional model with some layers replaced, sharing the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from zoo import graph

# Variable that a Keras layer may lack -> the argument that adds it.
SWITCHES = {"bias": "use_bias", "gamma": "scale", "beta": "center"}


def operations(model: keras.Model, above: keras.KerasTensor | None = None) -> list[Any]:
    """Return the layers and operations of a functional model in graph order, a Sequential's one by one.

    Args:
        model: a functional model.
        above: a tensor of it; operations that it depends on are left out.
    """
    before = set() if above is None else {id(node) for node in graph.needed(model, [above])}
    found: dict[int, Any] = {}
    for node in graph.nodes(model):
        if id(node) not in before:
            found.update({id(part): part for part in parts(node.operation)})
    return list(found.values())


def parts(operation: Any) -> list[Any]:
    """Return the layers of a Sequential, or the operation itself."""
    return operation.layers if isinstance(operation, keras.Sequential) else [operation]


def rewrite(
    model: keras.Model,
    replace: Callable[[Any], list[Any]],
    kept: keras.KerasTensor | None = None,
    inputs: keras.KerasTensor | None = None,
) -> keras.Model:
    """Rebuild a functional model with a chain of callables in place of each operation.

    Args:
        model: a functional model of one input.
        replace: operation -> the chain, `[operation]` to share it. Called once for each operation, and for the
            layers of a Sequential one by one.
        kept: a tensor of the graph; it and all that it depends on are not rebuilt.
        inputs: the new input. Default: that of the model.

    Returns:
        The model, with the same name and structure of outputs.
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
            kwargs = {}  # a mask, which its first layer may not accept
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
    if hasattr(twin, "finalize_state"):  # Normalization computes with constants derived from its weights
        twin.finalize_state()
    return twin


def plain_copy(layer: keras.Layer, weights: dict[str, np.ndarray]) -> keras.Layer:
    """Return a copy of a layer with given weights, including ones that the layer lacks."""
    missing: dict[str, Any] = {SWITCHES[name]: True for name in weights.keys() - values(layer).keys()}
    twin = copy(layer, **missing)
    assign(twin, weights)
    return twin


def values(layer: keras.Layer) -> dict[str, np.ndarray]:
    """Return a layer's weights by name, in at least float32."""
    return {weight.name: _at_least_float32(array_of(weight)) for weight in layer.weights}


def array_of(variable: keras.Variable) -> np.ndarray:
    """Return a variable's value, also if mirrored on several devices."""
    return np.asarray(variable.numpy())  # keras.ops.convert_to_numpy fails on a mirrored scalar


def assign(layer: keras.Layer, weights: dict[str, np.ndarray]) -> None:
    """Assign weights of a layer by name."""
    for weight in layer.weights:
        if weight.name in weights:
            weight.assign(weights[weight.name])


def fingerprint(backbone: keras.Model) -> str:
    """Return the SHA-256 of a backbone's weights, 64 hexadecimal digits; of an adapted one, of its base.

    It covers name, shape and float32 values of each weight, layers in graph order, but not the input size, the dtype
    policy or the number in an automatic name ("conv2d_7").
    """
    if hasattr(backbone, "adaptation"):
        return backbone.adaptation.base_sha256
    digest = hashlib.sha256()
    for layer in operations(backbone):
        if isinstance(layer, keras.Layer) and layer.weights:
            for name, array in values(layer).items():
                digest.update(f"{name}{array.shape}".encode())
                digest.update(array.astype("<f4" if array.dtype.kind == "f" else "<i8").tobytes())
    return digest.hexdigest()


def _at_least_float32(array: np.ndarray) -> np.ndarray:
    # bfloat16 has NumPy kind 'V'. Integers and booleans are not cast.
    return array if array.dtype.kind in "iub" or array.dtype == np.float64 else array.astype(np.float32)
