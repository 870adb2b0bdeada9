"""Int8 weights alone: for dense and recurrent layers whose inputs have no fixed range, and for text encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.export.int8_litert import quantize_litert_weights
from cityzoo.export.write import onnx_to_openvino
from cityzoo.runtime.packages import require

if TYPE_CHECKING:
    import keras

OPERATIONS = ("MatMul", "Gemm", "Gather", "LSTM", "EmbedLayerNormalization")


def write_int8_weights(model: keras.Model, path: Path, fmt: str, write_onnx: Callable[[Any], Path]) -> None:
    """Write a model whose matrices and embeddings are stored in 8 bits per channel.

    ONNX Runtime and LiteRT round activations as they come, each in its own range; OpenVINO computes in float.

    Args:
        model: with named outputs.
        path: of the file.
        fmt: "onnx", "litert" or "openvino".
        write_onnx: writes a model as ONNX and returns the path.

    Raises:
        InputError: a package is missing.
    """
    if fmt == "litert":
        quantize_litert_weights(model, path)
    elif fmt == "onnx":
        quantize_onnx_weights(write_onnx(model), path)
    else:
        nncf, openvino = (require(name, "--format openvino --int8") for name in ("nncf", "openvino"))
        source = write_onnx(model)
        onnx_to_openvino(source, source.with_suffix(".xml"))
        loaded = openvino.Core().read_model(source.with_suffix(".xml"))
        openvino.save_model(nncf.compress_weights(loaded), str(path), compress_to_fp16=False)


def quantize_onnx_weights(source: Path, path: Path) -> None:
    """Store the weights of an ONNX file's matrix products and embeddings in 8 bits per channel."""
    require("onnxruntime", "--int8")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(source),
        str(path),
        op_types_to_quantize=list(OPERATIONS),
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
