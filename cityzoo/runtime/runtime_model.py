"""Exported files in their own runtimes: ONNX Runtime, LiteRT, OpenVINO, TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.runtime.base_model import RuntimeModel, TensorInfo, model_files
from cityzoo.runtime.packages import require

__all__ = ["RUNTIMES", "RuntimeModel", "TensorInfo", "format_of", "is_exported", "model_files", "open_model"]
SUFFIXES = {".onnx": "onnx", ".tflite": "litert", ".xml": "openvino"}


class OnnxModel(RuntimeModel):
    """An ONNX file in ONNX Runtime, on the CPU."""

    runtime = "onnxruntime"

    def open(self) -> None:
        """Start a session."""
        ort = require("onnxruntime", f"'{self.path}'")
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = self.threads, 3
        # An arena keeps the memory of the largest batch for ever, and is no faster here (8.1 and 8.0 ms an image).
        options.enable_cpu_mem_arena = False
        self._session = ort.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(map(_onnx_info, self._session.get_inputs()))
        self.outputs = tuple(map(_onnx_info, self._session.get_outputs()))

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name."""
        names = [each.name for each in self.outputs]
        return dict(zip(names, self._session.run(names, feeds), strict=True))


def _onnx_info(tensor: Any) -> TensorInfo:
    shape = tuple(side if isinstance(side, int) else None for side in tensor.shape)
    dtype = {"tensor(float)": "float32", "tensor(float16)": "float16"}.get(tensor.type, tensor.type[7:-1])
    return TensorInfo(tensor.name, shape, dtype)


class LiteRtModel(RuntimeModel):
    """A .tflite file in LiteRT; integer inputs and outputs are converted by their scales."""

    runtime = "ai_edge_litert"

    def open(self) -> None:
        """Load the first signature."""
        litert = require("ai_edge_litert.interpreter", f"'{self.path}'")
        interpreter = litert.Interpreter(str(self.path), num_threads=self.threads)
        self._runner = interpreter.get_signature_runner()
        self._in, self._out = self._runner.get_input_details(), self._runner.get_output_details()
        self.inputs = tuple(_litert_info(name, about) for name, about in self._in.items())
        self.outputs = tuple(_litert_info(name, about) for name, about in self._out.items())

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name, dequantized."""
        found = self._runner(**{name: _quantized(array, self._in[name]) for name, array in feeds.items()})
        return {name: _dequantized(array, self._out[name]) for name, array in found.items()}


def _litert_info(name: str, about: Mapping[str, Any]) -> TensorInfo:
    shape = tuple(None if side < 0 else int(side) for side in about["shape_signature"])
    dtype = np.dtype(about["dtype"]).name
    return TensorInfo(name, shape, "float32" if about["quantization"][0] else dtype)


def _quantized(array: np.ndarray, about: Mapping[str, Any]) -> np.ndarray:
    scale, zero = about["quantization"]
    if not scale:
        return array
    limits = np.iinfo(about["dtype"])
    return np.clip(np.round(array / scale) + zero, limits.min, limits.max).astype(about["dtype"])


def _dequantized(array: np.ndarray, about: Mapping[str, Any]) -> np.ndarray:
    scale, zero = about["quantization"]
    return (array.astype(np.float32) - zero) * np.float32(scale) if scale else array


class OpenVinoModel(RuntimeModel):
    """An OpenVINO IR in OpenVINO, on the CPU, computed in float32 where it is not quantized."""

    runtime = "openvino"

    def open(self) -> None:
        """Compile it."""
        openvino = require("openvino", f"'{self.path}'")
        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # else processors with bfloat16 would use it
        }
        self._compiled = openvino.Core().compile_model(str(self.path), "CPU", settings)
        self.inputs = tuple(map(_openvino_info, self._compiled.inputs))
        self.outputs = tuple(map(_openvino_info, self._compiled.outputs))

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name."""
        found = self._compiled(feeds)
        return {each.name: np.array(found[i]) for i, each in enumerate(self.outputs)}


def _openvino_info(port: Any) -> TensorInfo:
    shape = tuple(None if side.is_dynamic else side.get_length() for side in port.get_partial_shape())
    return TensorInfo(port.get_any_name(), shape, np.dtype(port.get_element_type().to_dtype()).name)


class SavedModel(RuntimeModel):
    """A TensorFlow SavedModel in TensorFlow; its threads are those of the process."""

    runtime = "tensorflow"

    def open(self) -> None:
        """Load the default signature."""
        tf = require("tensorflow", f"'{self.path}'")
        self._loaded = tf.saved_model.load(str(self.path))
        self._signature = self._loaded.signatures["serving_default"]
        given, found = self._signature.structured_input_signature[1], self._signature.structured_outputs
        self.inputs = tuple(_tf_info(name, spec) for name, spec in given.items())
        self.outputs = tuple(_tf_info(name, spec) for name, spec in found.items())

    def run(self, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name."""
        import tensorflow as tf

        found = self._signature(**{name: tf.constant(array) for name, array in feeds.items()})
        return {each.name: found[each.name].numpy() for each in self.outputs}


def _tf_info(name: str, spec: Any) -> TensorInfo:
    return TensorInfo(name, tuple(spec.shape), spec.dtype.name)


RUNTIMES: dict[str, type[RuntimeModel]] = {
    "onnx": OnnxModel,
    "litert": LiteRtModel,
    "openvino": OpenVinoModel,
    "saved_model": SavedModel,
}


def format_of(path: Path) -> str:
    """Return the format of an exported file.

    Raises:
        InputError: not there, or none of the formats.

    Example:
        >>> format_of(Path("nowhere/model.onnx"))
        Traceback (most recent call last):
        ...
        cityzoo.errors.InputError: 'nowhere/model.onnx' does not exist: give a file that python -m cityzoo export wrote
    """
    if not path.exists():
        raise InputError(f"'{path}' does not exist: give a file that python -m cityzoo export wrote")
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return "saved_model"
    if path.is_dir() or path.suffix not in SUFFIXES:
        raise InputError(
            f"'{path}' is no exported model: give a file ending in {', '.join(SUFFIXES)} or the folder of a SavedModel"
        )
    return SUFFIXES[path.suffix]


def is_exported(path: Path) -> bool:
    """Return whether a path is that of an exported file, not of a run folder."""
    return path.suffix in SUFFIXES or (path / "saved_model.pb").is_file()


def open_model(
    path: Path,
    threads: int | None = None,
    restore: Callable[[Mapping[str, np.ndarray]], Any] | None = None,
    padding: Mapping[str, int] | None = None,
) -> RuntimeModel:
    """Open an exported file in its runtime; see `RuntimeModel`.

    Raises:
        InputError: no such file, no such format, its runtime is not installed or cannot load it.
    """
    kind = RUNTIMES[format_of(path)]
    try:
        return kind(path, threads, restore, padding)
    except InputError:
        raise
    except Exception as error:  # of a damaged file each runtime raises its own errors
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{kind.runtime} cannot load '{path}' ({reason}): export it again with python -m cityzoo export"
        ) from error
