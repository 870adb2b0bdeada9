"""The public keys that signed tokens are verified with: a JWKS file, or an address that is fetched now and then."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.runtime.packages import require

LOG = logging.getLogger(__name__)
ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "EdDSA"})
FETCH_EVERY, FETCH_SOONEST = 300.0, 30.0  # seconds
LONGEST = 1_000_000  # bytes of a key set
LOCAL = ("http://127.0.0.1:", "http://[::1]:", "http://localhost:")


class TokenKeys:
    """Keys by `kid`; an address is fetched in the background, so that no request waits for it."""

    def __init__(self, source: str) -> None:
        """Read the keys once.

        Args:
            source: a file, or an address that begins with https:// (or http:// on this machine).

        Raises:
            InputError: no keys there, or a secret one.
        """
        self._source, self._lock = source, threading.Lock()
        self._keys = self._read()
        self._asked = time.monotonic()

    def find(self, number: str | None) -> Any | None:
        """Return the key of a `kid`; None for an unknown one, and then look soon whether there are new keys.

        A token without `kid` is accepted if there is one key only.
        """
        age = time.monotonic() - self._asked
        key = self._only() if number is None else self._keys.get(number)
        if age > FETCH_EVERY or (key is None and age > FETCH_SOONEST):
            self._refresh()
        return key

    def _only(self) -> Any | None:
        keys = list(self._keys.values())
        return keys[0] if len(keys) == 1 else None

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._asked <= FETCH_SOONEST:
                return
            self._asked = time.monotonic()
        threading.Thread(target=self._reread, name="token keys", daemon=True).start()

    def _reread(self) -> None:
        try:
            self._keys = self._read()
        except InputError as error:
            LOG.warning("WARNING: %s; the earlier keys stay in use", error)

    def _read(self) -> dict[str, Any]:
        try:
            text = self._fetch() if "://" in self._source else Path(self._source).read_bytes()
            found = json.loads(text)["keys"]
            return dict(_parse(entry, i) for i, entry in enumerate(found) if entry.get("use", "sig") == "sig")
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise InputError(
                f"no keys of tokens in '{self._source}' ({type(error).__name__}: {error}): give a JWKS file or the "
                "https address of one, as your identity provider publishes it (jwks_uri)"
            ) from error

    def _fetch(self) -> bytes:
        if not self._source.startswith(("https://", *LOCAL)):
            raise ValueError("only https addresses can be trusted")
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(self._source, timeout=5) as answer:
            return answer.read(LONGEST)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: the address that was given is the one that is trusted."""


def _parse(entry: Mapping[str, Any], index: int) -> tuple[str, Any]:
    if entry.get("kty") == "oct" or "d" in entry:
        raise InputError(
            f"key {entry.get('kid', index)} of the key set is secret: give a set of public keys only, "
            "whoever reads a secret one can make tokens"
        )
    jwt = require("jwt", "reading a key set")
    try:
        key = jwt.PyJWK(dict(entry))
    except jwt.PyJWTError as error:
        raise ValueError(f"key {entry.get('kid', index)}: {error}") from error
    if key.algorithm_name not in ALGORITHMS:
        raise ValueError(f"algorithm {key.algorithm_name} is not allowed: use one of {sorted(ALGORITHMS)}")
    return str(entry.get("kid", "")), key
