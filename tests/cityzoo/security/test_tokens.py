"""Tokens that are good, and every way in which one is not."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from cityzoo.security.refusal import Refused
from cityzoo.security.token_keys import TokenKeys
from cityzoo.security.tokens import INVALID, TokenVerifier, make_token

jwt = pytest.importorskip("jwt")
NOW = int(time.time())
GOOD = {"sub": "cam7", "aud": "cityzoo", "iss": "https://id.city", "exp": NOW + 86_400, "roles": ["predict"]}


@pytest.fixture(scope="module")
def verifier(jwks_file):
    """Of the city's tokens."""
    return TokenVerifier(TokenKeys(str(jwks_file)), "cityzoo", "https://id.city")


def b64(data):
    """As tokens hold bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(key, claims=GOOD, algorithm="ES256", number="city-1", **changes):
    """A token."""
    kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode(kept, key, algorithm, {"kid": number})


def unsigned():
    """A token of "alg": "none"."""
    header = {"alg": "none", "typ": "JWT", "kid": "city-1"}
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(GOOD).encode())}."


def confused(public):
    """A token whose HMAC has the public key for its secret, made by hand: PyJWT refuses to make one."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "city-1"}
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(GOOD).encode())}"
    return f"{text}.{b64(hmac.new(public, text.encode(), hashlib.sha256).digest())}"


def forged(token):
    """The same token with another subject."""
    head, _, signature = token.split(".")
    return f"{head}.{b64(json.dumps({**GOOD, 'sub': 'admin', 'roles': ['manage']}).encode())}.{signature}"


def test_a_good_token_names_its_caller(verifier, signer):
    """With roles as a list or as words, and models and cameras if it is restricted to some."""
    caller = verifier.identify(sign(signer, models=["vehicle*"], cameras="cam7 cam8"))
    assert caller.name == "token:cam7" and caller.roles == frozenset({"predict"})
    assert (caller.models, caller.cameras) == (("vehicle*",), ("cam7", "cam8"))
    assert verifier.identify(sign(signer, roles="read audit")).roles == {"read", "audit"}


def test_keycloak_nests_its_roles(jwks_file, signer):
    """`--roles-claim realm_access.roles`."""
    verifier = TokenVerifier(TokenKeys(str(jwks_file)), "cityzoo", "https://id.city", "realm_access.roles")
    assert verifier.identify(sign(signer, realm_access={"roles": ["manage"]})).roles == {"manage"}
    assert verifier.identify(sign(signer)).roles == frozenset()


BAD = {
    "forged": (lambda k, p: forged(sign(k)), "signature"),
    "of another key": (lambda k, p: sign(type_of(k)), "signature"),
    "expired": (lambda k, p: sign(k, exp=NOW - 31), "expired"),
    "without exp": (lambda k, p: sign(k, exp=None), "claim"),
    "valid later": (lambda k, p: sign(k, nbf=NOW + 3600), "early"),
    "issued later": (lambda k, p: sign(k, iat=NOW + 3600), "early"),
    "for another service": (lambda k, p: sign(k, aud="other"), "audience"),
    "for nobody": (lambda k, p: sign(k, aud=None), "claim"),
    "of another issuer": (lambda k, p: sign(k, iss="https://evil"), "issuer"),
    "alg none": (lambda k, p: unsigned(), "algorithm"),
    "HS256 by the public key": (lambda k, p: confused(p), "algorithm"),
    "unknown kid": (lambda k, p: sign(k, number="other"), "key"),
    "kid of a path": (lambda k, p: sign(k, number="../../dev/null"), "key"),
    "no subject": (lambda k, p: sign(k, sub=None), "claim"),
    "cameras as a number": (lambda k, p: sign(k, cameras=7), "malformed"),
    "roles as an object": (lambda k, p: sign(k, roles=[{"a": 1}]), "malformed"),
    "no token": (lambda k, p: "a.b.c", "malformed"),
    "nested": (lambda k, p: ".".join([b64(b"[" * 3000)] * 3), "malformed"),
    "endless": (lambda k, p: "a" * 100_000, "malformed"),
    "bytes": (lambda k, p: "\udcff\x00.é.", "malformed"),
}


def type_of(key):
    """Another private key of the same type."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(key.curve)


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens_are_refused_with_one_message(verifier, signer, public_file, name):
    """401 and the same words for all of them: a forger learns nothing; the metric gets the reason."""
    make, reason = BAD[name]
    with pytest.raises(Refused) as caught:
        verifier.identify(make(signer, public_file.read_bytes()))
    assert (caught.value.status, caught.value.message) == (401, INVALID)
    assert caught.value.reason == f"token_{reason}"
    assert caught.value.__cause__ is None, "nothing of the token in a traceback"


def test_a_token_of_another_service_with_the_same_audience_list_passes(verifier, signer):
    """`aud` may be a list."""
    assert verifier.identify(sign(signer, aud=["account", "cityzoo"])).name == "token:cam7"


def test_clocks_may_differ_by_half_a_minute(verifier, signer):
    """20 s after its end."""
    assert verifier.identify(sign(signer, exp=int(time.time()) - 20)).name


def test_tokens_made_offline_pass(verifier, signer):
    """Until their day."""
    claims = {name: GOOD[name] for name in ("sub", "aud", "iss", "roles")}
    assert verifier.identify(make_token(signer, claims, 1, "city-1")).name == "token:cam7"
    with pytest.raises(Refused):
        verifier.identify(make_token(signer, claims, -1, "city-1"))
