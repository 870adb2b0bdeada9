"""Which versions of a model answer: stable, canary and shadow, and the history of decisions, in traffic.json."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file

NAME, LOCK = "traffic.json", ".traffic.lock"
HISTORY = 200  # decisions that are kept
DEFAULT_RULES: dict[str, float] = {
    "window_seconds": 300.0,  # only requests of the last five minutes count
    "min_requests": 20,  # of a version, before its latency and agreement count
    "min_errors": 5,  # before its error rate counts
    "max_error_rate": 0.02,  # above the stable version's
    "max_latency_ratio": 2.0,  # of the 95th percentiles, to the stable version's
    "latency_slack_seconds": 0.02,  # a difference of p95 that is never slow
    "min_agreement": 0.8,  # mean with the stable version's answers
}


@dataclass(frozen=True)
class Share:
    """A version that sees a share of the requests, as a canary (its answers are returned) or as a shadow."""

    version: int
    percent: float


@dataclass(frozen=True)
class Traffic:
    """The content of traffic.json; every change returns a new one, with its entry in the history."""

    stable: int | None = None  # None: the newest version
    pinned: bool = False  # newer versions do not replace the stable one
    canary: Share | None = None
    shadow: Share | None = None
    rules: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_RULES))
    withdrawn: tuple[int, ...] = ()  # rolled back: served only if asked for again
    also_loaded: tuple[int, ...] = ()  # answer requests that name them
    enabled: bool = True  # False: no version is loaded
    history: tuple[dict[str, Any], ...] = ()

    def candidates(self, versions: Iterable[int]) -> list[int]:
        """Return the versions that may be the stable one, the most wanted first.

        Example:
            >>> Traffic(stable=2, withdrawn=(4,)).candidates([1, 2, 3, 4])
            [3, 2, 1]
            >>> Traffic(stable=2, pinned=True).candidates([1, 2, 3, 4])
            [2]
            >>> Traffic(stable=1, canary=Share(2, 10)).candidates([1, 2])
            [1]
        """
        versions = set(versions)
        if self.pinned and self.stable is not None:
            return [self.stable] if self.stable in versions else []
        shared = {share.version for share in (self.canary, self.shadow) if share}
        free = {v for v in versions if v not in self.withdrawn and v not in shared}
        return sorted(free | (versions & {self.stable}), reverse=True)

    def record(self, event: str, version: int | None, reason: str, by: str, **changes: Any) -> Traffic:
        """Return a changed copy whose history ends with this decision."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        entry = {"time": now, "event": event, "version": version, "reason": reason, "by": by}
        return dataclasses.replace(self, history=(*self.history, entry)[-HISTORY:], **changes)

    def previous(self, versions: Iterable[int]) -> int:
        """Return the version to roll back to: the stable one before, else the next lower one.

        Raises:
            InputError: there is none.
        """
        candidates = dataclasses.replace(self, pinned=False).candidates(versions)
        current = self.stable if self.pinned or not candidates else candidates[0]
        older = [v for v in candidates if v != current]
        before = [e["version"] for e in self.history if e.get("event") in ("switch", "promote", "pin")]
        found = [v for v in reversed(before) if v in older] or [v for v in older if v < (current or 0)]
        if not found:
            raise InputError(
                f"version {current} has no other one to roll back to: add one, or unload the model"
            )
        return found[0]

    def start_share(
        self, kind: str, version: int, percent: float, by: str, versions: Iterable[int]
    ) -> Traffic:
        """Send a share of the requests to a version; kind is "canary" or "shadow".

        Raises:
            InputError: no other version may be the stable one.
        """
        others = [v for v in self.candidates(versions) if v != version]
        if not others:
            raise InputError(
                f"version {version} is the only one that may answer: a {kind} needs a stable one"
            )
        stable = others[0] if self.stable in (None, version) else self.stable
        replaced = {share.version for share in (getattr(self, kind),) if share}
        withdrawn = tuple(
            sorted(({*self.withdrawn} | replaced) - {version})
        )  # no share becomes stable by itself
        shares = self._end_shares(version) | {kind: Share(version, percent)}
        reason = f"{percent:g} % of requests"
        return self.record(kind, version, reason, by, stable=stable, withdrawn=withdrawn, **shares)

    def promote(
        self, version: int, by: str, versions: Iterable[int] = (), pinned: bool | None = None
    ) -> Traffic:
        """Make a version the stable one; newer ones are withdrawn, other than canary and shadow."""
        shared = {share.version for share in (self.canary, self.shadow) if share}
        newer = {v for v in versions if v > version and v not in shared}
        changes = self._end_shares(version) | {
            "stable": version,
            "pinned": self.pinned if pinned is None else pinned,
            "withdrawn": tuple(sorted(({*self.withdrawn} | newer) - {version})),
        }
        return self.record("pin" if pinned else "promote", version, "requested", by, **changes)

    def withdraw(self, version: int, by: str, reason: str, stable: int | None = None) -> Traffic:
        """Take a version out of the traffic; `stable` replaces it if it was the stable one."""
        changes: dict[str, Any] = self._end_shares(version)
        changes |= {} if stable is None else {"stable": stable}
        withdrawn = tuple(sorted({*self.withdrawn, version}))
        return self.record("rollback", version, reason, by, withdrawn=withdrawn, **changes)

    def refuse(self, version: int, by: str, reason: str) -> Traffic:
        """Record why a version was not loaded, once."""
        if self.refusal(version) == reason:
            return self
        return self.record("refused", version, reason, by)

    def refusal(self, version: int) -> str:
        """Return why a version was refused when it was last heard of, or ""."""
        last: dict[str, Any] = next(
            (entry for entry in reversed(self.history) if entry.get("version") == version), {}
        )
        return str(last.get("reason")) if last.get("event") == "refused" else ""

    def load(self, version: int | None, by: str) -> Traffic:
        """Load a version also, or the model again; a version that was rolled back stays out of the traffic."""
        loaded = self.also_loaded if version is None else tuple(sorted({*self.also_loaded, version}))
        return self.record("load", version, "requested", by, enabled=True, also_loaded=loaded)

    def unload(self, version: int | None, by: str) -> Traffic:
        """Unload a version that is not the stable one, or the model."""
        if version is None:
            return self.record("unload", None, "requested", by, enabled=False)
        if version == self.stable:
            raise InputError(f"version {version} is the stable one: promote another, or unload the model")
        changes = self._end_shares(version) | {
            "also_loaded": tuple(v for v in self.also_loaded if v != version),
            "withdrawn": tuple(sorted({*self.withdrawn, version})),
        }
        return self.record("unload", version, "requested", by, **changes)

    def _end_shares(self, version: int) -> dict[str, Any]:
        shares = {"canary": self.canary, "shadow": self.shadow}
        return {kind: None for kind, share in shares.items() if share and share.version == version}


def _share(value: Any, what: str) -> Share | None:
    if value is None:
        return None
    share = Share(int(value["version"]), float(value["percent"]))
    if share.version < 1 or not 0 <= share.percent <= 100:
        raise InputError(f"{what}: expected a version from 1 and 0 to 100 percent, not {value}")
    return share


def _rules(given: dict[str, Any]) -> dict[str, float]:
    if unknown := sorted(set(given) - set(DEFAULT_RULES)):
        raise InputError(f"unknown rule '{unknown[0]}': allowed are {', '.join(DEFAULT_RULES)}")
    return DEFAULT_RULES | {name: float(value) for name, value in given.items()}


def parse_traffic(text: str, source: str = NAME) -> Traffic:
    """Read the content of traffic.json.

    Raises:
        InputError: damaged, or with values that are not allowed.

    Example:
        >>> parse_traffic('{"stable": 2, "canary": {"version": 3, "percent": 10}}').canary
        Share(version=3, percent=10.0)
    """
    try:
        found = json.loads(text)
        return Traffic(
            stable=None if found.get("stable") is None else int(found["stable"]),
            pinned=bool(found.get("pinned", False)),
            canary=_share(found.get("canary"), "canary"),
            shadow=_share(found.get("shadow"), "shadow"),
            rules=_rules(found.get("rules", {})),
            withdrawn=tuple(map(int, found.get("withdrawn", ()))),
            also_loaded=tuple(map(int, found.get("also_loaded", ()))),
            enabled=bool(found.get("enabled", True)),
            history=tuple(found.get("history", ())),
        )
    except InputError as error:
        raise InputError(f"'{source}': {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise InputError(
            f"'{source}' is damaged ({problem}): correct it, or delete it for defaults"
        ) from error


def read_traffic(folder: Path) -> Traffic:
    """Read traffic.json of a model's folder; defaults if there is none.

    Raises:
        InputError: it is damaged.
    """
    try:
        return parse_traffic((folder / NAME).read_text(encoding="utf-8"), str(folder / NAME))
    except FileNotFoundError:
        return Traffic()


def update_traffic(folder: Path, change: Callable[[Traffic], Traffic]) -> Traffic:
    """Change traffic.json while no other process does; return the new content.

    Raises:
        InputError: it is damaged, or the change is not allowed.
        OSError: the folder cannot be written.
    """
    lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = read_traffic(folder)
        traffic = change(before)
        if traffic is not before:
            with replace_file(folder / NAME) as part:
                part.write_text(json.dumps(dataclasses.asdict(traffic), indent=1) + "\n", encoding="utf-8")
        return traffic
    finally:
        os.close(lock)
