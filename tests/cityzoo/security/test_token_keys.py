"""Key sets from files and from an address."""

import http.server
import json
import threading
import time

import pytest

from cityzoo.errors import InputError
from cityzoo.security import token_keys
from cityzoo.security.token_keys import TokenKeys
from cityzoo.security.tokens import public_jwks

pytest.importorskip("jwt")


@pytest.fixture
def provider(jwks_file):
    """A server of a key set; `served` is what it answers, None: 500."""

    class Provider(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.count += 1
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/keys")
            else:
                self.send_response(200 if self.server.served else 500)
            self.end_headers()
            self.wfile.write((self.server.served or "").encode())

        def log_message(self, *_):
            """Be quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.count, server.served = 0, jwks_file.read_text()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    server.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield server
    server.shutdown()
    server.server_close()


def wait_for(condition):
    """At most two seconds."""
    end = time.monotonic() + 2
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_an_address_is_fetched_once_and_unknown_keys_do_not_fetch_it_again(provider):
    """A flood of tokens with invented key ids costs the provider nothing."""
    keys = TokenKeys(provider.address + "/keys")
    assert [keys.find("city-1") is not None, keys.find(None) is not None] == [True, True]
    assert [keys.find(f"invented-{i}") for i in range(50)] == [None] * 50
    assert provider.count == 1


def test_new_keys_are_found_after_a_while_and_old_ones_survive_an_outage(provider, signer, monkeypatch):
    """In the background: the request that asked gets 401 at once."""
    keys = TokenKeys(provider.address + "/keys")
    monkeypatch.setattr(token_keys, "FETCH_SOONEST", 0.0)
    provider.served = public_jwks(signer.public_key(), "city-2")
    assert keys.find("city-2") is None
    assert wait_for(lambda: keys.find("city-2") is not None)
    assert keys.find("city-1") is None, "withdrawn"
    provider.served, before = None, provider.count
    keys.find("city-3")
    assert wait_for(lambda: provider.count > before)
    assert keys.find("city-2") is not None


def test_addresses_that_cannot_be_trusted_are_refused(provider):
    """Plain http elsewhere, a redirection, a file by address."""
    for address in ("http://id.city/keys", provider.address + "/moved", "file:///etc/passwd"):
        with pytest.raises(InputError, match="no keys of tokens in"):
            TokenKeys(address)


def test_secret_keys_are_refused(tmp_path, signer):
    """Whoever reads the file could make tokens; and HS256 has no public key."""
    from jwt.algorithms import ECAlgorithm

    for entry in ({"kty": "oct", "k": "c2VjcmV0", "kid": "s"}, json.loads(ECAlgorithm.to_jwk(signer))):
        (tmp_path / "jwks.json").write_text(json.dumps({"keys": [entry]}))
        with pytest.raises(InputError, match="is secret"):
            TokenKeys(str(tmp_path / "jwks.json"))


@pytest.mark.parametrize(
    "content", ["", "[]", '{"keys": 1}', '{"keys": [{"kty": "EC", "crv": "P-9"}]}', "[" * 9000]
)
def test_damaged_key_sets_are_one_line(tmp_path, content):
    """What was given and what is allowed."""
    (tmp_path / "jwks.json").write_text(content)
    with pytest.raises(InputError, match="give a JWKS file or the https address"):
        TokenKeys(str(tmp_path / "jwks.json"))
