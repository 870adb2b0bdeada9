"""A file with one JSON document a line, which is rotated when it is large."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from cityzoo.errors import InputError

LOG = logging.getLogger(__name__)


class JsonLinesSink:
    """Append events; a line is written at once and whole.

    Args:
        path: of the file; older ones are PATH.1 (the newest of them), PATH.2, ...
        most_bytes: of a file; None: without limit.
        kept: older files.
        accepts: whether an event is for this file.
        convert: of an event before it is written; None drops it.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        most_bytes: float | None = None,
        kept: int = 5,
        accepts: Callable[[Mapping[str, Any]], bool] = lambda event: True,
        convert: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = lambda event: event,
    ) -> None:
        self.path, self.most_bytes, self.kept = path, most_bytes, kept
        self.accepts, self.convert = accepts, convert
        self.sent = self.lost = 0
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: TextIO = self._open()
        except OSError as error:
            raise InputError(f"'{path}' cannot be written ({error.strerror}): give another file") from error

    def send(self, event: Mapping[str, Any]) -> None:
        """Append an event; what the disk has no room for is counted as lost."""
        document = self.convert(event) if self.accepts(event) else None
        if document is None:
            return
        with self._lock:
            try:
                line = json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"
                if self.most_bytes and self._file.tell() + len(line.encode()) > self.most_bytes:
                    self._rotate()
                self._file.write(line)
                self._file.flush()
                self.sent += 1
            except (OSError, ValueError, TypeError) as error:  # a full disk, or NaN
                self.lost += 1
                if self.lost == 1:
                    LOG.warning("WARNING: '%s' cannot be written (%s): events are lost", self.path, error)

    def close(self, seconds: float = 0.0) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def summary(self) -> dict[str, Any]:
        """Return what was written and lost."""
        return {"sink": str(self.path.name), "sent": self.sent, "lost": self.lost}

    def _open(self) -> TextIO:
        return self.path.open("a", encoding="utf-8")

    def _rotate(self) -> None:
        if not self._file.tell():
            return
        self._file.close()
        for number in range(self.kept - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            if older.exists():
                os.replace(older, self.path.with_name(f"{self.path.name}.{number + 1}"))
        if self.kept:
            os.replace(self.path, self.path.with_name(f"{self.path.name}.1"))
        else:
            self.path.unlink()
        self._file = self._open()
