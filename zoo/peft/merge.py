"""Fold what an adapted backbone learned into a plain model, and put heads onto other backbones."""

from __future__ import annotations

from typing import Any

import keras

from zoo import graph
from zoo.peft.adapt import adaptation_of
from zoo.peft.rewrite import copy, plain_copy, rewrite


def merge(backbone: keras.Model, model: keras.Model | None = None) -> keras.Model:
    """Return a plain, trainable model that computes what an adapted one does, of layers of its own.

    LoRA, AdaLoRA, bias, norm and SSF give the base architecture with other weights (a layer without bias, gamma
    or beta gets it where SSF needs one); adapters stay, as plain convolutions. Either loads in safe mode without
    this package.

    Args:
        backbone: what `adapt` returned.
        model: a larger model built on it (backbone, neck, head), to get that on the merged backbone; what lies
            behind the backbone is shared.

    Returns:
        The merged backbone, or the larger model on it.

    Raises:
        ValueError: not adapted, or the model is not built on this backbone.
    """
    adaptation = adaptation_of(backbone)
    plain = {}
    if adaptation.way.folds:
        plain = {source: adaptation.way.fold(chain) for source, chain in adaptation.chains.items()}

    def replace(operation: Any) -> list[Any]:
        if operation in plain:
            return [plain_copy(operation, plain[operation])]
        return [copy(operation) if isinstance(operation, keras.Layer) else operation]

    source = adaptation.base if adaptation.way.folds else backbone
    old = source.inputs[0]
    inputs = keras.Input(batch_shape=old.shape, dtype=old.dtype, name=old._keras_history.operation.name)
    merged = rewrite(source, replace, inputs=inputs)
    return merged if model is None else transplant(model, backbone, merged)


def transplant(model: keras.Model, backbone: keras.Model, onto: keras.Model) -> keras.Model:
    """Return a larger model on another backbone with the same outputs, sharing the layers behind.

    Args:
        model: a functional model which holds the backbone's layers flat, as a detector does.
        backbone: the backbone that it was built on.
        onto: the one to put in its place, e.g. what `adapt` or `merge` returned.

    Raises:
        ValueError: the model takes more from the backbone than its outputs, or is built on another one.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> one, other = (keras.Model(images, {"P3": keras.layers.Conv2D(2, 1)(images)}) for _ in range(2))
        >>> model = keras.Model(images, keras.layers.Conv2D(1, 1)(one.output["P3"]))
        >>> moved = transplant(model, one, other)
        >>> moved.layers[1] is other.layers[1], moved.layers[2] is model.layers[2]
        (True, True)
    """
    old, new = (keras.tree.flatten(each.output) for each in (backbone, onto))
    feeds = {id(before): after for before, after in zip(old, new, strict=True)}
    try:
        values = graph.run(model, model.outputs, feeds)
    except KeyError as error:
        raise ValueError(
            f"model '{model.name}' does not stand on the outputs of '{backbone.name}' alone: give the backbone "
            "that it was built on"
        ) from error
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)
    return keras.Model(onto.inputs[0], outputs, name=model.name)
