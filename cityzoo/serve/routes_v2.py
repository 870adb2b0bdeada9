"""Routes of the Open Inference Protocol, version 2, and of Triton's model repository extension."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from cityzoo import __version__
from cityzoo.security.caller import is_allowed
from cityzoo.serve import infer_request, tensors
from cityzoo.serve.examples import Examples
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.infer_examples import read_examples
from cityzoo.serve.inference import Call, Inference
from cityzoo.serve.served_model import ServedModel
from cityzoo.serve.services import Services

PLATFORMS = {
    "onnxruntime": "onnx_onnxv1",
    "openvino": "openvino",
    "ai_edge_litert": "tensorflow_lite",
    "tensorflow": "tensorflow_savedmodel",
    "keras": "keras",
}
INFER_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "inputs": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "object",
                                "required": ["name", "shape", "datatype", "data"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
                                    "datatype": {
                                        "type": "string",
                                        "enum": [*infer_request.DTYPES, infer_request.BYTES],
                                    },
                                    "data": {"type": "array", "items": {}},
                                },
                            },
                        },
                        "outputs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {"name": {"type": "string"}},
                            },
                        },
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def routes_v2(services: Services, inference: Inference) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])
    repository = services.repository

    @router.get("", summary="The server")
    async def server() -> dict[str, Any]:
        extensions = ["binary_tensor_data", "model_repository"]
        return {"name": "cityzoo", "version": __version__, "extensions": extensions}

    @router.get("/health/live", summary="The process answers")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @router.get("/health/ready", summary="All models are loaded, and the server is not stopping")
    async def ready(response: Response) -> dict[str, bool]:
        is_loaded = repository.is_ready or (services.conversations is not None and not repository.index())
        is_ready = not services.is_draining and is_loaded
        response.status_code = 200 if is_ready else 503
        return {"ready": is_ready}

    @router.post(
        "/models/{name}/infer", summary="Compute tensors, image files or texts", openapi_extra=INFER_BODY
    )
    @router.post(
        "/models/{name}/versions/{version}/infer", summary="The same with a version", openapi_extra=INFER_BODY
    )
    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        call = inference.begin(request, name, parse_version(version))
        return await _infer(inference, call, request)

    _add_models(router, services)
    _add_repository(router, services)
    return router


def _add_models(router: APIRouter, services: Services) -> None:
    repository = services.repository

    def find(request: Request, name: str, version: str | None) -> ServedModel:
        services.authorize(request, "read", name)
        return repository.route(name, parse_version(version), request.scope["request_id"]).primary

    @router.get("/models/{name}", summary="Inputs and outputs of a model")
    @router.get("/models/{name}/versions/{version}", summary="Inputs and outputs of a version")
    async def metadata(request: Request, name: str, version: str | None = None) -> dict[str, Any]:
        return describe_model(services, find(request, name, version), version)

    @router.get("/models/{name}/ready", summary="Whether a model answers")
    @router.get("/models/{name}/versions/{version}/ready", summary="Whether a version answers")
    async def model_ready(request: Request, name: str, version: str | None = None) -> dict[str, Any]:
        model = find(request, name, version)
        return {"name": name, "version": str(model.version), "ready": True}


def describe_model(services: Services, model: ServedModel, version: str | None) -> dict[str, Any]:
    """Return the metadata of a model, of one version if the client names it."""
    versions = [str(row["version"]) for row in services.repository.index() if row["name"] == model.name]
    return {
        "name": model.name,
        "versions": [version] if version else versions,
        "platform": PLATFORMS[model.file.runtime],
        "inputs": [tensors.describe_tensor(each) for each in model.file.inputs],
        "outputs": [tensors.describe_tensor(each) for each in model.file.outputs],
    }


def parse_version(text: str | None) -> int | None:
    """Return a version from a path.

    Raises:
        HttpError: 404, not a number from 1 on.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:10]) < 2**31):
        raise HttpError(404, f"version '{text[:40]}': expected a number, e.g. 1")
    return int(text)


async def _infer(inference: Inference, call: Call, request: Request) -> Response:
    body, length = await request.body(), request.headers.get(infer_request.HEADER_LENGTH)
    asked = await run_in_threadpool(infer_request.parse_request, body, length)

    def respond(model: ServedModel, examples: Examples, outputs: Any) -> tuple[Response, None]:
        content, headers = tensors.write_response(asked, outputs, model.name, model.version)
        return Response(content, headers=headers), None

    prepare = functools.partial(read_examples, asked)
    return await inference.run(call, prepare, respond)


def _add_repository(router: APIRouter, services: Services) -> None:
    repository = services.repository

    @router.post("/repository/index", summary="All models with their versions and states")
    async def index(request: Request) -> list[dict[str, Any]]:
        caller = services.authorize(request, "read")
        rows = [row for row in repository.index() if is_allowed(row["name"], caller.models)]
        return [row | {"version": str(row["version"])} for row in rows]

    async def change(request: Request, name: str, action: Any, word: str) -> dict[str, Any]:
        caller = services.authorize(request, "manage", name)
        services.write_audit(request, word, model=name, caller=caller.name)  # what fails is tried, too
        await run_in_threadpool(action, name)
        return {}

    @router.post("/repository/models/{name}/load", summary="Load the newest version of a model")
    async def load(request: Request, name: str) -> dict[str, Any]:
        return await change(request, name, repository.load, "load")

    @router.post("/repository/models/{name}/unload", summary="Unload a model")
    async def unload(request: Request, name: str) -> dict[str, Any]:
        return await change(request, name, repository.unload, "unload")
