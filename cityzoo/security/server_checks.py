"""Checks of a running server from outside: encryption, keys, forged tokens, exposed paths, limits."""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cityzoo.errors import InputError
from cityzoo.security.finding import FAILED, OK, SKIPPED, WARNING, Finding, summarize

EXPOSED = (
    "/.env", "/.git/config", "/model.sig", "/keys.json", "/api.json", "/audit.jsonl", "/static/../../settings.py",
    "/..%2f..%2f..%2fetc%2fpasswd", "/static/..%2f..%2fapp.py", "/static/%2e%2e/app.py", "//etc/passwd", "/debug",
)  # fmt: skip
GUARDED = (
    ("GET", "/v2/models/any"), ("POST", "/v2/repository/index"), ("GET", "/metrics"), ("POST", "/predict"),
    ("POST", "/v2/models/any/infer"), ("POST", "/v2/repository/models/any/unload"),
)  # fmt: skip
DISGUISES = (
    "/V2/MODELS/any",
    "/v2/models/any/",
    "//v2/models/any",
    "/v2//models/any",
    "/v2/./models/any",
    "/METRICS",
)
LEAKS = (b"Traceback (most recent", b"/site-packages/", b'File "', b"root:x:0")
SECONDS = 10
SOON = 30 * 86_400


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Server:
    """A server that is asked without credentials."""

    def __init__(self, address: str, authority: str | None) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"'{address}' is not an address: give http://HOST:PORT or https://HOST:PORT")
        self.is_encrypted, self.host = parts.scheme == "https", parts.hostname
        self.port = parts.port or (443 if self.is_encrypted else 80)
        try:
            self.context = ssl.create_default_context(cafile=authority)
        except (OSError, ssl.SSLError) as error:
            raise InputError(f"--ca '{authority}' cannot be used ({error}): give a PEM file") from error

    @property
    def is_local(self) -> bool:
        """Return whether only this machine can ask it, by its address."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is not open yet."""
        if self.is_encrypted:
            return http.client.HTTPSConnection(self.host, self.port, timeout=SECONDS, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Return the answer to a request.

        Raises:
            OSError, http.client.HTTPException: none came.
        """
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read(1_000_000))
        finally:
            connection.close()


def check_server(address: str, authority: str | None = None) -> list[Finding]:
    """Check a server as a stranger sees it; nothing is changed on it.

    Args:
        address: http://HOST:PORT, or https.
        authority: PEM file of the authority of its certificate.

    Raises:
        InputError: no address, or nothing answers there.
    """
    server = Server(address, authority)
    try:
        first = server.ask("GET", "/v2/health/live")
    except ssl.SSLError as error:
        return [
            Finding("TLS", FAILED, f"the certificate is not valid for this address ({error}): give --ca FILE")
        ]
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            f"nothing answers at '{address}' ({error}): start the server, or give its address"
        ) from error
    if first.status == 404:
        raise InputError(
            f"'{address}' is not a model server (/v2/health/live does not answer): give the address of "
            "python -m cityzoo serve"
        )
    checks = (
        _check_tls,
        _check_keys,
        _check_tokens,
        _check_disguises,
        _check_exposed,
        _check_answers,
        _check_limits,
    )
    findings = []
    for check in checks:
        try:
            findings.append(check(server))
        except (OSError, http.client.HTTPException) as error:
            name = check.__name__.removeprefix("_check_")
            findings.append(Finding(name, FAILED, f"no answer ({type(error).__name__}: {error})"))
    return findings


def _check_tls(server: Server) -> Finding:
    if not server.is_encrypted:
        state = WARNING if server.is_local else FAILED
        return Finding(
            "TLS", state, "not encrypted: keys and images can be read on the way (--tls-certificate)"
        )
    plain = socket.create_connection((server.host, server.port), SECONDS)
    with server.context.wrap_socket(plain, server_hostname=server.host) as lent:
        ends = ssl.cert_time_to_seconds(str((lent.getpeercert() or {})["notAfter"]))
        days = (ends - time.time()) / 86_400
        state = WARNING if days * 86_400 < SOON else OK
        return Finding("TLS", state, f"{lent.version()}, certificate valid for {days:.0f} days")


def _is_open(server: Server) -> bool:
    return server.ask("GET", "/v2/models/any").status != 401


def _check_keys(server: Server) -> Finding:
    if _is_open(server):
        state = WARNING if server.is_local else FAILED
        return Finding("keys", state, "anybody may ask without a key: serve with --api-keys or --jwks")
    passed = [
        f"{method} {path}: {status}"
        for method, path in GUARDED
        if (status := server.ask(method, path, body=b"{}" if method == "POST" else None).status) != 401
    ]
    return summarize("keys", passed, f"{len(GUARDED)} kinds of requests are refused without a key")


def _check_tokens(server: Server) -> Finding:
    if _is_open(server):
        return Finding("forged keys", SKIPPED, "no keys are needed")
    head = {"typ": "JWT", "kid": "1"}
    claims = {"sub": "admin", "aud": "cityzoo", "exp": int(time.time()) + 600, "roles": ["manage"]}
    forged = {
        "alg none": f"{_encode({**head, 'alg': 'none'})}.{_encode(claims)}.",
        "alg None": f"{_encode({**head, 'alg': 'None'})}.{_encode(claims)}.",
        "HS256": f"{_encode({**head, 'alg': 'HS256'})}.{_encode(claims)}.{_encode({})}",
        "ES256": f"{_encode({**head, 'alg': 'ES256'})}.{_encode(claims)}.{'A' * 86}",
        "a key": "czk_00000000_" + "A" * 43,
        "no token": "x",
    }
    passed = [
        f"{name}: {status}"
        for name, token in forged.items()
        if (status := server.ask("GET", "/v2/models/any", {"Authorization": f"Bearer {token}"}).status) != 401
    ]
    return summarize("forged keys", passed, f"{len(forged)} forged keys and tokens are refused")


def _check_disguises(server: Server) -> Finding:
    if _is_open(server):
        return Finding("other paths", SKIPPED, "no keys are needed")
    passed = [f"{path}: {status}" for path in DISGUISES if (status := server.ask("GET", path).status) < 300]
    return summarize("other paths", passed, "no spelling of a path goes around the keys")


def _check_exposed(server: Server) -> Finding:
    answers = {path: server.ask("GET", path) for path in EXPOSED}
    exposed = [path for path, answer in answers.items() if answer.status < 300]
    return summarize("exposed files", exposed, f"{len(EXPOSED)} usual paths lead to nothing")


def _check_answers(server: Server) -> Finding:
    damaged = server.ask(
        "POST", "/v2/models/any/infer", {"Content-Type": "application/json"}, b'{"inputs": ['
    )
    strange = server.ask(
        "GET", "/%00%ff?a[]=%00", {"Origin": "https://evil.example", "X-Camera": "%0d%0aSet-Cookie"}
    )
    problems = [f"{each.status} to a damaged request" for each in (damaged, strange) if each.status >= 500]
    problems += [
        "an answer shows code or paths" for each in (damaged, strange) if any(x in each.body for x in LEAKS)
    ]
    if strange.headers.get("access-control-allow-origin") in ("*", "https://evil.example"):
        problems.append("pages of other sites may call it (Access-Control-Allow-Origin)")
    if any(character.isdigit() for character in strange.headers.get("server", "")):
        problems.append(f"names its version ({strange.headers['server']})")
    if "nosniff" not in strange.headers.get("x-content-type-options", ""):
        problems.append("no X-Content-Type-Options: nosniff")
    return summarize("answers", problems, "damaged requests get one line, other sites nothing")


def _check_limits(server: Server) -> Finding:
    connection = server.connect()
    try:
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
        status = connection.getresponse().status
    finally:
        connection.close()
    refused = status in (401, 413)
    return Finding(
        "limits", OK if refused else FAILED, f"a body of 1 TB is answered by {status} before it is sent"
    )


def _encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
