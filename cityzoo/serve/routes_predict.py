"""`/predict`: images, a CSV window or texts in, names, boxes and thresholds out."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from cityzoo.serve import answers
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.inference import Inference
from cityzoo.serve.request_inputs import Body
from cityzoo.serve.routes_v2 import parse_version
from cityzoo.serve.served_model import ServedModel
from cityzoo.serve.services import Services
from cityzoo.serve.texts import MOST_TEXTS

MOST_FILES = 16  # of one request
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "type": "object",
    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
TEXTS = {
    "oneOf": [
        {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        {
            "type": "object",
            "required": ["texts"],
            "properties": {
                "texts": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_TEXTS}
            },
        },
    ]
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
            "text/plain": {"schema": {"type": "string"}, "example": "when does the office open"},
            "application/json": {"schema": TEXTS, "example": {"texts": ["when does the office open"]}},
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
    bodies, is_list = await _bodies(request), False

    def respond(model: ServedModel, examples: Examples, outputs: Any) -> tuple[list[dict[str, Any]], Any]:
        nonlocal is_list
        is_list = examples.is_list
        found = answers.answer(model.description, model.file.restore, examples, outputs, threshold)
        if model.policy:
            found = answers.mark_for_review(found, model.policy.review_below)
        return found, found[0] if threshold is None else None

    found = await inference.run(call, functools.partial(_prepare, bodies), respond)
    about: dict[str, Any] = {"model": name, "version": call.version, "request_id": call.request_id}
    about |= {"camera": call.camera} if call.camera else {}
    about["seconds"] = {stage: round(took, 4) for stage, took in call.seconds.items()}
    return {**found[0], **about} if len(found) == 1 and not is_list else {"answers": found, **about}


def _threshold(text: str | None) -> float | None:
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = -1
    if value is not None and not 0 <= value < 1e9:
        raise HttpError(400, f"threshold '{(text or '')[:40]}': expected a number from 0 on, e.g. 0.4")
    return value


async def _bodies(request: Request) -> list[Body]:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if "Content-Encoding" in request.headers:
        raise HttpError(415, "a compressed body: send it as it is")
    if media_type != "multipart/form-data":
        bodies = [Body(await request.body(), media_type)]
    else:
        try:
            async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
                parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
                bodies = [Body(await part.read(), (part.content_type or "").lower()) for part in parts]
        except HTTPException as error:
            raise HttpError(
                400, f"the form cannot be read ({error.detail}): send at most {MOST_FILES} files"
            ) from error
    if not bodies or not all(body.data for body in bodies):
        raise HttpError(400, "an empty body: send an image file, a CSV or a text")
    return bodies


def _prepare(bodies: Sequence[Body], model: ServedModel) -> Examples:
    answers.kind_of(model.description)
    return model.input.read(bodies)
