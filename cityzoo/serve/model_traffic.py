"""One model at work: which of its versions answers, and what follows when a canary or shadow breaks a rule."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.serve.http_errors import HttpError
from cityzoo.serve.traffic import NAME, Share, Traffic, read_traffic, update_traffic
from cityzoo.serve.traffic_route import Route, is_chosen
from cityzoo.serve.traffic_rules import TrafficWindow, find_breach
from cityzoo.serve.version_states import (
    AVAILABLE,
    CLOSING,
    DRAINING,
    LOADING,
    READY,
    REFUSED,
    SHOWN,
    VersionStates,
)

LOG = logging.getLogger(__name__)
SERVER = "server"
Event = dict[str, Any]


class ModelTraffic:
    """Serve the versions of one model as traffic.json and its rules say.

    Attributes:
        active: the stable version that answers now; None if none is ready.
        traffic: what traffic.json says.
        window: the last requests.
        problem: what is wrong with traffic.json.
    """

    def __init__(
        self, name: str, make: Callable[[str, int, Path], Any], announce: Callable[[Event], None]
    ) -> None:
        self.name, self._announce = name, announce
        self.versions = VersionStates(name, make, self._report)
        self.active: int | None = None
        self.traffic, self.window, self.problem = Traffic(), TrafficWindow(), ""
        self._replaced: int | None = None  # the stable version before
        self._switched = 0.0  # when, on the monotonic clock
        self._folder: Path | None = None  # of traffic.json; None for a model in no repository
        self._stamp: tuple[int, int] | None = None
        self._traffic_lock = threading.RLock()

    def refresh(self, paths: Mapping[int, Path]) -> list[Callable[[], None]]:
        """Read new versions and traffic.json, apply the rules, switch to what is ready; return the slow work.

        Args:
            paths: version -> path; empty: the model is gone.
        """
        for number, path in paths.items():
            self._folder = path.parent if path.name == str(number) else None
        self._read_traffic()
        self.versions.take_over(paths)
        self._apply_rules()
        return self._apply_plan()

    def _read_traffic(self) -> None:
        if self._folder is None:
            return
        with self._traffic_lock:
            stamp = _read_stamp(self._folder)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._replace_traffic(read_traffic(self._folder))
                self.problem = ""
            except (InputError, OSError) as error:
                self.problem = str(error)
                LOG.warning("%s; what was read before stays", error)

    def _replace_traffic(self, traffic: Traffic) -> None:
        if (traffic.canary, traffic.shadow) != (self.traffic.canary, self.traffic.shadow):
            self.window.clear()  # versions are compared under the same load
        self.traffic = traffic

    def change(self, change: Callable[[Traffic], Traffic]) -> None:
        """Change traffic.json; where it cannot be written, as in a read-only image, the change holds in memory."""
        with self._traffic_lock:
            try:
                changed = update_traffic(self._folder, change) if self._folder else change(self.traffic)
            except (OSError, InputError) as error:
                changed = change(self.traffic)  # raises again what the change itself refuses
                LOG.warning("model %s: only this server knows of the change: %s", self.name, error)
            self._replace_traffic(changed)
            self._stamp = _read_stamp(self._folder) if self._folder else None

    def _apply_rules(self) -> None:
        """Withdraw a canary or shadow that was refused or breaks a rule, and a new stable version that fails."""
        if (reason := self._find_failure()) and self.active is not None and self._replaced is not None:
            self._withdraw(self.active, f"new stable version: {reason}", stable=self._replaced)
        for kind, share in self._shares():
            reason = self.versions.reason(share.version)
            if self.active is not None and self.versions.state(share.version) == READY:
                reason = find_breach(self.window, self.traffic.rules, share.version, self.active)
            if reason:
                self._withdraw(share.version, f"{kind}: {reason}")

    def _find_failure(self) -> str:
        """Return why the version that has just become the stable one is worse than the one before, by errors alone."""
        is_new = time.monotonic() - self._switched < self.traffic.rules["window_seconds"]
        if self.active is None or self._replaced not in self.versions.present or not is_new:
            return ""
        if self.traffic.pinned or self._replaced in self.traffic.withdrawn:
            return ""
        rules = {**self.traffic.rules, "min_requests": float("inf")}  # latency depends on the hour
        return find_breach(self.window, rules, self.active, self._replaced)

    def _shares(self) -> list[tuple[str, Share]]:
        named = (("canary", self.traffic.canary), ("shadow", self.traffic.shadow))
        return [(kind, share) for kind, share in named if share]

    def _withdraw(self, number: int, reason: str, stable: int | None = None) -> None:
        def change(traffic: Traffic) -> Traffic:  # another replica may have been faster
            return (
                traffic if number in traffic.withdrawn else traffic.withdraw(number, SERVER, reason, stable)
            )

        self.change(change)
        self._report("rollback", number, reason)

    def target(self) -> int | None:
        """Return the stable version as it should be: the first candidate that was not refused."""
        candidates = self.traffic.candidates(self.versions.present) if self.traffic.enabled else []
        return next((v for v in candidates if self.versions.state(v) != REFUSED), None)

    def _apply_plan(self) -> list[Callable[[], None]]:
        target, old = self.target(), self.active
        with self.versions.lock:
            if target is None or old not in self.versions.present:
                self.active = None
            if target is not None and self.versions.state(target) in (READY, DRAINING):
                self.active = target
            wanted = {share.version for _, share in self._shares()} | {*self.traffic.also_loaded}
            wanted = wanted & self.versions.present if self.traffic.enabled else set()
            work = self.versions.require(wanted | {v for v in (target, self.active) if v is not None})
        if self.active is not None and self.active != old:
            self._replaced, self._switched = old, time.monotonic()
            self._record_switch(old, self.active)
        return work

    def _record_switch(self, old: int | None, new: int) -> None:
        reason = f"ready, replaces version {old}" if old else "ready"

        def change(traffic: Traffic) -> Traffic:
            return (
                traffic
                if traffic.stable == new
                else traffic.record("switch", new, reason, SERVER, stable=new)
            )

        if old is not None:
            self.change(change)
        self._report("switch", new, reason)

    def _report(self, event: str, version: int, reason: str) -> None:
        if event == "refused" and version not in {share.version for _, share in self._shares()}:
            self.change(lambda traffic: traffic.refuse(version, SERVER, reason))  # `models list` shows it
        self._announce(
            {"event": event, "model": self.name, "version": version, "reason": reason, "by": SERVER}
        )

    def route(self, version: int | None, key: str) -> Route:
        """Return the versions that answer a request; see `ModelRepository.route`."""
        if version is not None:
            return Route(self.name, self.versions.take(version))
        with self.versions.lock:
            active = self.active
            if active is None:
                raise self._unavailable()
            for kind, share in self._shares():
                ready = share.version != active and self.versions.state(share.version) == READY
                if ready and is_chosen(self.name, share, key):
                    stable, other = self.versions.take(active), self.versions.take(share.version)
                    if kind == "canary":
                        return Route(self.name, other, shadow=stable, is_canary=True)
                    return Route(self.name, stable, shadow=other)
            return Route(self.name, self.versions.take(active))

    def _unavailable(self) -> HttpError:
        if not self.traffic.enabled:
            return HttpError(
                503, f"model '{self.name}' is unloaded: python -m cityzoo models MODELS load {self.name}"
            )
        if self.is_settled:
            reasons = "; ".join(f"version {v.number}: {v.reason}" for v in self.versions.all() if v.reason)
            return HttpError(503, f"model '{self.name}' has no version that may be served: {reasons}")
        return HttpError(503, f"model '{self.name}' is loading: try again soon", {"Retry-After": "2"})

    @property
    def is_settled(self) -> bool:
        """Whether waiting changes nothing: a version answers, or none is left to be loaded."""
        return self.target() in (None, self.active)

    def is_loaded(self, number: int | None = None) -> bool:
        """Return whether a version, or any, takes memory."""
        states = (LOADING, READY, DRAINING, CLOSING)
        return any(v.state in states for v in self.versions.all() if number in (None, v.number))

    def index(self) -> list[dict[str, Any]]:
        """Return a row for each version: name, version, state in Triton's words, reason, part of the traffic."""
        parts = {share.version: f"{kind} {share.percent:g} %" for kind, share in self._shares()}
        if self.active is not None:
            parts[self.active] = "stable"
        rows = []
        for version in self.versions.all():
            reason = f"refused: {version.reason}" if version.state == REFUSED else ""
            if version.state == AVAILABLE:
                reason = "rolled back" if version.number in self.traffic.withdrawn else "not in the traffic"
            reason = self.problem if self.problem and version.number == self.active else reason
            row = {"name": self.name, "version": str(version.number), "reason": reason}
            state = SHOWN.get(version.state, "UNAVAILABLE")
            rows.append(row | {"state": state, "traffic": parts.get(version.number, "")})
        return rows


def _read_stamp(folder: Path) -> tuple[int, int] | None:
    try:
        stat = os.stat(folder / NAME)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
