"""The examples of a request for inference: its tensors as they are, or its image files fitted to the model."""

from __future__ import annotations

from cityzoo.runtime.image_input import fit_images, is_image_input
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.images import decode_image
from cityzoo.serve.infer_request import InferRequest
from cityzoo.serve.served_model import ServedModel
from cityzoo.serve.tensors import check_tensors


def read_examples(asked: InferRequest, max_megapixels: float, model: ServedModel) -> Examples:
    """Return what a model is to compute.

    Raises:
        HttpError: tensors that the model does not take, or images that cannot be decoded.
    """
    if not asked.files:
        return Examples(check_tensors(asked.arrays, model.file.inputs))
    is_image = is_image_input(model.description)
    if asked.arrays or len(asked.files) > 1 or not is_image:
        names = ", ".join(each.name for each in model.file.inputs)
        takes = f"{names}, or one BYTES tensor of image files" if is_image else names
        raise HttpError(400, f"BYTES for a model that takes {takes}: send those tensors")
    (files,) = asked.files.values()
    images = [decode_image(file, max_megapixels) for file in files]
    feeds, matrices = fit_images(model.description, images)
    return Examples(feeds, images, matrices)
