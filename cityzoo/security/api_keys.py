"""API keys: random secrets of which a file holds the hashes, with roles, models, cameras and limits."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.replace_file import replace_file
from cityzoo.security.caller import ALL, ROLES, Caller
from cityzoo.security.limits import Limits

PREFIX = "czk"
KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{8}})_([0-9A-Za-z_-]{{43}})")
NO_HASH = "0" * 64  # compared with when the id is unknown, so that the answer takes as long


def read_keys(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of a key file by id.

    Raises:
        InputError: not there, damaged, or an entry with an unknown role or a hash of another kind.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["keys"]
        keys = {entry["id"]: entry for entry in entries}
        callers = [_caller(entry) for entry in entries]
        sound = all(re.fullmatch("[0-9a-f]{64}", entry["sha256"]) for entry in entries)
        if not sound or len(keys) < len(entries):
            raise ValueError("hashes or ids are not valid")
        if unknown_roles := {role for caller in callers for role in caller.roles} - set(ROLES):
            raise ValueError(f"unknown roles {sorted(unknown_roles)}")
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(
            f"'{path}' is not a file of API keys ({type(error).__name__}: {error}): make one with "
            f"python -m cityzoo protect key add --keys {path} --name NAME"
        ) from error
    return keys


def add_key(path: Path, entry: Mapping[str, Any]) -> str:
    """Make a key, add its hash to a file and return the key itself, which is kept nowhere.

    A secret of 256 random bits needs no slow or salted hash: there is nothing to guess it from.

    Args:
        path: of the file; made, readable by its owner only, if it does not exist.
        entry: `name`, `roles`, and what else an entry may hold: `models`, `cameras`, `expires` (seconds since
            1970), and the fields of `Limits`.
    """
    entries = list(read_keys(path).values()) if path.exists() else []
    secret, number = secrets.token_urlsafe(32), secrets.token_hex(4)
    row = {"id": number, "sha256": _hash(secret), "created": int(time.time()), **entry}
    _write(path, [*entries, row])
    return f"{PREFIX}_{number}_{secret}"


def revoke_key(path: Path, number: str) -> None:
    """Remove a key; a running server refuses it within a second.

    Raises:
        InputError: no such key.
    """
    keys = read_keys(path)
    if number not in keys:
        raise InputError(f"no key '{number}' in '{path}'; it holds: {', '.join(keys) or 'none'}")
    _write(path, [entry for entry in keys.values() if entry["id"] != number])


def find_caller(key: str, keys: Mapping[str, Mapping[str, Any]], now: float) -> Caller | None:
    """Return whose key it is, None if it is none of these or has expired.

    Hashes are compared in constant time.
    """
    match = KEY.fullmatch(key)
    entry = keys.get(match[1], {}) if match else {}
    same = hmac.compare_digest(_hash(match[2] if match else key), str(entry.get("sha256", NO_HASH)))
    if not same or now >= float(entry.get("expires") or "inf"):
        return None
    return _caller(entry)


def _caller(entry: Mapping[str, Any]) -> Caller:
    own = {f.name: entry[f.name] for f in fields(Limits) if f.name in entry}
    models, cameras = (tuple(entry.get(name) or (ALL,)) for name in ("models", "cameras"))
    return Caller(str(entry["name"]), frozenset(entry["roles"]), models, cameras, Limits(**own))


def limits_entry(limits: Limits) -> dict[str, float]:
    """Return the limits that are set, as an entry holds them."""
    return {name: value for name, value in asdict(limits).items() if value is not None}


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as part:
        part.touch(mode=0o600)
        part.write_text(json.dumps({"keys": entries}, indent=1) + "\n", encoding="utf-8")
        if path.exists():
            os.chmod(part, path.stat().st_mode & 0o777)
