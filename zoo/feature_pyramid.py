"""Stages: the tensors that every path of a backbone runs through, at sizes of exactly input / 2^k.

Such a tensor splits the graph in two. The last one of size input / 2^k is the stage Ck of the literature (He et
al. 2016, Lin et al. 2017), found in the graph of any architecture, without a table of layer names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo import graph
from zoo.text.stages import block_outputs

if TYPE_CHECKING:
    import keras

TAIL = "tail"


def cut_points(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the tensors that lie on every path from the input to the deepest output, in graph order.

    With several outputs the deepest is the one of the smallest map. Paths are counted exactly (Python
    integers): a tensor is on every path if paths to it times paths from it equal all paths.
    """
    source, sink = model.inputs[0], min(model.outputs, key=_area)
    path = graph.needed(model, [sink])
    ahead: dict[int, int] = defaultdict(int, {id(source): 1})
    for node in path:
        arriving = sum(ahead[id(tensor)] for tensor in node.input_tensors)
        ahead.update({id(tensor): arriving for tensor in node.outputs})
    behind: dict[int, int] = defaultdict(int, {id(sink): 1})
    for node in reversed(path):
        leaving = sum(behind[id(tensor)] for tensor in node.outputs)
        for tensor in node.input_tensors:
            behind[id(tensor)] += leaving
    every = ahead[id(sink)]
    tensors = [tensor for node in path for tensor in node.outputs]
    return [tensor for tensor in tensors if ahead[id(tensor)] * behind[id(tensor)] == every]


def stages(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the stages of a backbone: {"C1": tensor, ... "C5": tensor}, of exact size only.

    Of an encoder of texts the stages are its blocks: {"block00": tensor, "block01": tensor, ...}.

    Args:
        model: a functional model of one image input of known height and width (for a detector: its backbone).

    Example:
        >>> import keras
        >>> images = x = keras.Input((64, 64, 3))
        >>> for number in range(1, 6):
        ...     x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name=f"conv{number}")(x)
        >>> pyramid_outputs = stages(keras.Model(images, x))
        >>> list(pyramid_outputs), pyramid_outputs["C3"].shape
        (['C1', 'C2', 'C3', 'C4', 'C5'], (None, 8, 8, 4))
    """
    if len(model.inputs[0].shape) != 4:
        return block_outputs(model)
    _, height, width, _ = model.inputs[0].shape
    found = {}
    for tensor in cut_points(model):
        for number in range(1, 6):
            stride = 2**number
            if len(tensor.shape) == 4 and (height, width) == tuple(
                stride * side for side in tensor.shape[1:3]
            ):
                found[f"C{number}"] = tensor
    return dict(sorted(found.items()))


def stage(model: keras.Model, name: str) -> keras.KerasTensor:
    """Return one stage's tensor.

    Raises:
        ValueError: the backbone has no such stage.
    """
    found = stages(model)
    if name not in found:
        raise ValueError(
            f"backbone '{model.name}' has no stage '{name}'. Stages: {', '.join(found) or 'none'}"
        )
    return found[name]


def stage_of_layers(model: keras.Model) -> dict[str, str]:
    """Return layer name -> first stage at or after it; layers after the last stage are "tail"."""
    found = {layer.name: TAIL for layer in model.layers}
    for name, tensor in reversed(stages(model).items()):
        found.update({node.operation.name: name for node in graph.needed(model, [tensor])})
        found[model.inputs[0]._keras_history.operation.name] = name
    return {layer.name: found[layer.name] for layer in model.layers}


def pyramid_outputs(model: keras.Model) -> dict[str, str]:
    """Return stage -> name of the layer that outputs it."""
    return {name: tensor._keras_history.operation.name for name, tensor in stages(model).items()}


def _area(tensor: keras.KerasTensor) -> int:
    return tensor.shape[1] * tensor.shape[2] if len(tensor.shape) == 4 else 0


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

    Unlike the layer's own `input`, this works if several models share the layer, as adapted ones do. Dropout just
    before the layer is left out.

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

    nodes = {node.operation.name: node for node in graph.nodes(model)}
    if layer in nodes:
        tensor = nodes[layer].input_tensors[0]
        # Dropout does nothing here; without it, features that are cached are the same whatever its rate.
        for node in reversed(list(nodes.values())):
            if isinstance(node.operation, keras.layers.Dropout) and node.outputs[0] is tensor:
                tensor = node.input_tensors[0]
        return keras.Model(model.inputs[0], {name: tensor}, name=f"{model.name}_{name}")
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
