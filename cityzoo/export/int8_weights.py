"""Int8 weights alone: for dense and recurrent layers whose inputs have no fixed range, and for text encoders."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.export.int8_litert import quantize_litert_weights
from cityzoo.export.write import onnx_to_openvino
from cityzoo.runtime.packages import require

if TYPE_CHECKING:
    import keras

LOG = logging.getLogger(__name__)
RECIPE = "int8 weights only"
SMALL = 0.05  # share of the weights that are stored in float without asking what that saves
MATRICES = ("MatMul", "Gemm")
OPERATIONS = ("MatMul", "Gemm", "Gather", "LSTM", "EmbedLayerNormalization")


def write_int8_weights(
    model: keras.Model,
    path: Path,
    fmt: str,
    write_onnx: Callable[[Any], Path],
    make_score: Callable[[], tuple[Callable[[Path], float], float]],
) -> dict[str, Any]:
    """Write a model whose matrices and embeddings are stored in 8 bits per channel.

    ONNX Runtime and LiteRT round activations as they come, each in its own range; OpenVINO computes in float. In ONNX
    the layers that make the outputs stay in float where they are a small part of the model, or where the metric does
    not hold: logits of similar texts are differences of large numbers.

    Args:
        model: with named outputs.
        path: of the file.
        fmt: "onnx", "litert" or "openvino".
        write_onnx: writes a model as ONNX and returns the path.
        make_score: returns a function that gives a file's metric, higher is better, and the lowest that will do.

    Returns:
        What parity.json says about it.

    Raises:
        InputError: a package is missing.
    """
    if fmt == "litert":
        quantize_litert_weights(model, path)
    elif fmt == "onnx":
        return _search_onnx(write_onnx(model), path, *make_score())
    else:
        nncf, openvino = (require(name, "--format openvino --int8") for name in ("nncf", "openvino"))
        source = write_onnx(model)
        onnx_to_openvino(source, source.with_suffix(".xml"))
        loaded = openvino.Core().read_model(source.with_suffix(".xml"))
        openvino.save_model(nncf.compress_weights(loaded), str(path), compress_to_fp16=False)
    return {"recipe": RECIPE}


def _search_onnx(source: Path, path: Path, score: Callable[[Path], float], least: float) -> dict[str, Any]:
    attempts: dict[str, float] = {}
    last, share = last_layers(source)
    kept = {RECIPE: [], f"{RECIPE}, last layers in float": last}
    if share < SMALL:
        del kept[RECIPE]
    for name, layers in kept.items():
        quantize_onnx_weights(source, path, layers)
        attempts[name] = score(path)
        LOG.info("  %s: %.4f (at least %.4f is wanted)", name, attempts[name], least)
        if attempts[name] >= least:
            break
    best = max(attempts, key=attempts.__getitem__)
    if best != name:
        quantize_onnx_weights(source, path, kept[best])
    rows = [{"recipe": recipe, "metric": metric} for recipe, metric in attempts.items()]
    return {"recipe": best, "layers_in_float": kept[best], "attempts": rows}


def last_layers(source: Path) -> tuple[list[str], float]:
    """Return the nodes with weights of an ONNX file that no other one comes after, and their share of the weights."""
    import onnx

    model = onnx.load(source)
    constants = {each.name: math.prod(each.dims) for each in model.graph.initializer}
    ahead: set[str] = set()  # tensors that a node with weights depends on
    found, size = [], 0
    for node in reversed(model.graph.node):
        has_weights = node.op_type in MATRICES and bool(constants.keys() & set(node.input[1:]))
        if has_weights and not ahead & set(node.output):
            found.append(node.name)
            size += sum(constants.get(name, 0) for name in node.input)
        if has_weights or ahead & set(node.output):
            ahead |= set(node.input)
    return found, size / max(sum(constants.values()), 1)


def quantize_onnx_weights(source: Path, path: Path, kept: Sequence[str] = ()) -> None:
    """Store the weights of an ONNX file's matrix products and embeddings in 8 bits per channel.

    Args:
        source: the file.
        path: of the result.
        kept: names of nodes that stay in float.
    """
    require("onnxruntime", "--int8")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(source),
        str(path),
        op_types_to_quantize=list(OPERATIONS),
        nodes_to_exclude=list(kept),
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
