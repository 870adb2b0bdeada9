"""The versions of one model and their states: loaded in the background, lent to requests, drained, closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.serve.freed_memory import release_memory
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.model_folders import read_stamp
from cityzoo.serve.traffic_route import Lease

AVAILABLE, LOADING, READY, REFUSED = "available", "loading", "ready", "refused"
DRAINING, CLOSING = "draining", "closing"
SHOWN = {LOADING: "LOADING", READY: "READY", DRAINING: "UNLOADING", CLOSING: "UNLOADING"}  # Triton's words
DRAIN_SECONDS = 30.0  # after which a version is closed although requests are in flight
Work = Callable[[], None]


@dataclass
class Version:
    """One version; changed under the lock of its model alone."""

    number: int
    path: Path
    state: str = AVAILABLE
    reason: str = ""
    served: Any = None
    in_flight: int = 0
    drain_until: float = 0.0
    stamp: Any = None  # of its files, when loading began


class VersionStates:
    """Keep the versions of a model in the states that are wanted.

    Args:
        name: of the model.
        make: (name, version, path) -> a model with `load()` and `close()`.
        report: called as (event, version, reason).
    """

    def __init__(
        self, name: str, make: Callable[[str, int, Path], Any], report: Callable[[str, int, str], None]
    ) -> None:
        self.name, self._make, self._report = name, make, report
        self._versions: dict[int, Version] = {}
        self.present: set[int] = set()  # whose folders are there
        self.lock = threading.RLock()

    def take_over(self, paths: Mapping[int, Path]) -> None:
        """Add new versions, forget those whose folder is gone, and give refused ones that changed another chance."""
        with self.lock:
            self.present = set(paths)
            for number, path in paths.items():
                self._versions.setdefault(number, Version(number, path))
            for version in list(self._versions.values()):
                if version.number not in self.present and version.state in (AVAILABLE, REFUSED):
                    del self._versions[version.number]
                elif version.state == REFUSED and version.stamp != read_stamp(version.path):
                    self.retry(version.number)

    def retry(self, number: int | None = None) -> None:
        """Forget why a version, or any, was refused."""
        with self.lock:
            for version in self._versions.values():
                if version.state == REFUSED and number in (None, version.number):
                    version.state, version.reason = AVAILABLE, ""

    def require(self, wanted: set[int]) -> list[Work]:
        """Move each version a step towards being loaded if it is wanted, or closed if not; return the slow work."""
        with self.lock:
            steps = [self._step(each, each.number in wanted) for each in self._versions.values()]
        return [work for work in steps if work is not None]

    def _step(self, version: Version, is_wanted: bool) -> Work | None:
        if is_wanted and version.state == AVAILABLE:
            version.state = LOADING
            return lambda: self._load(version)
        if is_wanted and version.state == DRAINING:
            version.state = READY  # not closed yet: a roll-back needs no load
        elif not is_wanted and version.state == READY:
            version.state, version.drain_until = DRAINING, time.monotonic() + DRAIN_SECONDS
        if version.state == DRAINING and (not version.in_flight or time.monotonic() > version.drain_until):
            version.state = CLOSING
            return lambda: self._close(version)
        return None

    def _load(self, version: Version) -> None:
        started = time.monotonic()
        try:
            version.stamp = read_stamp(version.path)
            served = self._make(self.name, version.number, version.path)
            served.load()
        except Exception as error:  # noqa: BLE001 - a version that cannot be served must not end the server
            reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            reason = reason.replace(str(version.path), f"{self.name}/{version.number}")  # clients read it
            with self.lock:
                version.state, version.reason = REFUSED, reason
            self._report("refused", version.number, reason)
            return
        release_memory()
        with self.lock:
            version.state, version.reason, version.served = READY, "", served
        self._report("loaded", version.number, f"ready after {time.monotonic() - started:.1f} s")

    def _close(self, version: Version) -> None:
        version.served.close()
        with self.lock:
            version.served, version.state = None, AVAILABLE
        release_memory()
        self._report("unloaded", version.number, "not in the traffic any more")

    def take(self, number: int) -> Lease:
        """Lend a loaded version to a request, until the lease is given back.

        Raises:
            HttpError: 404 no such version, 503 not loaded.
        """
        with self.lock:
            self.require_known(number)
            version = self._versions[number]
            if version.state != READY:
                raise self._not_ready(version)
            version.in_flight += 1
            return Lease(number, version.served, lambda: self._give_back(version))

    def _give_back(self, version: Version) -> None:
        with self.lock:
            version.in_flight -= 1

    def require_known(self, number: int | None) -> None:
        """Check that a version exists, if one is named.

        Raises:
            HttpError: 404 it does not.
        """
        if number is not None and number not in self.present:
            known = ", ".join(map(str, sorted(self.present)))
            raise HttpError(404, f"model '{self.name}' has no version {number}: it has {known}")

    def _not_ready(self, version: Version) -> HttpError:
        what = f"model '{self.name}' version {version.number}"
        if version.state == LOADING:
            return HttpError(503, f"{what} is loading: try again soon", {"Retry-After": "2"})
        if version.state == REFUSED:
            return HttpError(503, f"{what} is not served: {version.reason}")
        return HttpError(503, f"{what} is not loaded: load it, or leave out the version")

    def state(self, number: int) -> str:
        """Return the state of a version; AVAILABLE for an unknown one."""
        version = self._versions.get(number)
        return version.state if version else AVAILABLE

    def reason(self, number: int) -> str:
        """Return why a version was refused, or ""."""
        version = self._versions.get(number)
        return version.reason if version else ""

    def all(self) -> list[Version]:
        """Return every version, the lowest first."""
        with self.lock:
            return sorted(self._versions.values(), key=lambda version: version.number)

    def close(self) -> None:
        """Close all loaded versions."""
        for version in self.all():
            if version.served is not None:
                version.served.close()
