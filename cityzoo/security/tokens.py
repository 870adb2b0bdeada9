"""Bearer tokens: JWT as OpenID Connect providers sign them, verified without asking anybody."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cityzoo.errors import escape_control, shorten
from cityzoo.runtime.packages import require
from cityzoo.security.caller import ALL, ROLES, Caller
from cityzoo.security.refusal import make_unauthorized
from cityzoo.security.token_keys import TokenKeys

LEEWAY = 30  # seconds that clocks may differ
LONGEST = 8192  # characters of a token
INVALID = "the token is not valid: get a new one for this service from your identity provider"


@dataclass(frozen=True)
class TokenVerifier:
    """What a token must show.

    Attributes:
        keys: that sign tokens; each is bound to one algorithm, whatever a token's header names.
        audience: that it must be made for.
        issuer: that must have made it.
        roles_claim: where its roles are, such as "roles" or "realm_access.roles".
    """

    keys: TokenKeys
    audience: str
    issuer: str
    roles_claim: str = "roles"

    def identify(self, token: str) -> Caller:
        """Return who sent a token.

        Raises:
            Refused: 401, with the same message whatever is wrong with it; the reason is for the metrics.
        """
        jwt = require("jwt", "verifying tokens")
        try:
            if len(token) > LONGEST:
                raise jwt.DecodeError("too long")
            key = self.keys.find(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise jwt.InvalidKeyError("unknown key")
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
            return self._caller(claims)
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            raise make_unauthorized(INVALID, _reason(error)) from None

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        roles: Any = claims
        for part in self.roles_claim.split("."):
            roles = roles.get(part, {})
        known = frozenset(_names(roles)) & ROLES.keys()
        models, cameras = (tuple(_names(claims.get(name, ALL))) for name in ("models", "cameras"))
        name = shorten(escape_control(claims["sub"]), 100)
        return Caller(f"token:{name}", known, models, cameras)


def _names(value: Any) -> list[str]:
    names = value.split() if isinstance(value, str) else list(value)
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a claim is no list of names")
    return names


def _reason(error: Exception) -> str:
    known = {
        "ExpiredSignatureError": "expired",
        "ImmatureSignatureError": "early",
        "InvalidAudienceError": "audience",
        "InvalidIssuerError": "issuer",
        "InvalidSignatureError": "signature",
        "InvalidAlgorithmError": "algorithm",
        "InvalidKeyError": "key",
        "MissingRequiredClaimError": "claim",
    }
    return "token_" + known.get(type(error).__name__, "malformed")


def make_token(private_key: Any, claims: Mapping[str, Any], days: float, number: str) -> str:
    """Return a token for offline use, signed by ES256.

    Args:
        private_key: EC P-256 key of `cryptography`, see `cityzoo.security.signing.load_private_key`.
        claims: `sub`, `aud`, `iss`, `roles`, and `models` and `cameras` if they are restricted.
        days: that it is valid.
        number: `kid` of the key in the JWKS file.
    """
    now = int(time.time())
    dated = {"iat": now, "exp": now + int(days * 86_400), **claims}
    return require("jwt", "making tokens").encode(dated, private_key, "ES256", {"kid": number})


def public_jwks(public_key: Any, number: str) -> str:
    """Return the JWKS document of an EC P-256 public key of `cryptography`."""
    algorithm = require("jwt.algorithms", "writing a key set").ECAlgorithm
    entry = json.loads(algorithm.to_jwk(public_key))
    return json.dumps({"keys": [{**entry, "kid": number, "use": "sig", "alg": "ES256"}]}, indent=1) + "\n"
