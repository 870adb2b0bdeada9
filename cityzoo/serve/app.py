"""The ASGI application of a server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from cityzoo import __version__
from cityzoo.errors import InputError
from cityzoo.security.access import Refused
from cityzoo.serve.grpc_server import start_grpc
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.inference import Inference
from cityzoo.serve.request_limits import RequestLimits
from cityzoo.serve.routes_answer import routes_answer
from cityzoo.serve.routes_predict import routes_predict
from cityzoo.serve.routes_v2 import routes_v2
from cityzoo.serve.services import Services

STATIC = Path(__file__).parent / "static"
SUMMARY = "Models of a city's cameras and sensors, in the Open Inference Protocol and as /predict."


def make_app(services: Services) -> FastAPI:
    """Return the application.

    Args:
        services: models, access, metrics; the application closes them when it stops.
    """
    inference = Inference(services)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        port = services.settings.grpc_port
        grpc_server = await start_grpc(services, inference, port) if port else None
        yield
        if grpc_server is not None:
            await grpc_server.stop(services.settings.timeout_seconds)
        inference.close()
        services.repository.close()
        if services.audit is not None:
            services.audit.close()
        services.close()

    app = FastAPIOffline(title="cityzoo", version=__version__, description=SUMMARY, lifespan=lifespan)
    app.state.services = services
    app.include_router(routes_v2(services, inference))
    app.include_router(routes_predict(services, inference))
    if services.conversations is not None:
        app.include_router(routes_answer(services, services.conversations))
    _add_page(app, services)
    _add_errors(app)
    settings = services.settings
    app.add_middleware(
        RequestLimits, max_body_bytes=settings.max_body_bytes, read_seconds=settings.read_timeout_seconds
    )
    return app


def _add_page(app: FastAPI, services: Services) -> None:
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/metrics", tags=["Operation"], summary="Metrics for Prometheus")
    async def metrics(request: Request) -> Response:
        services.authorize(request, "metrics")
        content, media_type = services.metrics()
        return Response(content, headers={"Content-Type": media_type})


def _add_errors(app: FastAPI) -> None:
    def error(status: int, message: str, headers: Any = None) -> JSONResponse:
        return JSONResponse({"error": message}, status, headers)

    @app.exception_handler(HttpError)
    async def http_error(request: Request, found: HttpError) -> JSONResponse:
        return error(found.status, found.message, found.headers)

    @app.exception_handler(Refused)
    async def refused(request: Request, found: Refused) -> JSONResponse:
        return error(found.status, found.message, found.headers)

    @app.exception_handler(InputError)
    async def input_error(request: Request, found: InputError) -> JSONResponse:
        return error(400, str(found))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, found: RequestValidationError) -> JSONResponse:
        first = found.errors()[0]
        return error(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def framework(request: Request, found: HTTPException) -> JSONResponse:
        return error(found.status_code, str(found.detail), found.headers)
