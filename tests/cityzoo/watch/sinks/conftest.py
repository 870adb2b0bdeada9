"""Receivers of events."""

import http.server
import threading
import time

import pytest


class Receiver:
    """An HTTP server that keeps what it gets and answers with the next of `codes`, at last 204."""

    def __init__(self):
        self.requests, self.codes, self.headers = [], [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, dict(self.headers), body))
                self.send_response(outer.codes.pop(0) if outer.codes else 204)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    """An HTTP server."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def alarm():
    """An alarm as the watch sends it."""
    return {
        "id": "a1",
        "type": "stopped",
        "camera": "north",
        "time": "2026-05-01T06:00:00.000+00:00",
        "state": "raised",
        "rule": "stopped car in lane for 20s",
        "class": "car",
    }


def wait_for(condition, seconds=5.0):
    """Wait until a condition holds, and fail if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
