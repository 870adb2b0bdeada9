"""The examples of a request for inference: its tensors as they are, or what a BYTES tensor holds."""

from __future__ import annotations

from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.infer_request import InferRequest
from cityzoo.serve.served_model import ServedModel
from cityzoo.serve.tensors import check_tensors


def read_examples(asked: InferRequest, model: ServedModel) -> Examples:
    """Return what a model is to compute.

    Raises:
        HttpError: tensors that the model does not take, or images and texts that cannot be read.
    """
    if not asked.files:
        arrays = check_tensors(asked.arrays, model.file.inputs)
        model.input.check(arrays)
        return Examples(arrays)
    elements = model.input.elements
    if asked.arrays or len(asked.files) > 1 or not elements:
        names = ", ".join(each.name for each in model.file.inputs)
        takes = f"{names}, or one BYTES tensor of {elements}" if elements else names
        raise HttpError(400, f"BYTES for a model that takes {takes}: send those tensors")
    (files,) = asked.files.values()
    return model.input.read_elements(files)
