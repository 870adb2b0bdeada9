"""A server that does everything wrong, and one that does not."""

import http.server
import threading

import pytest

from cityzoo.errors import InputError
from cityzoo.security import server_checks
from cityzoo.security.server_checks import check_server


class Weak(http.server.BaseHTTPRequestHandler):
    """Answers everything by 200 and its code, and names its version, but asks one path for a key."""

    server_version = "Weak/1.0"

    def do_GET(self):
        """Every path but one."""
        status = 401 if self.path == "/v2/models/any" and "Authorization" not in self.headers else 200
        self.send_response(500 if "%00" in self.path else status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(b"Traceback (most recent call last)")

    do_POST = do_GET

    def log_message(self, *_):
        """Be quiet."""


class Good(Weak):
    """Refuses everything in one line."""

    def version_string(self):
        """No version."""
        return "server"

    def do_GET(self):
        """401 for what is guarded, 413 for large bodies, 404 for the rest."""
        large = int(self.headers.get("Content-Length") or 0) > 10**6
        known = self.path in {path for _, path in server_checks.GUARDED}
        self.send_response(200 if self.path.endswith("/live") else 413 if large else 401 if known else 404)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    do_POST = do_GET


def states(handler):
    """State by the name of the check, of a server on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        found = check_server(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
    return {finding.check: finding.state for finding in found}


def test_a_weak_server_fails_everywhere():
    """Without TLS on this machine only a warning."""
    found = states(Weak)
    assert found.pop("TLS") == "warning"
    assert set(found.values()) == {"failed"} and len(found) == 6


def test_a_good_server_passes():
    """All that can be seen from outside."""
    found = states(Good)
    assert found.pop("TLS") == "warning" and set(found.values()) == {"ok"}


def test_no_server_is_one_line():
    """Nobody answers, another kind of server, no address."""
    for address in ("http://127.0.0.1:9", "ftp://127.0.0.1", "http://"):
        with pytest.raises(InputError, match="nothing answers|is not an address"):
            check_server(address)
