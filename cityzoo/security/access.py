"""Who calls, what he may do, and how often."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cityzoo.errors import InputError
from cityzoo.security.api_keys import PREFIX, find_caller, read_keys
from cityzoo.security.caller import ROLES, Caller, is_allowed
from cityzoo.security.limits import Limits, RateLimiter
from cityzoo.security.refusal import Refused, make_unauthorized
from cityzoo.security.settings import SecuritySettings
from cityzoo.security.token_keys import TokenKeys
from cityzoo.security.tokens import TokenVerifier

LOG = logging.getLogger(__name__)
ANYBODY = Caller("anonymous", frozenset({"predict", "read", "metrics"}))
LOOK_EVERY = 1.0  # seconds between two looks at the key file


class Access:
    """Decide about requests; safe to use from several threads, and no request waits for a network.

    Attributes:
        is_open: whether nobody needs a key: everybody may predict, read, and see the metrics.
    """

    def __init__(
        self,
        keys: Path | None = None,
        tokens: TokenVerifier | None = None,
        limits: Limits | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        """Read the keys.

        Args:
            keys: file of API keys; it is read again when it changes.
            tokens: verifier of bearer tokens.
            limits: of callers without their own.
            limiter: what counts requests.

        Raises:
            InputError: the key file cannot be used.
        """
        self.is_open = keys is None and tokens is None
        self._path, self._tokens, self._limits = keys, tokens, limits or Limits()
        self._limiter = limiter or RateLimiter()
        self._keys: dict[str, dict[str, Any]] = read_keys(keys) if keys else {}
        self._state, self._looked = self._file_state(), time.monotonic()

    @classmethod
    def from_settings(cls, settings: SecuritySettings) -> Access:
        """Return the access that the server's flags describe.

        Raises:
            InputError: a file cannot be used, or --jwks without --issuer.
        """
        tokens = None
        if settings.jwks:
            if not settings.issuer:
                raise InputError(
                    f"--jwks {settings.jwks} needs --issuer URL: give the claim iss of your tokens, else those of "
                    "other services with the same keys would be accepted"
                )
            keys = TokenKeys(settings.jwks)
            tokens = TokenVerifier(keys, settings.audience, settings.issuer, settings.roles_claim)
        limits = Limits(
            settings.requests_per_second,
            settings.camera_requests_per_second,
            settings.megapixels_per_second,
            settings.requests_per_day,
        )
        return cls(Path(settings.api_keys) if settings.api_keys else None, tokens, limits)

    @classmethod
    def open(cls) -> Access:
        """Return an access that lets everybody predict and read."""
        return cls()

    def identify(self, headers: Mapping[str, str], client_host: str = "") -> Caller:
        """Return who sent a request.

        Args:
            headers: of the request, by names in lower case (or any mapping that ignores case).
            client_host: address that it came from, for the log.

        Raises:
            Refused: 401.
        """
        if self.is_open:
            return ANYBODY
        authorization, key = headers.get("authorization", ""), headers.get("x-api-key", "")
        scheme, _, token = authorization.partition(" ")
        if bool(authorization) == bool(key) or (authorization and scheme.lower() != "bearer"):
            wanted = "send one key as X-API-Key, or one as Authorization: Bearer"
            raise make_unauthorized(f"this server needs a key or a token: {wanted}", "missing")
        token = (token or key).strip()
        if self._tokens is not None and not key and not token.startswith(f"{PREFIX}_"):
            return self._tokens.identify(token)
        self._reload()
        caller = find_caller(token, self._keys, time.time())
        if caller is None:
            raise make_unauthorized("the key is not valid, has expired or was revoked", "key")
        return caller

    def require(
        self, caller: Caller, right: str, model: str | None = None, camera: str | None = None
    ) -> None:
        """Check that a caller has a right.

        Args:
            caller: as `identify` returns him.
            right: one of `cityzoo.security.caller.RIGHTS`.
            model: that the request is about; None: no single one.
            camera: whose images it holds; needed for "predict" by a caller who may not use all cameras.

        Raises:
            Refused: 403; the message does not tell whether a model exists.
        """
        if right not in caller.rights:
            roles = [role for role, rights in ROLES.items() if right in rights]
            raise Refused(
                403, f"'{caller.name}' lacks the right '{right}': it takes the role {' or '.join(roles)}"
            )
        if model is not None and not is_allowed(model, caller.models):
            raise Refused(403, f"'{caller.name}' may not use this model: ask for a key with --models")
        if right != "predict" or "*" in caller.cameras:
            return
        if camera is None:
            raise Refused(403, f"'{caller.name}' may send images of certain cameras only: name the camera")
        if not is_allowed(camera, caller.cameras):
            raise Refused(403, f"'{caller.name}' may not send images of this camera")

    def take(self, caller: Caller, camera: str | None = None, pixels: int = 0, requests: int = 1) -> None:
        """Count a request.

        Args:
            caller: as `identify` returns him.
            camera: whose images it holds.
            pixels: of its images, before they are resized.
            requests: 0 for the pixels of one that was counted before it was decoded.

        Raises:
            Refused: 429 with Retry-After in whole seconds.
        """
        limits = caller.limits.combine(self._limits)
        wait, kind = self._limiter.take(caller.name, camera, pixels, limits, requests)
        if wait > 0:
            seconds = math.ceil(wait)
            raise Refused(
                429, f"too many {kind}: try again in {seconds} s", {"Retry-After": str(seconds)}, "limit"
            )

    def _file_state(self) -> tuple[int, ...]:
        try:
            about = self._path.stat() if self._path else None
        except OSError:
            return ()
        return (about.st_mtime_ns, about.st_size, about.st_ino) if about else ()

    def _reload(self) -> None:
        if self._path is None or time.monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked, state = time.monotonic(), self._file_state()
        if state == self._state:
            return
        try:
            self._keys, self._state = read_keys(self._path), state
        except InputError as error:
            LOG.warning("WARNING: %s; the earlier keys stay in use", error)
