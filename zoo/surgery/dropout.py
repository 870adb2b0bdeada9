"""Regularise a backbone by dropping channels after a stage, or whole residual branches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo import graph
from zoo.surgery.arguments import share
from zoo.surgery.insertion import insert, policy_at

if TYPE_CHECKING:
    import keras

BY_SAMPLE = (None, 1, 1, 1)


def add_dropout(backbone: keras.Model, rate: float, after: str | Iterable[str]) -> keras.Model:
    """Drop whole channels of a stage in training (spatial dropout; Tompson et al. 2015, arXiv 1411.4280).

    Args:
        backbone: a functional backbone from `build`.
        rate: share of the channels, above 0 and below 1.
        after: one stage ("C5") or several ("C4+C5").

    Raises:
        ValueError: invalid rate or stage, or the stage already has dropout.

    Example:
        >>> import zoo
        >>> backbone = zoo.build("mobilenet_025", 64, weights="random").model
        >>> zoo.pyramid_outputs(add_dropout(backbone, 0.1, "C5"))["C5"]
        'dropout_C5'
    """
    import keras

    rate = share(rate)
    return insert(
        backbone,
        after,
        "dropout",
        lambda features, name, policy: keras.layers.SpatialDropout2D(rate, name=name, dtype=policy)(features),
    )


def stochastic_depth(backbone: keras.Model, rate: float) -> keras.Model:
    """Drop residual branches at random in training, per image, deeper ones more often.

    Huang et al. 2016, "Deep Networks with Stochastic Depth" (arXiv 1603.09382): of L branches the l-th is dropped
    with probability rate * l / L. The others are divided by their probability to stay, which keeps inference
    unchanged. If a backbone already has stochastic depth (EfficientNet), its rates are replaced.

    Args:
        backbone: a functional backbone from `build`.
        rate: of the last branch, above 0 and below 1.

    Raises:
        ValueError: invalid rate, or no residual branches.

    Example:
        >>> import zoo
        >>> backbone = zoo.build("mobilenet_v2_035", 64, weights="random").model
        >>> dropped = stochastic_depth(backbone, 0.2)
        >>> [round(layer.rate, 2) for layer in dropped.layers if layer.name.startswith("depth_")]
        [0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2]
    """
    import keras

    from zoo.peft.rewrite import parts, rewrite

    rate, branches = share(rate), residual_branches(backbone)
    if not branches:
        raise ValueError(
            f"backbone '{backbone.name}' has no residual branches to drop: use dropout:{rate}:C5 instead"
        )
    chains = {}
    for number, tensor in enumerate(branches, start=1):
        last = parts(tensor._keras_history.operation)[-1]
        is_there = isinstance(last, keras.layers.Dropout) and tuple(last.noise_shape or ()) == BY_SAMPLE
        drop = keras.layers.Dropout(
            rate * number / len(branches),
            noise_shape=BY_SAMPLE,
            name=last.name if is_there else f"depth_{number}",
            dtype=policy_at(backbone, tensor),
        )
        chains[id(last)] = [drop] if is_there else [last, drop]
    return rewrite(backbone, lambda operation: chains.get(id(operation), [operation]))


def residual_branches(backbone: keras.Model) -> list[keras.KerasTensor]:
    """Return the branches of residual additions, in graph order, each (batch, H, W, channels).

    The branch is the summand with more layers of its own; the shortcut has none, or a projection. Sums of two equal
    paths through the same layers are not residual additions.
    """
    found = []
    for node in graph.nodes(backbone):
        if type(node.operation).__name__ != "Add" or len(node.input_tensors) != 2:
            continue
        one, other = ({id(each) for each in graph.needed(backbone, [t])} for t in node.input_tensors)
        surplus = len(one - other) - len(other - one)
        branch = node.input_tensors[0 if surplus > 0 else 1]
        if surplus and len(branch.shape) == 4:
            found.append(branch)
    return found
