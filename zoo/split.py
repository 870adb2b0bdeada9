"""Split a functional model at a stage: a prefix (computed once, cached) and a suffix (trained)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo import graph
from zoo.feature_pyramid import stage

if TYPE_CHECKING:
    import keras


def prefix(backbone: keras.Model, at: str, levels: Iterable[str] | None = None) -> keras.Model:
    """Return the part of a backbone up to a stage, with every tensor that the suffix needs.

    Args:
        backbone: a functional backbone, as `build` makes it.
        at: the stage to split at, "C2" .. "C5".
        levels: the levels that the head uses; those before the split are passed through. Default: its own.

    Returns:
        A model from the backbone's input to {"P3": ..., "P4": ...}: earlier levels, and the split.

    Raises:
        ValueError: the backbone has no such stage.
    """
    import keras

    names = list(backbone.output) if levels is None else list(levels)
    cut = at.replace("C", "P")
    before = sorted(name for name in names if name < cut and name.startswith("P"))
    outputs = {name: stage(backbone, name.replace("P", "C")) for name in [*before, cut] if name != cut}
    outputs[cut] = stage(backbone, at)
    return keras.Model(backbone.inputs[0], outputs, name=f"{backbone.name}_to_{at}")


def up_to(model: keras.Model, layer: str, name: str) -> keras.Model:
    """Return the part of a model that computes a layer's input.

    Unlike the layer's own `input`, this works if several models share the layer, as adapted ones do.

    Args:
        model: a functional model.
        layer: name of a layer with one input.
        name: name of the output.

    Raises:
        ValueError: the model has no such layer.

    Example:
        >>> import keras
        >>> x = keras.Input((4,))
        >>> whole = keras.Model(x, keras.layers.Dense(2, name="last")(keras.layers.Dense(3)(x)))
        >>> up_to(whole, "last", "embedding").output["embedding"].shape
        (None, 3)
    """
    import keras

    for node in graph.nodes(model):
        if node.operation.name == layer:
            return keras.Model(model.inputs[0], {name: node.input_tensors[0]}, name=f"{model.name}_{name}")
    raise ValueError(f"model '{model.name}' has no layer '{layer}'")


def suffix(prefix_model: keras.Model, model: keras.Model) -> keras.Model:
    """Return the rest of a model after a prefix: from the prefix's outputs to the model's outputs.

    Args:
        prefix_model: `prefix` of the model's backbone.
        model: the backbone, or a larger functional model that contains its layers flat (backbone, neck, head).

    Returns:
        A model {"P3": ..., "P4": ...} -> the outputs of `model`, whose layers it shares.

    Raises:
        ValueError: the model was not built on this prefix's graph.

    Example:
        >>> import keras
        >>> images = x = keras.Input((32, 32, 3))
        >>> for number in range(1, 6):
        ...     x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
        >>> whole = keras.Model(images, {"P5": x})
        >>> first = prefix(whole, "C3")
        >>> rest = suffix(first, whole)
        >>> ones = keras.ops.ones((1, 32, 32, 3))
        >>> bool(keras.ops.all(rest(first(ones))["P5"] == whole(ones)["P5"]))
        True
    """
    import keras

    cuts = dict(prefix_model.output)
    inputs = {name: keras.Input(t.shape[1:], dtype=t.dtype, name=name) for name, t in cuts.items()}
    feeds = {id(tensor): inputs[name] for name, tensor in cuts.items()}
    try:
        values = graph.run(model, model.outputs, feeds)
    except KeyError as error:
        raise ValueError(
            f"model '{model.name}' bypasses '{prefix_model.name}': give a model that uses the prefix's outputs only"
        ) from error
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)
    return keras.Model(inputs, outputs, name=f"{model.name}_after_{prefix_model.name}")
