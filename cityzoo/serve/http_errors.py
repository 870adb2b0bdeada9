"""The error of a request, with the status code that its client gets."""

from __future__ import annotations

from collections.abc import Mapping


class HttpError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: HTTP status code, 400 to 599.
        message: one line for the client: what was received, what is allowed, the next step.
        headers: of the response, such as Retry-After.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})
