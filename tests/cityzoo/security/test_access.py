"""Who is let in, and with what he is refused."""

import json
import os
import time

import pytest

from cityzoo.errors import InputError
from cityzoo.security import access as module
from cityzoo.security.access import Access
from cityzoo.security.api_keys import add_key, revoke_key
from cityzoo.security.caller import Caller
from cityzoo.security.limits import Limits
from cityzoo.security.refusal import Refused
from cityzoo.security.settings import SecuritySettings


def refusal(act, *arguments, **named):
    """The error that a call raises."""
    with pytest.raises(Refused) as caught:
        act(*arguments, **named)
    return caught.value


@pytest.fixture
def keys(tmp_path):
    """A file with a camera's key and an operator's."""
    file = tmp_path / "keys.json"
    camera = {"name": "cam 7", "roles": ["predict"], "models": ["vehicle*"], "cameras": ["cam7"]}
    return file, add_key(file, camera), add_key(file, {"name": "operator", "roles": ["manage"]})


def test_a_key_opens_by_either_header_and_is_stored_as_a_hash_only(keys):
    """And the file is its owner's alone."""
    file, camera, _ = keys
    access = Access(file)
    for headers in ({"x-api-key": camera}, {"authorization": f"Bearer {camera}"}):
        assert access.identify(headers).name == "cam 7"
    secret = camera.split("_", 2)[2]
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ["", "x", "czk_00000000_" + "a" * 43, "kéy\udcff", "czk_" * 5000])
def test_other_keys_are_refused_alike(keys, change):
    """Damaged, of an unknown id, or none: 401, one message, and nothing of the key in it."""
    file, camera, _ = keys
    error = refusal(Access(file).identify, {"x-api-key": change or camera[:-1] + "!"})
    assert error.status == 401 and error.headers["WWW-Authenticate"].startswith("Bearer")
    assert error.message == "the key is not valid, has expired or was revoked"


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer a", "x-api-key": "b"}]
)
def test_without_a_key_the_answer_tells_how_to_send_one(keys, headers):
    """No header, another scheme, or two keys at once."""
    error = refusal(Access(keys[0]).identify, headers)
    assert (error.status, error.reason) == (401, "missing") and "X-API-Key" in error.message


def test_a_revoked_key_is_refused_and_a_damaged_file_changes_nothing(keys, monkeypatch, caplog):
    """While the server runs; the last keys that could be read stay in use."""
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)
    file, camera, operator = keys
    access = Access(file)
    revoke_key(file, camera.split("_")[1])
    assert refusal(access.identify, {"x-api-key": camera}).status == 401
    file.write_text("{")
    assert access.identify({"x-api-key": operator}).name == "operator"
    assert "the earlier keys stay in use" in caplog.text


def test_a_key_expires(tmp_path):
    """At its second."""
    file = tmp_path / "keys.json"
    old = add_key(file, {"name": "old", "roles": ["read"], "expires": time.time() - 1})
    new = add_key(file, {"name": "new", "roles": ["read"], "expires": time.time() + 60})
    access = Access(file)
    assert refusal(access.identify, {"x-api-key": old}).status == 401
    assert access.identify({"x-api-key": new}).name == "new"


def test_rights_are_those_of_the_role_the_models_and_the_cameras(keys):
    """403 with what is missing, not with what exists."""
    access = Access(keys[0])
    camera, operator = (access.identify({"x-api-key": key}) for key in keys[1:])
    access.require(camera, "predict", "vehicle_detect", "cam7")
    access.require(operator, "manage", "scene_anomaly")
    refused = [
        refusal(access.require, camera, "manage", "vehicle_detect"),
        refusal(access.require, camera, "predict", "scene_anomaly", "cam7"),
        refusal(access.require, camera, "predict", "vehicle_detect", "cam8"),
        refusal(access.require, camera, "predict", "vehicle_detect"),
        refusal(access.require, operator, "predict", "vehicle_detect"),
        refusal(access.require, operator, "audit"),
    ]
    assert {error.status for error in refused} == {403}
    assert "role manage" in refused[0].message and "role predict" in refused[4].message
    assert "name the camera" in refused[3].message
    assert not any("scene_anomaly" in error.message for error in refused)


def test_more_than_the_limit_is_429_with_retry_after(keys):
    """The caller's own limit counts before the server's."""
    access = Access(keys[0], limits=Limits(requests_per_second=1))
    slow = Caller("slow", frozenset({"predict"}), limits=Limits(requests_per_second=0.1))
    _ = [access.take(Caller("other", frozenset())) for _ in range(2)]
    access.take(slow)
    error = refusal(access.take, slow)
    assert error.status == 429 and error.headers == {"Retry-After": "10"}


def test_open_access_lets_everybody_predict_and_nobody_manage():
    """Without keys."""
    access = Access.open()
    anybody = access.identify({})
    access.require(anybody, "predict", "any", "any")
    assert refusal(access.require, anybody, "manage").status == 403


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"keys": 3}', '{"keys": [{"id": "a", "sha256": "zz", "name": "n", "roles": []}]}']
    + [json.dumps({"keys": [{"id": "a", "sha256": "0" * 64, "name": "n", "roles": ["admin"]}]})],
)
def test_a_file_that_holds_no_keys_is_one_line(tmp_path, content):
    """Before the server starts."""
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(InputError, match="is not a file of API keys"):
        Access(tmp_path / "keys.json")


def test_tokens_need_an_issuer(jwks_file):
    """Keys of a provider sign tokens for many services."""
    with pytest.raises(InputError, match="needs --issuer"):
        Access.from_settings(SecuritySettings(jwks=str(jwks_file)))


@pytest.mark.skipif(os.name == "nt", reason="file permissions of POSIX")
def test_keys_and_tokens_work_side_by_side(keys, jwks_file, signer):
    """A bearer is a key if it looks like one, else a token."""
    from cityzoo.security.tokens import make_token

    settings = SecuritySettings(api_keys=str(keys[0]), jwks=str(jwks_file), issuer="city")
    access = Access.from_settings(settings)
    claims = {"sub": "ops", "aud": "cityzoo", "iss": "city", "roles": ["audit", "offline_access"]}
    token = make_token(signer, claims, 1, "city-1")
    caller = access.identify({"authorization": f"bearer {token}"})
    assert (caller.name, caller.roles) == ("token:ops", frozenset({"audit"}))
    assert access.identify({"authorization": f"Bearer {keys[1]}"}).name == "cam 7"
