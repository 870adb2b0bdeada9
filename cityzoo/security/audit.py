"""The audit log: lines that are only appended, each of which holds the hash of the line before."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.security.audit_lines import START, hash_line, read_number, split_line
from cityzoo.security.refusal import Refused

LONGEST = 65_536  # bytes of a line


class AuditLog:
    """Append events; safe for threads, and for several processes that share the file.

    A line is written at once, so that it survives the end of the process; at most `sync_seconds` of them may be lost
    when the machine loses its power. When the file was moved away (logrotate), a new one continues with its last hash.
    """

    def __init__(
        self,
        path: Path,
        key: bytes | None = None,
        sync_seconds: float = 1.0,
        mask: Callable[[str], str] = str,
    ) -> None:
        """Open or create a log, readable by its owner only.

        Args:
            path: of the file.
            key: for HMAC-SHA256 in place of SHA-256: without it nobody can compute the chain again after a change.
            sync_seconds: longest time until lines are forced to the disk; 0: each of them.
            mask: of all texts of events, such as one that hides phone numbers.

        Raises:
            InputError: it cannot be written, or its end is not a line of an audit log.
        """
        self._path, self._key, self._mask, self._sync = path, key, mask, sync_seconds
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._descriptor, self._size, self._last, self._count = -1, -1, START, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            with self._exclusive():
                self._catch_up()
        except OSError as error:
            raise InputError(
                f"the audit log '{path}' cannot be written ({error.strerror}): give --audit-log another file"
            ) from error
        if sync_seconds:
            threading.Thread(target=self._sync_now_and_then, name="audit", daemon=True).start()

    def append(self, event: Mapping[str, Any]) -> None:
        """Write an event with its number, its time (UTC) and the hash of the line before.

        Raises:
            Refused: 503, the disk is full or gone; what cannot be recorded is not to be answered.
        """
        masked = _masked(event, self._mask)
        with self._lock:
            try:
                if not _is_same(self._descriptor, self._path):
                    os.close(self._descriptor)
                    self._open()
                with self._exclusive():
                    self._catch_up()
                    self._write(masked)
                if not self._sync:
                    os.fsync(self._descriptor)
            except OSError as error:
                raise Refused(503, "the audit log cannot be written", reason="audit") from error

    def close(self) -> None:
        """Force everything to the disk and close the file."""
        self._stopped.set()
        with self._lock:
            if self._descriptor >= 0:
                os.fsync(self._descriptor)
                os.close(self._descriptor)
                self._descriptor = -1

    def _sync_now_and_then(self) -> None:
        synced = -1
        while not self._stopped.wait(self._sync):
            with self._lock:
                count, descriptor = self._count, os.dup(self._descriptor) if self._descriptor >= 0 else -1
            if descriptor >= 0:
                with contextlib.suppress(OSError):  # the next line to be written shows it
                    if count != synced:
                        os.fsync(descriptor)
                os.close(descriptor)
            synced = count

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._descriptor, self._size = os.open(self._path, flags, 0o600), 0

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:  # Windows: one process per file
            yield
            return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size in (self._size, 0):
            self._size = size
            return
        start = max(0, size - LONGEST - 1)
        whole, newline, torn = os.pread(self._descriptor, size - start, start).rpartition(b"\n")
        if not newline and start:
            raise InputError(f"'{self._path}' is no audit log: give another file")
        if torn:  # a line that was being written when the power failed
            os.ftruncate(self._descriptor, size - len(torn))
        last = whole.rpartition(b"\n")[2].decode(errors="replace")
        if last:
            self._count, self._last = read_number(last, self._path), split_line(last)[1]
        self._size = size - len(torn)
        if torn:
            self._write({"recovered": f"{len(torn)} bytes of a line that was not finished were removed"})

    def _write(self, event: Mapping[str, Any]) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        row = {"n": self._count + 1, "time": now, "event": event, "previous": self._last}
        body = json.dumps(row, separators=(",", ":"), default=str)
        if len(body) > LONGEST - 100:
            return self._write({"too_long": len(body), "begin": body[:1000]})
        found = hash_line(body, self._key)
        line = f'{body[:-1]},"hash":"{found}"}}\n'.encode()
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(28, "the line was not written whole")
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size, self._last, self._count = self._size + len(line), found, self._count + 1


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _masked(item, mask) for name, item in value.items()}
    if isinstance(value, str):
        return mask(value)
    return [_masked(item, mask) for item in value] if isinstance(value, Iterable) else value


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
