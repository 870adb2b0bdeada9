"""Tensors of the Open Inference Protocol, version 2: checked for a model, and as responses state them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cityzoo.runtime.base_model import TensorInfo
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.infer_request import DTYPES, HEADER_LENGTH, InferRequest, short

DATATYPES = {dtype: name for name, dtype in DTYPES.items()}


def check_tensors(arrays: Mapping[str, np.ndarray], inputs: Sequence[TensorInfo]) -> dict[str, np.ndarray]:
    """Return the tensors of a request if a model can take them.

    Raises:
        HttpError: 400, a wrong name, dtype or shape, different numbers of examples, or a number that is not finite.
    """
    known = {each.name: each for each in inputs}
    if set(arrays) != set(known):
        given = ", ".join(map(short, arrays)) or "none"
        raise HttpError(400, f"inputs {given}: this model takes {', '.join(known)}")
    for name, array in arrays.items():
        wanted = known[name]
        if array.dtype != wanted.dtype:
            raise HttpError(
                400,
                f"input '{name}' is {DATATYPES[array.dtype.name]}: this model takes {DATATYPES[wanted.dtype]}",
            )
        shape = tuple(-1 if side is None else side for side in (None, *wanted.shape[1:]))
        fits = len(shape) == array.ndim and all(a in (-1, b) for a, b in zip(shape, array.shape, strict=True))
        if not fits:
            raise HttpError(
                400, f"input '{name}' has shape {list(array.shape)}: this model takes {list(shape)}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise HttpError(400, f"input '{name}' has NaN or infinite numbers: replace them")
    if len({len(array) for array in arrays.values()}) > 1:
        raise HttpError(400, "inputs with different numbers of examples: send as many of each")
    return dict(arrays)


def write_response(
    request: InferRequest, outputs: Mapping[str, np.ndarray], name: str, version: int
) -> tuple[bytes, dict[str, str]]:
    """Return the body of an answer and its headers.

    Raises:
        HttpError: 400, an output that the model does not have.
    """
    for wanted in request.outputs:
        if wanted not in outputs:
            raise HttpError(400, f"output '{short(wanted)}': this model has {', '.join(outputs)}")
    rows, blobs = [], []
    for wanted in request.outputs or outputs:
        array = np.ascontiguousarray(outputs[wanted])
        row: dict[str, Any] = {
            "name": wanted, "datatype": DATATYPES[array.dtype.name], "shape": list(array.shape)
        }  # fmt: skip
        if request.binary.get(wanted, request.binary_by_default):
            blobs.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
            row["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            row["data"] = array.ravel().tolist()
        rows.append(row)
    about = {"model_name": name, "model_version": str(version), "outputs": rows}
    head = json.dumps(about | ({"id": request.id} if request.id is not None else {})).encode()
    if not blobs:
        return head, {"Content-Type": "application/json"}
    return b"".join([head, *blobs]), {
        "Content-Type": "application/octet-stream",
        HEADER_LENGTH: str(len(head)),
    }


def describe_tensor(tensor: TensorInfo) -> dict[str, Any]:
    """Return a tensor as the metadata of a model states it.

    Example:
        >>> describe_tensor(TensorInfo("images", (None, 8, 8, 3), "float32"))
        {'name': 'images', 'datatype': 'FP32', 'shape': [-1, 8, 8, 3]}
    """
    shape = [-1 if side is None else side for side in tensor.shape]
    return {"name": tensor.name, "datatype": DATATYPES[tensor.dtype], "shape": shape}
