"""`/predict`: an image, a CSV window or several images in, names, boxes and thresholds out."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from cityzoo.runtime.image_input import fit_images, is_image_input
from cityzoo.serve import answers
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.images import decode_image
from cityzoo.serve.inference import Inference
from cityzoo.serve.routes_v2 import parse_version
from cityzoo.serve.series_window import parse_window
from cityzoo.serve.served_model import ServedModel
from cityzoo.serve.services import Services

MOST_FILES = 16  # of one request
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
QUERY = {
    "camera": ("which camera the image is of", {"type": "string", "maxLength": 64}),
    "threshold": ("lowest score, 0..1 (default: that of the model's report)", {"type": "number"}),
    "version": ("a version instead of the one in use", {"type": "integer", "minimum": 1}),
}
ABOUT = {
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": BINARY,
            "image/png": BINARY,
            "text/csv": {"schema": {"type": "string"}},
            "multipart/form-data": {"schema": FORM},
        },
    },
    "parameters": [
        {"name": name, "in": "query", "description": about, "schema": schema, "required": False}
        for name, (about, schema) in QUERY.items()
    ],
}


def routes_predict(services: Services, inference: Inference) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["Predict"])

    @router.post("/predict", summary="Ask the only model", openapi_extra=ABOUT)
    async def predict_only(request: Request) -> dict[str, Any]:
        names = sorted({row["name"] for row in services.repository.index()})
        if len(names) != 1:
            raise HttpError(
                400, f"{len(names)} models are served: use /predict/NAME, NAME one of {', '.join(names)}"
            )
        return await _predict(services, inference, request, names[0])

    @router.post("/predict/{name}", summary="Ask a model", openapi_extra=ABOUT)
    async def predict(request: Request, name: str) -> dict[str, Any]:
        return await _predict(services, inference, request, name)

    return router


async def _predict(services: Services, inference: Inference, request: Request, name: str) -> dict[str, Any]:
    call = inference.begin(request, name, parse_version(request.query_params.get("version")))
    threshold = _threshold(request.query_params.get("threshold"))
    files = await _files(request)

    def respond(model: ServedModel, examples: Examples, outputs: Any) -> tuple[list[dict[str, Any]], Any]:
        found = answers.answer(model.description, model.file.restore, examples, outputs, threshold)
        return found, found[0] if threshold is None else None

    prepare = functools.partial(_prepare, files, services.settings.max_megapixels)
    found = await inference.run(call, prepare, respond)
    about: dict[str, Any] = {"model": name, "version": call.version, "request_id": call.request_id}
    about |= {"camera": call.camera} if call.camera else {}
    about["seconds"] = {stage: round(took, 4) for stage, took in call.seconds.items()}
    return {**found[0], **about} if len(found) == 1 else {"answers": found, **about}


def _threshold(text: str | None) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = -1
    if value is not None and not 0 <= value < 1e9:
        raise HttpError(400, f"threshold '{(text or '')[:40]}': expected a number from 0 on, e.g. 0.4")
    return value


async def _files(request: Request) -> list[bytes]:
    if "Content-Encoding" in request.headers:
        raise HttpError(415, "a compressed body: send it as it is")
    if not request.headers.get("Content-Type", "").startswith("multipart/form-data"):
        files = [await request.body()]
    else:
        try:
            async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
                files = [await part.read() for _, part in form.multi_items() if isinstance(part, UploadFile)]
        except HTTPException as error:
            raise HttpError(
                400, f"the form cannot be read ({error.detail}): send at most {MOST_FILES} files"
            ) from error
    if not files or not all(files):
        raise HttpError(400, "an empty body: send an image file or a CSV")
    return files


def _prepare(files: Sequence[bytes], max_megapixels: float, model: ServedModel) -> Examples:
    about = model.description
    answers.kind_of(about)
    if is_image_input(about):
        images = [decode_image(file, max_megapixels) for file in files]
        feeds, matrices = fit_images(about, images)
        return Examples(feeds, images, matrices)
    if len(files) > 1:
        raise HttpError(400, f"{len(files)} files: send one CSV at a time")
    try:
        text = files[0].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        takes = f"{about['series']['history']} rows of CSV" if "series" in about else "tensors"
        raise HttpError(415, f"a binary file for a model that takes {takes}: send UTF-8 text") from error
    feeds, last = parse_window(text, about)
    return Examples(feeds, times=[last])
