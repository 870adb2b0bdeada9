"""The Open Inference Protocol over gRPC, next to HTTP in the same process."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from starlette.requests import Request

from cityzoo import __version__
from cityzoo.errors import InputError
from cityzoo.monitor.json_logs import choose_request_id
from cityzoo.security.access import Refused
from cityzoo.serve.examples import Examples
from cityzoo.serve.grpc_messages import METHODS, PACKAGE, SERVICE, message_classes
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.infer_examples import read_examples
from cityzoo.serve.infer_request import BYTES, DTYPES, InferRequest, add_input
from cityzoo.serve.inference import TIMEOUT_HEADER, Inference
from cityzoo.serve.routes_v2 import describe_model, parse_version
from cityzoo.serve.served_model import ServedModel
from cityzoo.serve.services import Services
from cityzoo.serve.tensors import DATATYPES

CODES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 422: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
CONTENTS = {
    "bool": "bool_contents", "int8": "int_contents", "int16": "int_contents", "int32": "int_contents",
    "int64": "int64_contents", "uint8": "uint_contents", "uint16": "uint_contents", "uint32": "uint_contents",
    "uint64": "uint64_contents", "float32": "fp32_contents", "float64": "fp64_contents",
}  # fmt: skip
Handler = Callable[["_Call"], Awaitable[Any]]


async def start_grpc(services: Services, inference: Inference, port: int) -> Any:
    """Start a gRPC server and return it; its `stop(seconds)` ends it.

    Raises:
        InputError: grpcio is not installed, or the port cannot be taken.
    """
    try:
        import grpc
    except ImportError as error:
        raise InputError(f'--grpc-port needs grpcio ({error}): pip install "cityzoo[grpc]"') from error
    settings = services.settings
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", settings.max_body_bytes)])
    service = _Service(services, inference)
    handlers = {name: service.handler(grpc, name) for name in METHODS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(f"{PACKAGE}.{SERVICE}", handlers),))
    address = f"[{settings.host}]:{port}" if ":" in settings.host else f"{settings.host}:{port}"
    try:
        if settings.tls_certificate and settings.tls_key:
            server.add_secure_port(address, _credentials(grpc, settings))
        else:
            server.add_insecure_port(address)
    except RuntimeError as error:
        raise InputError(f"gRPC cannot listen on {address} ({error}): give another --grpc-port") from error
    await server.start()
    return server


def _credentials(grpc: Any, settings: Any) -> Any:
    pair = Path(settings.tls_key).read_bytes(), Path(settings.tls_certificate).read_bytes()
    authority = Path(settings.client_ca).read_bytes() if settings.client_ca else None
    return grpc.ssl_server_credentials([pair], authority, require_client_auth=authority is not None)


class _Call:
    """A call with its metadata as an HTTP request, by which callers are identified."""

    def __init__(self, message: Any, context: Any) -> None:
        self.message = message
        headers = {name: value for name, value in context.invocation_metadata() if isinstance(value, str)}
        left = context.time_remaining()
        if left is not None:
            headers[TIMEOUT_HEADER.lower()] = str(max(left, 0.001))
        self.request_id = choose_request_id(headers)
        host = context.peer().partition(":")[2].rpartition(":")[0]
        rows = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        scope = {"type": "http", "headers": rows, "query_string": b"", "client": (host, 0)}
        self.request = Request(scope | {"request_id": self.request_id})


class _Service:
    def __init__(self, services: Services, inference: Inference) -> None:
        self.services, self.inference, self.types = services, inference, message_classes()

    def handler(self, grpc: Any, name: str) -> Any:
        method: Handler = getattr(self, f"_{name}")

        async def answer(message: Any, context: Any) -> Any:
            try:
                return await method(_Call(message, context))
            except (HttpError, Refused) as error:
                code = getattr(grpc.StatusCode, CODES.get(error.status, "INTERNAL"))
                wait = error.headers.get("Retry-After")
                await context.abort(code, error.message, (("retry-after", wait),) if wait else ())

        kind = self.types[f"{name}Request"]
        return grpc.unary_unary_rpc_method_handler(
            answer, kind.FromString, self.types[f"{name}Response"].SerializeToString
        )

    async def _ServerLive(self, call: _Call) -> Any:
        return self.types["ServerLiveResponse"](live=True)

    async def _ServerReady(self, call: _Call) -> Any:
        is_ready = not self.services.is_draining and self.services.repository.is_ready
        return self.types["ServerReadyResponse"](ready=is_ready)

    async def _ServerMetadata(self, call: _Call) -> Any:
        return self.types["ServerMetadataResponse"](name="cityzoo", version=__version__)

    def _find(self, call: _Call) -> ServedModel:
        name, version = call.message.name, parse_version(call.message.version or None)
        self.services.authorize(call.request, "read", name)
        return self.services.repository.route(name, version, call.request_id).primary

    async def _ModelReady(self, call: _Call) -> Any:
        self._find(call)
        return self.types["ModelReadyResponse"](ready=True)

    async def _ModelMetadata(self, call: _Call) -> Any:
        about = describe_model(self.services, self._find(call), call.message.version or None)
        tensor = self.types["TensorMetadata"]
        for side in ("inputs", "outputs"):
            about[side] = [tensor(**row) for row in about[side]]
        return self.types["ModelMetadataResponse"](**about)

    async def _ModelInfer(self, call: _Call) -> Any:
        message = call.message
        run = self.inference.begin(
            call.request, message.model_name, parse_version(message.model_version or None)
        )
        asked = read_message(message)
        prepare = functools.partial(read_examples, asked)
        return await self.inference.run(run, prepare, functools.partial(self._respond, asked))

    def _respond(
        self, asked: InferRequest, model: ServedModel, examples: Examples, outputs: Mapping[str, np.ndarray]
    ) -> tuple[Any, None]:
        for name in asked.outputs:
            if name not in outputs:
                raise HttpError(400, f"output '{name[:60]}': this model has {', '.join(outputs)}")
        found = self.types["ModelInferResponse"](
            model_name=model.name, model_version=str(model.version), id=asked.id or ""
        )
        for name in asked.outputs or outputs:
            array = np.ascontiguousarray(outputs[name])
            found.outputs.add(name=name, datatype=DATATYPES[array.dtype.name], shape=array.shape)
            found.raw_output_contents.append(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return found, None


def read_message(message: Any) -> InferRequest:
    """Return the request that a ModelInferRequest holds.

    Raises:
        HttpError: 400, tensors without data, or data that does not fit.
    """
    asked = InferRequest(id=message.id, outputs=[output.name for output in message.outputs])
    raw = list(message.raw_input_contents)
    if not message.inputs or (raw and len(raw) != len(message.inputs)):
        raise HttpError(
            400, f"{len(message.inputs)} inputs and {len(raw)} raw contents: send as many of both"
        )
    for place, tensor in enumerate(message.inputs):
        about = {"shape": list(tensor.shape), "datatype": tensor.datatype}
        if raw:
            data: Any = memoryview(raw[place])
        elif tensor.datatype == BYTES:
            files = tensor.contents.bytes_contents
            data = memoryview(b"".join(len(file).to_bytes(4, "little") + file for file in files))
        else:
            name = CONTENTS.get(DTYPES.get(tensor.datatype, ""), "")
            data = list(getattr(tensor.contents, name, ()))
        add_input(asked, tensor.name, about, data)
    return asked
