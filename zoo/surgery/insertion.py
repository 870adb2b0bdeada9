"""Insert blocks after stages of a backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from zoo import feature_pyramid, graph
from zoo.surgery.arguments import stage_names

if TYPE_CHECKING:
    import keras

# (features, name, dtype policy) -> features of the same shape
Block = Callable[[Any, str, Any], Any]


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
        chains[id(operation)] = [operation, _named(block, name, policy)]
    return rewrite(backbone, lambda operation: chains.get(id(operation), [operation]))


def _named(block: Block, name: str, policy: Any) -> Callable[[Any], Any]:
    return lambda features: block(features, name, policy)


def policy_at(backbone: keras.Model, tensor: keras.KerasTensor) -> Any:
    """Return the dtype policy of the last layer before a tensor, which may be the output of a plain operation."""
    import keras

    path = [node.operation for node in graph.needed(backbone, [tensor])]
    layers = [operation for operation in path if isinstance(operation, keras.Layer)]
    return layers[-1].dtype_policy if layers else None
