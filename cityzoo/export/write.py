"""Write a Keras model with named outputs as a file of another runtime."""

from __future__ import annotations

import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.cli import quiet_start
from cityzoo.errors import InputError, disk_full
from cityzoo.runtime.packages import require

if TYPE_CHECKING:
    import keras

IMAGES = "images"  # name of the only input of models of images
OPSET = 17  # of ONNX: what ONNX Runtime, OpenVINO and TensorRT of the last years take
FILES = {
    "onnx": "model.onnx",
    "litert": "model.tflite",
    "openvino": "model.xml",
    "saved_model": "saved_model",
}
NAMED = re.compile(r"\[([\w:/. ]+)\] is not supported|(?:Op|op)[: ]+'?([\w./]+)'? .*not supported|tf\.(\w+)")


def write(model: keras.Model, fmt: str, folder: Path, fp16: bool = False, dynamic_batch: bool = True) -> Path:
    """Write a model in a format and return its path.

    Args:
        model: with a dict of named outputs.
        fmt: "onnx", "litert", "openvino" or "saved_model".
        folder: exists.
        fp16: store weights, and in ONNX compute, in float16.
        dynamic_batch: whether the file takes batches of any size instead of single examples.

    Raises:
        InputError: a package is missing, the format cannot express a layer, or the disk is full.
    """
    path = folder / FILES[fmt]
    if fp16 and fmt == "saved_model":
        raise InputError("--fp16 does not apply to a SavedModel: remove it, or use another --format")
    with explain_errors(model, fmt):
        WRITERS[fmt](model, path, make_signature(model, dynamic_batch), fp16)
    return path


def make_signature(model: keras.Model, dynamic_batch: bool) -> list[Any]:
    """Return the input signature of an exported model: batches of any size, or single examples."""
    import keras

    def spec(tensor: Any, name: str = "") -> Any:
        shape = (None if dynamic_batch else 1, *tensor.shape[1:])
        return keras.InputSpec(shape=shape, dtype=tensor.dtype, name=name or tensor.name)

    if isinstance(model.input, dict):
        return [{name: spec(tensor) for name, tensor in model.input.items()}]
    (only,) = model.inputs
    return [spec(only, IMAGES if len(only.shape) == 4 else "")]  # copies of a model have other names


@contextmanager
def explain_errors(model: keras.Model, fmt: str) -> Iterator[None]:
    """Turn a converter's error into an InputError that names the layer, and keep it from printing pages."""
    # Converters print pages, and raise errors of many kinds; the operation that they name begins with its layer's name.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    failed: Exception | None = None
    with quiet_start(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - raised again below, without those pages
            failed = error
    if failed is None:
        return
    if reason := disk_full(failed):
        raise InputError(f"the exported file cannot be written ({reason}): free some space") from failed
    text = " ".join(str(failed).split())
    layer = next((each.name for each in model.layers if f"/{each.name}" in text), "")
    found = NAMED.search(text)
    operation = next((word for word in found.groups() if word), "") if found else ""
    what = f"layer '{layer}'" if layer else f"operation '{operation}'" if operation else "this model"
    raise InputError(
        f"format '{fmt}' cannot express {what} ({text[:300]}): use another --format, e.g. saved_model"
    ) from failed


def _to_onnx(model: keras.Model, path: Path, signature: list[Any], fp16: bool) -> None:
    onnx = require("onnx", "--format onnx")
    require("tf2onnx", "--format onnx")
    model.export(path, format="onnx", opset_version=OPSET, input_signature=signature, verbose=False)
    proto = onnx.load(path)
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    for node in proto.graph.node:  # tf2onnx logs what it cannot convert, and writes it nevertheless
        if node.op_type not in known:
            raise ValueError(f"TensorFlow operation [{node.name}: {node.op_type}] is not supported")
    names = {spec.name for spec in _flat(signature)}
    if strange := [each.name for each in proto.graph.input if each.name not in names]:
        raise ValueError(f"TensorFlow constant [{strange[0]}: captured] is not supported")
    for tensor in (*proto.graph.input, *proto.graph.output):
        first = tensor.type.tensor_type.shape.dim[0]
        if not first.HasField("dim_value"):
            first.dim_param = "batch"
    if fp16:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        proto = convert_float_to_float16(proto, keep_io_types=True)
    onnx.save(proto, path)


def _flat(signature: list[Any]) -> list[Any]:
    return list(signature[0].values()) if isinstance(signature[0], dict) else signature


def _to_litert(model: keras.Model, path: Path, signature: list[Any], fp16: bool) -> None:
    import tensorflow as tf

    # Without TensorFlow's own operations, which LiteRT alone does not have.
    target: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    options = {}
    if fp16:
        target["supported_types"] = [tf.float16]
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    model.export(
        str(path), format="litert", input_signature=signature, verbose=False, target_spec=target, **options
    )


def _to_openvino(model: keras.Model, path: Path, signature: list[Any], fp16: bool) -> None:
    require("openvino", "--format openvino")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "model.onnx")
        _to_onnx(model, source, signature, False)
        onnx_to_openvino(source, path, fp16)


def onnx_to_openvino(source: Path, path: Path, fp16: bool = False) -> None:
    """Convert an ONNX file to OpenVINO's IR: `path` and its weights in a .bin next to it."""
    openvino = require("openvino", "--format openvino")
    openvino.save_model(openvino.convert_model(str(source)), str(path), compress_to_fp16=fp16)


def _to_saved_model(model: keras.Model, path: Path, signature: list[Any], fp16: bool) -> None:
    model.export(str(path), format="tf_saved_model", input_signature=signature, verbose=False)


WRITERS: dict[str, Callable[[Any, Path, list[Any], bool], None]] = {
    "onnx": _to_onnx,
    "litert": _to_litert,
    "openvino": _to_openvino,
    "saved_model": _to_saved_model,
}
