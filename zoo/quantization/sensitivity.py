"""How much of the error of a quantized model each of its layers makes."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import keras
import numpy as np

from zoo import graph
from zoo.quantization.insert import raw_outputs
from zoo.quantization.layers import TWINS, FakeQuantize


def measure_layers(
    folded: keras.Model, quantized: keras.Model, inputs: np.ndarray, keep_float: Collection[str] = ()
) -> dict[str, float]:
    """Return layer -> signal to noise in dB of the raw outputs when it alone is quantized; the lower, the worse.

    Args:
        folded: the float model, from `fold_batchnorm`.
        quantized: from `insert_fake_quantization`, with its ranges set.
        inputs: a batch, a few examples.
        keep_float: as for `quantized`.
    """
    plain = {layer.name: layer for layer in folded.layers}
    twins = {layer.name for layer in quantized.layers if type(layer) in TWINS.values()}
    targets, owners = raw_outputs(quantized, keep_float), owners_of_ranges(quantized)

    def compute(name: str | None) -> list[np.ndarray]:
        def apply(operation: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(operation, FakeQuantize):
                return operation(*args) if name and owners[operation.name] == name else args[0]
            is_other = operation.name in twins and operation.name != name
            return (plain[operation.name] if is_other else operation)(*args, **kwargs)

        feeds = {id(quantized.inputs[0]): keras.ops.convert_to_tensor(inputs)}
        found = graph.run(quantized, targets, feeds, apply)
        return [keras.ops.convert_to_numpy(found[id(tensor)]) for tensor in targets]

    before = compute(None)
    return {name: signal_to_noise(before, compute(name)) for name in sorted(twins)}


def owners_of_ranges(quantized: keras.Model) -> dict[str, str]:
    """Return name of a `FakeQuantize` layer -> nearest layer with rounded weights before it; "" if there is none."""
    owners: dict[int, str] = {}
    found = {}
    for node in graph.nodes(quantized):
        owner = owners.get(id(node.input_tensors[0]), "")
        if type(node.operation) in TWINS.values():
            owner = node.operation.name
        if isinstance(node.operation, FakeQuantize):
            found[node.operation.name] = owner
        owners.update({id(tensor): owner for tensor in node.outputs})
    return found


def signal_to_noise(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """Return the ratio of signal to noise in dB, of the mean over tensors of noise by variance; at most 120.

    Example:
        >>> signal_to_noise([np.array([1.0, -1.0])], [np.array([1.1, -1.1])])
        20.0
    """
    pairs = [(b, a) for b, a in zip(before, after, strict=True) if b.dtype.kind == "f"]
    shares = [float(np.mean(np.square(a - b)) / max(float(np.var(b)), 1e-12)) for b, a in pairs]
    return round(-10 * math.log10(max(float(np.mean(shares)), 1e-12)), 1)
