"""HTTP for uvicorn that closes connections whose request line and headers do not arrive in time (slowloris)."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


def protocol_with_timeout(seconds: float) -> type[HttpToolsProtocol]:
    """Return the protocol class to give to uvicorn.

    Args:
        seconds: from the connection, or the first byte of a further request on it, to the end of the headers.
    """

    class HttpProtocol(HttpToolsProtocol):
        _headers_due: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait_for_headers()

        def _wait_for_headers(self) -> None:
            self._stop_waiting()
            self._headers_due = self.loop.call_later(seconds, self.transport.close)

        def _stop_waiting(self) -> None:
            if self._headers_due is not None:
                self._headers_due.cancel()
                self._headers_due = None

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self._headers_due is None:
                self._wait_for_headers()

        def on_headers_complete(self) -> None:
            self._stop_waiting()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

    return HttpProtocol
