"""Insert blocks after stages of a backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo import feature_pyramid, graph
from zoo.surgery.arguments import share, stage_names

if TYPE_CHECKING:
    import keras

# (features, name=, dtype=) -> features of the same shape; dtype is a policy
Block = Callable[..., Any]


def insert(backbone: keras.Model, after: str | Iterable[str], kind: str, block: Block) -> keras.Model:
    """Insert a block after each of some stages; its output becomes the stage and its level.

    Args:
        backbone: a functional backbone.
        after: stages, "C4" or "C3+C5" or ("C3", "C5").
        kind: kind of block; its layers are named after it and the stage: "se_C4".
        block: adds layers of a name and a dtype policy after a feature map (batch, height, width, channels).

    Raises:
        ValueError: no such stage, or it already has a block of this kind.
    """
    from zoo.peft.rewrite import parts, rewrite

    taken = {layer.name for layer in backbone.layers}
    chains = {}
    for stage in stage_names(after):
        tensor, name = feature_pyramid.stage(backbone, stage), f"{kind}_{stage}"
        if name in taken:
            raise ValueError(f"backbone '{backbone.name}' already has '{kind}' after {stage}: insert it once")
        operation, policy = parts(tensor._keras_history.operation)[-1], policy_at(backbone, tensor)
        chains[id(operation)] = [operation, partial(block, name=name, dtype=policy)]
    return rewrite(backbone, lambda operation: chains.get(id(operation), [operation]))


def policy_at(backbone: keras.Model, tensor: keras.KerasTensor) -> Any:
    """Return the dtype policy of the last layer before a tensor, which may be the output of a plain operation."""
    import keras

    path = [node.operation for node in graph.needed(backbone, [tensor])]
    layers = [operation for operation in path if isinstance(operation, keras.Layer)]
    return layers[-1].dtype_policy if layers else None


BY_SAMPLE = (None, 1, 1, 1)


def add_dropout(backbone: keras.Model, rate: float, after: str | Iterable[str]) -> keras.Model:
    """Drop whole channels of a stage in training (spatial dropout; Tompson et al. 2015, arXiv 1411.4280).

    Args:
        backbone: a functional backbone from `build`.
        rate: share of the channels, above 0 and below 1.
        after: one stage ("C5") or several ("C4+C5").

    Raises:
        ValueError: invalid rate or stage, or the stage already has dropout.
    """
    import keras

    rate = share(rate)
    return insert(
        backbone,
        after,
        "dropout",
        lambda features, name, dtype: keras.layers.SpatialDropout2D(rate, name=name, dtype=dtype)(features),
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
