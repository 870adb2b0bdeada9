"""Store the weights of a model trained with fake quantization as integers in its ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

# Axis of the output channels of a weight, by operation; a Gemm's depends on its transB.
CHANNEL_AXES = {"Conv": 0, "MatMul": -1, "Gemm": -1}
MOVING = ("Transpose", "Reshape", "MaxPool", "Pad")  # nodes that only move values: the range stays
LIMIT = 2.0**30  # of a bias, in steps
STEPS, ZERO = 127, 128  # weights are -127 to 127 steps, stored as 1 to 255


def store_rounded_weights(path: Path) -> int:
    """Replace the float weights that only take 255 values per channel by uint8 ones, and biases by int32 ones.

    Converters write the learned ranges of activations as pairs of QuantizeLinear and DequantizeLinear, and leave the
    weights in float, which ONNX Runtime then computes in float, or rounds again, per tensor. The file changes in place.

    Args:
        path: an ONNX file of a model from `zoo.quantization.insert.with_rounded_weights`.

    Returns:
        The number of convolutions and matrix products with int8 weights.
    """
    import onnx

    model = onnx.load(path)
    made = _Rewriter(model.graph).rewrite()
    onnx.save(model, path)
    return made


class _Rewriter:
    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.constants = {each.name: each for each in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}
        self.readers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.new: list[Any] = []

    def rewrite(self) -> int:
        """Change the graph, and return how many nodes were changed."""
        count = 0
        for node in list(self.graph.node):
            scale = self._input_scale(node)
            if scale is None or node.input[1] not in self.constants:
                continue
            bias = (
                self._constant(node.input[2]) if node.input[2:] and node.input[2] in self.constants else None
            )
            weight_scale = self._store_weight(node, 0.0 if bias is None else np.abs(bias) / (scale * LIMIT))
            if bias is not None:
                self._store_bias(node, bias, scale * weight_scale)
            count += 1
        used = {name for node in (*self.graph.node, *self.new) for name in node.input}
        kept = [each for each in self.graph.initializer if each.name in used]
        nodes = [*self.new, *self.graph.node]  # the new ones read constants only
        del self.graph.initializer[:], self.graph.node[:]
        self.graph.initializer.extend(kept)
        self.graph.node.extend(nodes)
        return count

    def _input_scale(self, node: Any) -> float | None:
        # Of the quantized tensor that a weighted node reads; None if it reads a float one.
        import onnx

        if node.op_type not in CHANNEL_AXES or len(node.input) < 2:
            return None
        source = self.producers.get(node.input[0])
        while source is not None and source.op_type in MOVING:
            source = self.producers.get(source.input[0])
        if source is None or source.op_type != "DequantizeLinear" or source.input[1] not in self.constants:
            return None
        return float(onnx.numpy_helper.to_array(self.constants[source.input[1]]).reshape(-1)[0])

    def _constant(self, name: str) -> np.ndarray:
        import onnx

        return onnx.numpy_helper.to_array(self.constants[name]).astype(np.float64)

    def _store_weight(self, node: Any, least: np.ndarray | float) -> np.ndarray:
        # `least`: the smallest scale whose product with that of the input lets a bias fit into 32 bits; larger ones
        # are needed by dead channels, whose weights are nearly 0.
        array = self._constant(node.input[1])
        axis = CHANNEL_AXES[node.op_type] % array.ndim
        if any(each.name == "transB" and each.i for each in node.attribute):
            axis = 0
        others = tuple(i for i in range(array.ndim) if i != axis)
        scale = np.maximum(np.abs(array).max(axis=others) / STEPS, np.maximum(least, 1e-10)).astype(
            np.float32
        )
        shape = [-1 if i == axis else 1 for i in range(array.ndim)]
        steps = np.clip(np.round(array / scale.astype(np.float64).reshape(shape)), -STEPS, STEPS)
        zeros = np.full(len(scale), ZERO, np.uint8)
        node.input[1] = self._dequantize(node.input[1], (steps + ZERO).astype(np.uint8), scale, zeros, axis)
        return scale.astype(np.float64)

    def _store_bias(self, node: Any, bias: np.ndarray, scale: np.ndarray) -> None:
        steps = np.round(bias / scale).astype(np.int32)
        zeros = np.zeros(len(scale), np.int32)
        node.input[2] = self._dequantize(node.input[2], steps, scale.astype(np.float32), zeros, 0)

    def _dequantize(
        self, name: str, steps: np.ndarray, scale: np.ndarray, zeros: np.ndarray, axis: int
    ) -> str:
        import onnx

        stem = f"{name}_{len(self.new)}"
        parts = {"steps": steps, "scale": scale, "zero": zeros}
        for word, array in parts.items():
            self.graph.initializer.append(onnx.numpy_helper.from_array(array, f"{stem}_{word}"))
        names = [f"{stem}_{word}" for word in parts]
        self.new.append(
            onnx.helper.make_node(
                "DequantizeLinear", names, [f"{stem}_float"], name=f"{stem}_dequantize", axis=axis
            )
        )
        return f"{stem}_float"
