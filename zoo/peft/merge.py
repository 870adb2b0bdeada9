"""Merge an adapted backbone into a plain model, and move heads to other backbones."""

from __future__ import annotations

from typing import Any

import keras

from zoo import graph
from zoo.peft.adapt import adaptation_of
from zoo.peft.rewrite import copy, plain_copy, rewrite


def merge(backbone: keras.Model, model: keras.Model | None = None) -> keras.Model:
    """Return a plain, trainable model that computes the same as an adapted one, with its own layers.

    LoRA, AdaLoRA, bias, norm and SSF merge into the base architecture (layers get a bias, gamma or beta if SSF
    needs one); adapters stay, as plain convolutions. The result loads in safe mode without this package.

    Args:
        backbone: a backbone from `adapt`.
        model: a larger model built on it (backbone, neck, head) to rebuild on the merged backbone; layers after
            the backbone are shared.

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
    """Return a larger model on another backbone with the same outputs, sharing the layers after it.

    Args:
        model: a functional model that contains the backbone's layers flat, as a detector does.
        backbone: the backbone that it was built on.
        onto: its replacement, e.g. from `adapt` or `merge`.

    Raises:
        ValueError: the model uses inner tensors of the backbone, or is built on another one.

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
            f"model '{model.name}' uses more than the outputs of '{backbone.name}': give the backbone "
            "that it was built on"
        ) from error
    outputs = keras.tree.map_structure(lambda tensor: values[id(tensor)], model.output)
    return keras.Model(onto.inputs[0], outputs, name=model.name)
