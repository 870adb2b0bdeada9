"""Logs as lines of JSON, each with the id of the request it belongs to."""

from __future__ import annotations

import json
import logging
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from typing import TextIO

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
HEADER, TRACE_HEADER = "x-request-id", "traceparent"
_SAFE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "color_message"}  # not of `extra`
LIBRARIES = ("uvicorn", "uvicorn.access", "uvicorn.error")  # have handlers of their own


class JsonFormatter(logging.Formatter):
    """Format a record as one line of JSON: time, level, logger, message, request_id, and what `extra` holds."""

    def __init__(self, mask: Callable[[str], str] | None = None) -> None:
        """Start; `mask` replaces what must not be logged in every text, e.g. `cityzoo.redact`'s."""
        super().__init__()
        self._mask = mask or (lambda text: text)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        row = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._mask(record.getMessage()),
        }
        if REQUEST_ID.get():
            row["request_id"] = REQUEST_ID.get()
        for name, value in record.__dict__.items():
            if name not in STANDARD:
                row.setdefault(name, self._mask(value) if isinstance(value, str) else value)
        if record.exc_info:
            row["error"] = self._mask(self.formatException(record.exc_info))
        return json.dumps(row, default=str)


def start_json_logs(
    stream: TextIO | None = None, level: int = logging.INFO, mask: Callable[[str], str] | None = None
) -> None:
    """Write all logs of this process as lines of JSON, those of uvicorn too.

    Args:
        stream: to write to; standard error by default.
        level: lowest level written.
        mask: see `JsonFormatter`.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(mask))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in LIBRARIES:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def choose_request_id(headers: Mapping[str, str]) -> str:
    """Return the id of a request: its own, that of its trace, or a new one.

    A client's id is taken only if it is short and plain, as it goes into logs.

    Args:
        headers: with names in lower case.

    Example:
        >>> choose_request_id({"x-request-id": "job-7"})
        'job-7'
        >>> choose_request_id({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
        '4bf92f3577b34da6a3ce929d0e0e4736'
        >>> len(choose_request_id({"x-request-id": "two words"}))
        32
    """
    if _SAFE.fullmatch(headers.get(HEADER, "")):
        return headers[HEADER]
    trace = _TRACE.fullmatch(headers.get(TRACE_HEADER, ""))
    return trace[1] if trace else uuid.uuid4().hex


@contextmanager
def request_id(name: str) -> Iterator[None]:
    """Mark everything that is logged within as belonging to a request.

    Example:
        >>> with request_id("job-7"):
        ...     REQUEST_ID.get()
        'job-7'
    """
    token = REQUEST_ID.set(name)
    try:
        yield
    finally:
        REQUEST_ID.reset(token)
