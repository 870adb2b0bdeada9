"""Checks of what a server is configured with: its file of API keys, and its audit log."""

from __future__ import annotations

import time
from pathlib import Path

from cityzoo.security.api_keys import read_keys
from cityzoo.security.audit_lines import verify_audit
from cityzoo.security.caller import ALL
from cityzoo.security.finding import WARNING, Finding, summarize

YEAR = 365 * 86_400


def check_api_keys(path: Path, now: float | None = None) -> list[Finding]:
    """Check a file of API keys: who may read it, keys that are old, and keys that may do too much.

    Raises:
        InputError: no such file.
    """
    moment = time.time() if now is None else now
    keys, mode = read_keys(path), path.stat().st_mode
    readable = [f"{path}: other users may read or change it (chmod 600)"] if mode & 0o077 else []
    old = [
        f"{entry['name']} ({number}): {(moment - entry.get('created', 0)) / 86_400:.0f} days old, without an end"
        for number, entry in keys.items()
        if not entry.get("expires") and moment - entry.get("created", 0) > YEAR
    ]
    broad = [
        f"{entry['name']} ({number}): manages and predicts, make a key for each"
        for number, entry in keys.items()
        if {"manage", "predict"} <= set(entry["roles"]) and ALL in (entry.get("models") or (ALL,))
    ]
    return [
        summarize("key file", readable, "its owner's alone"),
        summarize("old keys", old, f"none of {len(keys)} is older than a year without an end", WARNING),
        summarize("broad keys", broad, "no key both manages and predicts", WARNING),
    ]


def check_audit_log(path: Path, key: bytes | None) -> Finding:
    """Check that no line of an audit log was changed.

    Raises:
        InputError: it cannot be read.
    """
    return summarize("audit log", verify_audit(path, key=key), "no line was changed, removed or added")
