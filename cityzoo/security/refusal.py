"""The one error of requests that are not allowed."""

from __future__ import annotations

from collections.abc import Mapping


class Refused(Exception):
    """Refuse a request: 401 unknown caller, 403 no right, 429 too much.

    Attributes:
        status: HTTP status.
        message: one line for the client; it never says what a key or a token should have been.
        headers: of the response.
        reason: one word for the metric of refused requests.
    """

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})
        self.reason = reason or {401: "unknown", 403: "forbidden", 429: "limited"}.get(status, "refused")


def make_unauthorized(message: str, reason: str) -> Refused:
    """Return the error for a request without valid credentials.

    Example:
        >>> make_unauthorized("the key is not valid", "key").headers
        {'WWW-Authenticate': 'Bearer realm="cityzoo"'}
    """
    return Refused(401, message, {"WWW-Authenticate": 'Bearer realm="cityzoo"'}, reason)
