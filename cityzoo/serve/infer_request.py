"""Requests of the Open Inference Protocol, version 2: JSON and binary data to arrays.

https://github.com/kserve/open-inference-protocol, with Triton's extension for binary tensor data.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cityzoo.serve.http_errors import HttpError

HEADER_LENGTH = "Inference-Header-Content-Length"
BYTES = "BYTES"
DTYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64", "INT8": "int8",
    "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16", "FP32": "float32", "FP64": "float64",
}  # fmt: skip
LONGEST_TEXT = 100  # of a client that an error repeats


@dataclass
class InferRequest:
    """A request for inference.

    Attributes:
        id: that the answer repeats.
        arrays: tensors by input name.
        files: the elements of BYTES tensors, image files or texts, by input name; str: as JSON has them.
        outputs: names of the outputs that are wanted, all if empty.
        binary: outputs that are wanted as binary data.
        binary_by_default: whether the others are.
    """

    id: str | None = None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    files: dict[str, list[bytes | str]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    binary: dict[str, bool] = field(default_factory=dict)
    binary_by_default: bool = False


def parse_request(body: bytes, header_length: str | None) -> InferRequest:
    """Read the body of a request.

    Args:
        body: JSON, and after it the binary data of its tensors, in their order.
        header_length: bytes of the JSON, as the client's header says; None: all.

    Raises:
        HttpError: 400, with what is wrong.
    """
    if header_length is not None and not (header_length.isdecimal() and int(header_length) <= len(body)):
        raise HttpError(
            400,
            f"{HEADER_LENGTH} '{short(header_length)}': expected at most {len(body)}, the body's size",
        )
    end = len(body) if header_length is None else int(header_length)
    document = parse_json(body[:end])
    request = InferRequest(id=_typed(document, "id", str, None))
    request.binary_by_default = bool(_parameters(document).get("binary_data_output", False))
    blob = memoryview(body)[end:]
    inputs = _typed(document, "inputs", list, None)
    if not inputs:
        raise HttpError(400, "no inputs: send at least one tensor in 'inputs'")
    for tensor in inputs:
        name = _name(tensor)
        if name in request.arrays or name in request.files:
            raise HttpError(400, f"input '{short(name)}' is there twice: send it once")
        size = _parameters(tensor).get("binary_data_size")
        if size is not None:
            if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(blob):
                raise HttpError(
                    400,
                    f"input '{short(name)}': binary_data_size {short(size)}, {len(blob)} bytes are left",
                )
            data: Any = blob[:size]
            blob = blob[size:]
        else:
            data = tensor.get("data")
        add_input(request, name, tensor, data)
    if len(blob):
        raise HttpError(400, f"{len(blob)} bytes after the last tensor: state them as binary_data_size")
    for output in _typed(document, "outputs", list, []):
        request.outputs.append(_name(output))
        if "binary_data" in _parameters(output):
            request.binary[_name(output)] = bool(_parameters(output)["binary_data"])
    return request


def parse_json(body: bytes) -> dict[str, Any]:
    """Return the object of a JSON body.

    Raises:
        HttpError: 400, not a JSON object.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"the body is not JSON ({str(error)[:80]}): send an object") from error
    if not isinstance(document, dict):
        raise HttpError(400, f"the body is a JSON {type(document).__name__}: send an object")
    return document


def _typed(document: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = document.get(name, default)
    if value is not None and not isinstance(value, kind):
        raise HttpError(400, f"'{name}' is {short(value)}: expected a {kind.__name__}")
    return value


def _parameters(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _typed(document, "parameters", dict, {}) or {}


def _name(tensor: Any) -> str:
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if not isinstance(name, str):
        raise HttpError(400, f"a tensor without a name ({short(tensor)}): give it one")
    return name


def short(value: Any) -> str:
    """Return a client's value as an error may repeat it."""
    return str(value)[:LONGEST_TEXT]


def add_input(request: InferRequest, name: str, tensor: Mapping[str, Any], data: Any) -> None:
    """Add a tensor to a request.

    Args:
        request: that is read.
        name: of the tensor.
        tensor: with `shape` and `datatype`.
        data: a list, or a memoryview of binary data.

    Raises:
        HttpError: 400, they do not belong together.
    """
    shape, datatype = tensor.get("shape"), tensor.get("datatype")
    if not isinstance(shape, list) or not all(type(side) is int and 0 <= side < 2**31 for side in shape):
        raise HttpError(400, f"input '{short(name)}' has shape {short(shape)}: expected a list of sizes")
    count = math.prod(shape)
    if not count:
        raise HttpError(
            400, f"input '{short(name)}' has shape {shape}, an empty batch: send at least one example"
        )
    datatype = datatype if isinstance(datatype, str) else str(datatype)
    if datatype == BYTES:
        request.files[name] = _elements(name, data, count)
    elif datatype in DTYPES:
        request.arrays[name] = _array(name, data, np.dtype(DTYPES[datatype]), shape)
    else:
        raise HttpError(
            400,
            f"input '{short(name)}' has datatype '{short(datatype)}': expected {', '.join(DTYPES)} or {BYTES}",
        )


def _array(name: str, data: Any, dtype: np.dtype, shape: Sequence[int]) -> np.ndarray:
    count = math.prod(shape)
    if isinstance(data, memoryview):
        if len(data) != count * dtype.itemsize:
            raise HttpError(
                400,
                f"input '{short(name)}': {len(data)} bytes, its shape {list(shape)} needs {count * dtype.itemsize}",
            )
        return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    if not isinstance(data, list):
        raise HttpError(400, f"input '{short(name)}' has no data: send 'data' as a list, or binary data")
    try:
        array = np.asarray(data)
        if array.dtype.kind not in "biuf" or array.dtype.kind == "f" and dtype.kind != "f":
            raise ValueError(f"{array.dtype.name} where {dtype.name} is expected")
        array = array.astype(dtype) if dtype.kind == "f" else _exact(array, dtype)
    except (ValueError, OverflowError, TypeError) as error:
        raise HttpError(
            400, f"input '{short(name)}' cannot be read ({short(error)}): send numbers"
        ) from error
    if array.size != count:
        raise HttpError(
            400, f"input '{short(name)}': {array.size} numbers, its shape {list(shape)} needs {count}"
        )
    return array.reshape(shape)


def _exact(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    converted = array.astype(dtype)
    if not np.array_equal(converted, array):
        raise ValueError(f"numbers that {dtype.name} does not have")
    return converted


def _elements(name: str, data: Any, count: int) -> list[bytes | str]:
    found: list[bytes | str]
    if isinstance(data, memoryview):
        found = list(_length_prefixed(name, data))
    elif isinstance(data, list) and all(isinstance(each, str) for each in data):
        found = data
    else:
        raise HttpError(
            400, f"input '{short(name)}': expected a list of texts or of files as base64, or binary data"
        )
    if len(found) != count:
        raise HttpError(400, f"input '{short(name)}' has {len(found)} elements, its shape says {count}")
    return found


def _length_prefixed(name: str, data: memoryview) -> list[bytes]:
    found, start = [], 0
    while start < len(data):
        if start + 4 > len(data):
            raise HttpError(400, f"input '{short(name)}': its last element has no length of 4 bytes")
        (length,) = struct.unpack_from("<I", data, start)
        if start + 4 + length > len(data):
            raise HttpError(
                400,
                f"input '{short(name)}': an element of {length} bytes, {len(data) - start - 4} are left",
            )
        found.append(bytes(data[start + 4 : start + 4 + length]))
        start += 4 + length
    return found
