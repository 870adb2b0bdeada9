"""Access, audit log, signatures and encryption of a server, over HTTP."""

import base64
import json
import os
import shutil
import time

import pytest

from cityzoo.security.api_keys import add_key, revoke_key
from cityzoo.security.audit_lines import verify_audit
from cityzoo.security.encrypted_folder import encrypt_folder
from cityzoo.security.encryption_keys import add_encryption_key, read_encryption_keys
from cityzoo.security.signing import sign_folder

pytest.importorskip("fastapi")
jwt = pytest.importorskip("jwt")
NOW = int(time.time())
CLAIMS = {"sub": "ops", "aud": "cityzoo", "iss": "city", "exp": NOW + 6 * 3600, "roles": ["manage"]}


@pytest.fixture(scope="module")
def guarded(make_client, jwks_file, tmp_path_factory):
    """A client without credentials, the keys of a camera and of an operator, and the audit log."""
    folder = tmp_path_factory.mktemp("guarded")
    camera = {"name": "cam 7", "roles": ["predict"], "cameras": ["cam7"], "requests_per_second": 1.0}
    keys = (
        add_key(folder / "keys.json", camera),
        add_key(folder / "keys.json", {"name": "ops", "roles": ["manage"]}),
    )
    settings = {"api_keys": str(folder / "keys.json"), "jwks": str(jwks_file), "issuer": "city"}
    with make_client(**settings, audit_log=str(folder / "audit.jsonl")) as client:
        yield client, *({"X-API-Key": key} for key in keys), folder


def encode(value):
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_tokens_are_verified(guarded, signer):
    """A good one reads; a forged, expired, other audience's or unsigned one gets the same 401, without a leak."""
    client = guarded[0]
    index = "/v2/repository/index"
    good = jwt.encode(CLAIMS, signer, "ES256", {"kid": "city-1"})
    assert client.post(index, headers={"Authorization": f"Bearer {good}"}).status_code == 200
    head, body, signature = good.split(".")
    forged = [
        f"{head}.{encode({**CLAIMS, 'sub': 'admin'})}.{signature}",
        jwt.encode({**CLAIMS, "exp": NOW - 60}, signer, "ES256", {"kid": "city-1"}),
        jwt.encode({**CLAIMS, "aud": "other"}, signer, "ES256", {"kid": "city-1"}),
        jwt.encode(CLAIMS, signer, "ES256", {"kid": "city-2"}),
        f"{encode({'alg': 'none', 'kid': 'city-1'})}.{body}.",
        "x" * 20_000,
    ]
    answers = [client.post(index, headers={"Authorization": f"Bearer {token}"}) for token in forged]
    assert {answer.status_code for answer in answers} <= {401, 431}
    assert len({answer.text for answer in answers if answer.status_code == 401}) == 1
    assert not any(word in answers[0].text for word in ("alg", "kid", "ES256", "Traceback", "jwt"))


def test_roles_cameras_and_limits_hold(guarded, png):
    """403 without the right, 429 with Retry-After beyond the limit, 401 without a key."""
    client, camera, operator, _ = guarded
    predict = "/predict?camera=cam7"
    assert client.post(predict, content=png).status_code == 401
    assert client.get("/metrics", headers=camera).status_code == 403
    assert client.post("/v2/repository/models/quadrants/unload", headers=camera).status_code == 403
    assert client.post(predict, content=png, headers=operator).status_code == 403
    assert client.post("/predict?camera=cam8", content=png, headers=camera).status_code == 403
    codes = [client.post(predict, content=png, headers=camera) for _ in range(4)]
    assert {answer.status_code for answer in codes} == {200, 429}
    assert codes[-1].headers["Retry-After"] == "1"
    monitor = client.services.monitor
    assert monitor.value("requests_total", model="quadrants", version="1", code="429") >= 1
    assert not monitor.value("requests_total", model="quadrants", version="1", code="500")


def test_the_audit_log_has_all_of_it(guarded, png):
    """Predictions, refusals with their reason, loaded models; and it verifies."""
    client, camera, operator, folder = guarded
    time.sleep(1.1)  # the camera's limit
    assert client.post("/predict?camera=cam7", content=png, headers=camera).status_code == 200
    assert client.post("/v2/repository/models/quadrants/load", headers=operator).status_code == 200
    client.get("/v2/models/quadrants", headers={"X-API-Key": "wrong"})
    rows = [json.loads(line)["event"] for line in (folder / "audit.jsonl").read_text().splitlines()]
    found = {(row["event"], row.get("caller")) for row in rows}
    assert {("loaded", None), ("predict", "cam 7"), ("load", "ops")} <= found
    assert rows[-1]["reason"] == "key" and rows[-1]["status"] == 401 and "wrong" not in str(rows[-1])
    assert verify_audit(folder / "audit.jsonl") == []


def test_a_full_disk_is_503_and_the_server_lives(make_client, png, tmp_path, monkeypatch):
    """What cannot be recorded is not answered; afterwards it goes on."""
    with make_client(audit_log=str(tmp_path / "audit.jsonl")) as client:
        write = os.write

        def fail(descriptor, data):
            if data.startswith(b'{"n":'):
                raise OSError(28, "No space left on device")
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", fail)
        answer = client.post("/predict", content=png)
        assert answer.status_code == 503 and answer.json() == {"error": "the audit log cannot be written"}
        monkeypatch.setattr(os, "write", write)
        assert client.post("/predict", content=png).status_code == 200
    assert verify_audit(tmp_path / "audit.jsonl") == []


def test_a_revoked_key_is_refused_while_the_server_runs(make_client, tmp_path):
    """Within a second or so."""
    key = add_key(tmp_path / "keys.json", {"name": "a", "roles": ["read"]})
    with make_client(api_keys=str(tmp_path / "keys.json")) as client:
        ask = lambda: client.get("/v2/models/quadrants", headers={"X-API-Key": key}).status_code  # noqa: E731
        assert ask() == 200
        revoke_key(tmp_path / "keys.json", key.split("_")[1])
        time.sleep(1.1)
        assert ask() == 401


def test_signed_and_encrypted_models_are_served_changed_ones_are_not(
    make_client, detector, png, tmp_path, signer_file, public_file
):
    """Version 2 was changed after it was signed: version 1 answers, and clients do not learn the server's paths."""
    add_encryption_key(tmp_path / "key")
    models = tmp_path / "models"
    for version in ("1", "2"):
        folder = shutil.copytree(detector, models / "cars" / version)
        sign_folder(folder, signer_file)
    encrypt_folder(models / "cars" / "1", read_encryption_keys(str(tmp_path / "key")))
    (models / "cars" / "2" / "probes.npz").write_bytes(b"")
    settings = {"public_key": str(public_file), "encryption_key": str(tmp_path / "key")}
    with make_client(models, **settings) as client:
        answer = client.post("/predict", content=png)
        assert answer.status_code == 200 and answer.json()["version"] == 1
        proof = json.loads((detector / "parity.json").read_text())
        assert (
            client.services.monitor.value("model_info", model="cars", version="1", sha256=proof["sha256"])
            == 1
        )
        states = {row["version"]: row for row in client.post("/v2/repository/index").json()}
        assert "'probes.npz' was changed" in states["2"]["reason"]
        assert str(tmp_path) not in json.dumps(states)
        assert client.get("/v2/models/cars/versions/2").status_code in (404, 503)
