"""ASGI middleware: request ids, size and time of bodies, the last resort for errors, one log line a request."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cityzoo.monitor.json_logs import HEADER, REQUEST_ID, TRACE_HEADER, choose_request_id
from cityzoo.serve.http_errors import HttpError

LOG = logging.getLogger("cityzoo.serve.requests")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
DOCUMENTATION = ("/docs", "/redoc")  # pages of FastAPI, with a script inside
UNREAD = (408, 413)  # what is left of the body is not read
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    ),
]


class RequestLimits:
    """Limit bodies and give every request an id.

    Args:
        app: what answers.
        max_body_bytes: counted while they arrive, since Content-Length may lie or be missing.
        read_seconds: for the whole body, so that a slow client cannot hold a connection.
    """

    def __init__(self, app: App, max_body_bytes: int, read_seconds: float) -> None:
        self.app, self.max_body_bytes, self.read_seconds = app, max_body_bytes, read_seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        ids = {name: headers.get(name.encode(), b"").decode("latin-1") for name in (HEADER, TRACE_HEADER)}
        request_id = choose_request_id(ids)
        scope["request_id"] = request_id
        answered = _Answered(send, request_id, scope["path"])
        started = time.perf_counter()
        token = REQUEST_ID.set(request_id)
        try:
            self._check_length(headers.get(b"content-length"))
            await self.app(scope, self._limited(receive), answered)
        except HttpError as error:
            await answered.error(error.status, error.message)
        except Exception:  # the last resort: the client learns the id, the log the traceback
            LOG.exception("request %s failed", request_id)
            await answered.error(500, f"internal error: see request {request_id} in the server's log")
        finally:
            _log(scope, answered.status, time.perf_counter() - started)
            REQUEST_ID.reset(token)

    def _check_length(self, header: bytes | None) -> None:
        if header is not None and header.isdigit() and int(header) > self.max_body_bytes:
            raise self._too_large()

    def _too_large(self) -> HttpError:
        return HttpError(
            413, f"the body is larger than the {self.max_body_bytes} bytes that are allowed: send less"
        )

    def _limited(self, receive: Receive) -> Receive:
        received, until = 0, time.monotonic() + self.read_seconds
        is_complete = False

        async def limited() -> Message:
            nonlocal received, is_complete
            if is_complete:  # what comes now is the end of the connection, which may take its time
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(until - time.monotonic(), 0))
            except asyncio.TimeoutError:
                raise HttpError(
                    408, f"the body took more than {self.read_seconds:g} s: send it faster"
                ) from None
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received > self.max_body_bytes:
                raise self._too_large()
            return message

        return limited


class _Answered:
    """Sends a response with the headers that all have."""

    def __init__(self, send: Send, request_id: str, path: str) -> None:
        self._send, self._request_id, self.status = send, request_id, 0
        self._is_strict = path not in DOCUMENTATION

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            ours = [(b"x-request-id", self._request_id.encode()), *SECURITY_HEADERS]
            if self.status in UNREAD:
                ours.append((b"connection", b"close"))
            ours = ours if self._is_strict else [row for row in ours if row[0] != b"content-security-policy"]
            names = {name.lower() for name, _ in message.get("headers", [])}
            kept = [row for row in ours if row[0] not in names]
            message = {**message, "headers": [*message.get("headers", []), *kept]}
        await self._send(message)

    async def error(self, status: int, text: str) -> None:
        if self.status:
            return  # a part of a response is out already
        body = json.dumps({"error": text}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _log(scope: Message, status: int, seconds: float) -> None:
    client = scope.get("client")
    about = {
        "request_id": scope["request_id"],
        "client": client[0] if client else "",
        "method": scope["method"],
        "path": scope["path"],
        "status": status or 499,
        "seconds": round(seconds, 4),
    }
    level = logging.WARNING if status >= 500 else logging.INFO
    LOG.log(level, "%(method)s %(path)s %(status)s %(seconds).3f s %(request_id)s", about, extra=about)
