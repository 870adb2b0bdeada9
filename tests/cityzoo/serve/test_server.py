"""The real command: ready, refused, drained, and attacked by slow clients; the page in a real browser."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from tests.cityzoo.serve.conftest import NAMES


@contextmanager
def server(models, *flags):
    """Run the command on a free port; yield the process and its port."""
    command = [sys.executable, "-m", "cityzoo", "serve", str(models), "--port", "0", "--threads", "1", *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        port = None
        for line in process.stderr:
            found = re.search(r"https?://[^ ]+:(\d+)", line)
            if found:
                port = int(found[1])
            if port:
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        wait_until_ready(port)
        yield process, port
    finally:
        process.kill()
        process.wait()


def ask(port, method, path, body=None):
    """Status and body of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body)
    response = connection.getresponse()
    return response.status, response.read()


def wait_until_ready(port, seconds=20):
    """Wait for the readiness probe."""
    until = time.monotonic() + seconds
    while ask(port, "GET", "/v2/health/ready")[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture(scope="module")
def running(detector):
    """A server whose clients have a second to send what they send."""
    with server(detector, "--read-timeout-seconds", "1") as made:
        yield made


def test_a_port_in_use_is_one_line(running, detector):
    _, port = running
    command = [sys.executable, "-m", "cityzoo", "serve", str(detector), "--port", str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"port {port}" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    "flags",
    [("--host", "0.0.0.0"), ("--port", "70000"), ("--tls-key", "nowhere.pem"), ("--max-queue", "0")],
)
def test_unsafe_or_wrong_flags_are_one_line(detector, flags):
    command = [sys.executable, "-m", "cityzoo", "serve", str(detector), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_nothing_to_serve_is_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "nowhere"):
        command = [sys.executable, "-m", "cityzoo", "serve", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def closed_after(port, first, drip=b"", every=0.2):
    """Seconds until the server closes a connection that sends `first`, then `drip` again and again; what it said."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=every) as client:
        client.sendall(first)
        said = b""
        while time.monotonic() - started < 10:
            try:
                part = client.recv(1000)
                if not part:
                    break
                said += part
            except TimeoutError:
                pass
            except ConnectionError:
                break
            try:
                client.sendall(drip)
            except OSError:
                break
    return time.monotonic() - started, said


def test_slow_headers_and_slow_bodies_are_cut_off(running):
    _, port = running
    seconds, said = closed_after(port, b"GET /v2 HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n")
    assert 0.5 < seconds < 4
    assert said == b""
    start = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    seconds, said = closed_after(port, start, b"x")
    assert 0.5 < seconds < 4
    assert b" 408 " in said.split(b"\r\n")[0]
    seconds, said = closed_after(port, b"")
    assert seconds < 4
    assert ask(port, "GET", "/v2/health/ready")[0] == 200


def test_sigterm_answers_what_is_under_way_and_says_that_it_is_not_ready(detector, png):
    with server(detector, "--drain-seconds", "1") as (process, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert ask(port, "GET", "/v2/health/ready")[0] == 503
        assert ask(port, "GET", "/v2/health/live")[0] == 200
        connection.request("POST", "/predict", png)
        assert connection.getresponse().status == 200
        assert process.wait(15) == 0
        with pytest.raises(OSError, match="refused"):
            ask(port, "GET", "/v2")


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="finds the server's process by /proc")
def test_a_killed_process_is_started_again_while_requests_wait(detector, png):
    with server(detector, "--supervise", "--drain-seconds", "0") as (process, port):
        for _ in range(2):
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
                (child,) = map(int, file.read().split())
            os.kill(child, signal.SIGKILL)
            assert ask(port, "GET", "/v2/health/live")[0] == 200  # it waited
            wait_until_ready(port)
            assert ask(port, "POST", "/predict", png)[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_the_page_shows_what_the_model_finds_in_a_dropped_file(running, png, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    _, port = running
    file = tmp_path / "street.png"
    file.write_bytes(png)
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        problems = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.goto(f"http://127.0.0.1:{port}/")
        playwright.expect(page.locator("#model")).to_have_value("quadrants")
        page.set_input_files("#file", str(file))
        page.wait_for_selector("#table tr")
        rows = page.locator("#table tr").all_inner_texts()
        assert [row.split()[0] for row in rows] == [NAMES[0]] * 2
        assert json.loads(page.locator("#json").text_content())["detections"][0]["box"] == [0, 0, 64, 32]
        pixel = "[...document.querySelector('#canvas').getContext('2d').getImageData(32, 63, 1, 1).data]"
        assert page.evaluate(pixel)[:3] != [255, 0, 0]  # the lower edge of the second box on the red half
        if os.environ.get("CITYZOO_SCREENSHOTS"):
            page.screenshot(path=os.path.join(os.environ["CITYZOO_SCREENSHOTS"], "page.png"))
        page.goto(f"http://127.0.0.1:{port}/docs")
        page.get_by_text("Ask a model").wait_for()
        assert problems == []
        browser.close()
