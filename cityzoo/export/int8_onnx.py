"""Post-training int8 of ONNX files, by ONNX Runtime's quantizer; it runs the same on processors without VNNI.

A product of an unsigned and a signed 8-bit number fills 16 bits, and two of them are added before anything wider:
ONNX Runtime's default saturates there on AVX2. Hence weights of 7 bits, or unsigned weights, which take a slower way.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.export.int8_search import ENTROPY, MIN_MAX, QuantizedFile, Recipe, search_recipes, silence
from zoo.quantization.sensitivity import signal_to_noise

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
RECIPES = (Recipe("int7"), Recipe("uint8"), Recipe("uint8", ENTROPY), Recipe("int7", ENTROPY))
SENSITIVITY_EXAMPLES = 8
Feeds = Mapping[str, np.ndarray]


def quantize_onnx(
    source: Path,
    path: Path,
    batches: Iterable[np.ndarray | Feeds],
    evaluate: Callable[[Path], float],
    least: float,
    keep_float: Sequence[str] = (),
) -> QuantizedFile:
    """Quantize an ONNX file with float weights; see `search_recipes` for what is tried.

    What follows the last convolutions and matrix products stays in float: boxes and logits in one tensor would share
    one scale.

    Args:
        source: the file.
        path: of the int8 file.
        batches: inputs from the training split, a few dozen examples: arrays, or dicts of them by input name.
        evaluate: returns a file's metric; higher is better.
        least: the lowest metric that will do.
        keep_float: names of layers that stay in float with everything behind them, such as a memory of neighbors.
    """
    with tempfile.TemporaryDirectory(prefix="cityzoo-") as folder:
        graph = OnnxGraph(source, batches, keep_float, Path(folder))
        return search_recipes(
            RECIPES, graph.last_layers, graph.measure_layers, graph.write, evaluate, least, path
        )


class OnnxGraph:
    """An ONNX file prepared for quantization, with its calibration."""

    def __init__(
        self, source: Path, batches: Iterable[np.ndarray | Feeds], keep_float: Sequence[str], folder: Path
    ) -> None:
        import onnx
        from onnxruntime.quantization.shape_inference import quant_pre_process

        self.prepared = folder / "prepared.onnx"  # BatchNorms folded, shapes inferred
        quant_pre_process(str(source), str(self.prepared), skip_symbolic_shape=True)
        self.model = onnx.load(self.prepared)
        self.metadata = onnx.load(source, load_external_data=False).metadata_props
        name = self.model.graph.input[0].name
        self.batches = [batch if isinstance(batch, Mapping) else {name: batch} for batch in batches]
        self.folder = folder
        self.names = {
            node.name: layer_name(node) for node in self.model.graph.node if node.op_type in WEIGHTED
        }
        self.tail = float_tail(self.model, {key for key, name in self.names.items() if name in keep_float})
        self.names = {key: name for key, name in self.names.items() if key not in self.tail}
        self._ranges: dict[str, Any] = {}

    @property
    def last_layers(self) -> tuple[str, ...]:
        """Return the layers behind which only float arithmetic follows."""
        read = {name for node in self.model.graph.node if node.name in self.tail for name in node.input}
        read |= {each.name for each in self.model.graph.output}
        makers = {node.name for node in self.model.graph.node if read & set(node.output)}
        return tuple(dict.fromkeys(name for key, name in self.names.items() if key in makers))

    def write(self, recipe: Recipe, path: Path) -> None:
        """Write the file that a recipe makes, with the metadata of the float one."""
        import onnx

        kept = {key for key, name in self.names.items() if name in recipe.kept}
        made = self._quantize(recipe, [*self.tail, *kept], None)
        del made.metadata_props[:]
        made.metadata_props.extend(self.metadata)
        onnx.save(made, path)

    def rows(self) -> Iterator[Feeds]:
        """Yield the calibration examples one at a time."""
        for batch in self.batches:
            for row in range(len(next(iter(batch.values())))):
                yield {name: array[row : row + 1] for name, array in batch.items()}

    def measure_layers(self) -> dict[str, float]:
        """Return layer -> signal to noise in dB of the outputs when it alone is quantized; the lower, the worse."""
        rows = {k: v[:SENSITIVITY_EXAMPLES] for k, v in self.batches[0].items()}
        before = _boundary_values(self.model, self.tail, rows)
        found = {}
        for name in dict.fromkeys(self.names.values()):
            nodes = [key for key, layer in self.names.items() if layer == name]
            after = _boundary_values(self._quantize(RECIPES[0], self.tail, nodes), self.tail, rows)
            found[name] = signal_to_noise(before, after)
        return found

    def _quantize(self, recipe: Recipe, excluded: Iterable[str], only: list[str] | None) -> Any:
        import copy

        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
        from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

        ranges = self._calibrate(recipe.calibration)
        quantizer = QDQQuantizer(
            copy.deepcopy(self.model),
            per_channel=True,
            reduce_range=recipe.weights == "int7",
            weight_qType=QuantType.QUInt8 if recipe.weights == "uint8" else QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=ranges,
            nodes_to_quantize=only or [],
            nodes_to_exclude=list(excluded),
            op_types_to_quantize=[*QLinearOpsRegistry, *QDQRegistry],
            extra_options={},
        )
        with silence():
            quantizer.quantize_model()
        return quantizer.model.model

    def _calibrate(self, method: str) -> Any:
        from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

        if method not in self._ranges:
            kind = {MIN_MAX: CalibrationMethod.MinMax, ENTROPY: CalibrationMethod.Entropy}[method]
            helper = str(self.folder / f"{method}.onnx")
            calibrator = create_calibrator(str(self.prepared), None, helper, kind)
            with silence():
                for row in self.rows():  # one at a time: it keeps all tensors of what it is given
                    calibrator.collect_data(iter_once(row))
                self._ranges[method] = calibrator.compute_data()
        return self._ranges[method]


def iter_once(feeds: Feeds) -> Any:
    """Return a calibration data reader of one batch."""
    from onnxruntime.quantization import CalibrationDataReader

    class Once(CalibrationDataReader):
        """Reads one batch."""

        def __init__(self) -> None:
            self.rest = [feeds]

        def get_next(self) -> Any:
            """Return the batch, then None."""
            return self.rest.pop() if self.rest else None

    return Once()


def layer_name(node: Any) -> str:
    """Return the Keras layer that a node of a converted graph computes; the node's own name where none is found.

    Example:
        >>> from types import SimpleNamespace
        >>> layer_name(SimpleNamespace(name="Conv__9", input=["x", "net_1/conv1_1/convolution/ReadVariableOp:0"]))
        'conv1'
    """
    for text in (*node.input[1:2], node.name):
        parts = text.removeprefix("ConvMulFusion_W_").split("/")
        if len(parts) > 2:
            return re.sub(r"_\d+$", "", parts[1])
    return str(node.name)


def float_tail(model: Any, kept: set[str]) -> list[str]:
    """Return the names of the nodes behind the last convolutions and matrix products of an ONNX model.

    Args:
        model: with named nodes in topological order.
        kept: names of nodes that are not quantized, nor anything behind them.
    """
    ahead: set[str] = set()  # tensors that a weighted node depends on
    tail = []
    for node in reversed(model.graph.node):
        if (node.op_type in WEIGHTED and node.name not in kept) or ahead & set(node.output):
            ahead |= set(node.input)
        else:
            tail.append(node.name)
    return tail[::-1]


def _boundary_values(model: Any, tail: Sequence[str], feeds: Feeds) -> list[np.ndarray]:
    # The tensors that the float tail reads, or the outputs where there is no tail.
    import copy

    import onnx
    import onnxruntime as ort

    model, inside = copy.deepcopy(model), set(tail)
    made = {name for node in model.graph.node if node.name not in inside for name in node.output}
    read = {name for node in model.graph.node if node.name in inside for name in node.input}
    outputs = {each.name for each in model.graph.output}
    wanted = sorted((read | outputs) & made)
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in wanted
        if name not in outputs
    )
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(value) for value in session.run(wanted, dict(feeds))]
