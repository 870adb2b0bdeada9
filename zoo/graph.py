"""Walk a functional Keras model node by node: the one place that touches how Keras 3 stores its graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def nodes(model: keras.Model) -> list[Any]:
    """Return the calls of layers and operations of a functional model, inputs first, without input layers.

    A node has `operation`, `input_tensors` (a tensor used twice is listed twice) and `outputs`.
    """
    by_depth = model._nodes_by_depth
    ordered = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [node for node in ordered if not node.is_input]


def needed(model: keras.Model, targets: list[keras.KerasTensor], known: frozenset[int] = frozenset()) -> list:
    """Return the nodes that compute `targets`, inputs first, going back to tensors whose id is known."""
    wanted = {id(tensor) for tensor in targets} - known
    path = []
    for node in reversed(nodes(model)):
        if any(id(tensor) in wanted for tensor in node.outputs):
            path.append(node)
            wanted |= {id(tensor) for tensor in node.input_tensors} - known
    return path[::-1]


def run(
    model: keras.Model,
    targets: list[keras.KerasTensor],
    feeds: dict[int, Any],
    apply: Callable[..., Any] = lambda operation, *args, **kwargs: operation(*args, **kwargs),
) -> dict[int, Any]:
    """Compute tensors of a functional model, each node once; values are freed after their last use.

    Args:
        model: the functional model whose graph is walked.
        targets: the tensors to compute.
        feeds: id of a tensor of the graph -> its value, or another symbolic tensor (layers are then shared).
        apply: called for every node with the operation and its arguments.

    Returns:
        id of each target -> its value.
    """
    import keras

    path = needed(model, targets, frozenset(feeds))
    uses = Counter(id(tensor) for node in path for tensor in node.input_tensors)
    uses.update(id(tensor) for tensor in targets)
    values = dict(feeds)
    for node in path:
        args, kwargs = node.arguments.fill_in(values)
        results = keras.tree.flatten(apply(node.operation, *args, **kwargs))
        values.update({id(tensor): value for tensor, value in zip(node.outputs, results, strict=True)})
        for tensor in node.input_tensors:
            uses[id(tensor)] -= 1
            if not uses[id(tensor)]:
                del values[id(tensor)]
    return {id(tensor): values[id(tensor)] for tensor in targets}


def copy_layers(prefix: str) -> Callable[..., Any]:
    """Return a function for `run` that calls copies of the layers, with longer names and the weights of now.

    A layer that is called twice has one copy.

    Args:
        prefix: of the copies' names.
    """
    twins: dict[int, Any] = {}

    def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if id(operation) in twins:
            return twins[id(operation)](*args, **kwargs)
        twin = type(operation).from_config({**operation.get_config(), "name": prefix + operation.name})
        twins[id(operation)] = twin
        found = twin(*args, **kwargs)  # which makes its weights
        if getattr(operation, "weights", None):
            twin.set_weights(operation.get_weights())
        return found

    return apply
