"""The page in a real browser: what is drawn with the mouse is what the file says."""

import http.client
import json
import os
import shutil
import threading

import numpy as np
import pytest

from cityzoo.watch.drawing.page import DrawingServer
from cityzoo.watch.scene import Scene, parse_scene, read_scene
from tests.cityzoo.watch.drawing.test_scene_file import WHOLE


@pytest.fixture
def serve(tmp_path):
    """Return a function that serves a scene on a gray frame of 640 x 360."""
    servers = []

    def start(scene):
        server = DrawingServer(np.full((360, 640, 3), 90, np.uint8), scene, tmp_path / "scene.yaml")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(server, method, name, body=None, host=None, secret=None):
    """Return status and body of a request."""
    connection = http.client.HTTPConnection(server.host, timeout=10)
    path = f"/{server.secret if secret is None else secret}/{name}"
    connection.request(method, path, body, {"Host": host or server.host})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def test_only_this_machine_with_the_secret_gets_the_frame(serve):
    """Bound to 127.0.0.1; another host name (DNS rebinding) or path gets nothing; nothing is loaded from elsewhere."""
    server = serve(Scene())
    assert server.server_address[0] == "127.0.0.1" and len(server.secret) >= 16
    status, body, headers = ask(server, "GET", "frame.png")
    assert status == 200 and body.startswith(b"\x89PNG") and headers["Cache-Control"] == "no-store"
    assert ask(server, "GET", "frame.png", host="evil.example")[0] == 404
    assert ask(server, "GET", "frame.png", secret="guess")[0] == 404
    assert ask(server, "GET", "../page.py")[0] == 404
    assert ask(server, "POST", "scene", b"{}", host="evil.example")[0] == 404 and not server.saved
    for name in ("", "page.js", "page.css"):
        status, body, headers = ask(server, "GET", name)
        assert (
            status == 200
            and b"http" not in body
            and "default-src 'none'" in headers["Content-Security-Policy"]
        )


def test_what_is_wrong_is_the_answer_and_nothing_is_written(serve, tmp_path):
    """The words of the reader of scenes; a scene with everything survives."""
    server = serve(parse_scene(WHOLE))
    for body, words in (
        (b'{"lines": [{"name": "a", "points": [[0, 0]]}]}', "has 1 points"),
        (b"{", "no JSON"),
    ):
        status, answer, _ = ask(server, "POST", "scene", body)
        assert status == 422 and words in json.loads(answer)["error"]
    assert not (tmp_path / "scene.yaml").exists()
    content = json.loads(ask(server, "GET", "scene")[1])["scene"]
    assert ask(server, "POST", "scene", json.dumps(content))[0] == 200
    assert read_scene(tmp_path / "scene.yaml") == parse_scene(WHOLE)


@pytest.fixture
def browse(serve):
    """Return a function that opens the page of a scene, with the means to press and drag at 0..1 of the frame."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.problems = []
        page.on(
            "console", lambda message: page.problems.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: page.problems.append(str(error)))

        def at(x, y):
            box = page.locator("#canvas").bounding_box()
            return box["x"] + x * box["width"], box["y"] + y * box["height"]

        def start(scene):
            page.goto(serve(scene).url)
            playwright.expect(page.locator("#hint")).not_to_be_empty()
            return page, lambda *points: [page.mouse.click(*at(*point)) for point in points], at

        yield start
        browser.close()


def screenshot(page, name):
    if os.environ.get("CITYZOO_SCREENSHOTS"):
        page.screenshot(path=os.path.join(os.environ["CITYZOO_SCREENSHOTS"], name), full_page=True)


def test_a_scene_is_drawn_with_the_mouse(browse, tmp_path):
    """A line with named sides and a forbidden direction, a zone, the ground; undo, delete, errors, and the file."""
    page, click, at = browse(Scene())
    page.click("#tool-line")
    click((0.1, 0.5), (0.9, 0.5))
    page.keyboard.press("Enter")
    for label, text in (("Name", "north"), ("Side from", "city"), ("Side to", "harbour")):
        page.locator("#lines").get_by_label(label, exact=True).fill(text)
        page.keyboard.press("Tab")
    page.locator("#lines").get_by_label("Forbidden direction").select_option("no back")
    page.click("#tool-zone")
    click((0.2, 0.6), (0.8, 0.6), (0.8, 0.9), (0.3, 0.3))
    page.click("#undo")  # the last corner
    page.mouse.dblclick(*at(0.2, 0.9))
    page.locator("#zones").get_by_label("Purpose").select_option("stopped")
    page.locator("#zones").get_by_label("After, e.g. 20s").fill("30s")
    page.click("#tool-ground")
    click((0.3, 0.8), (0.7, 0.8), (0.6, 0.55), (0.4, 0.55))
    page.click("#save")
    page.wait_for_selector("#message.bad")
    assert (
        "ground: metres" in page.locator("#message").inner_text() and not (tmp_path / "scene.yaml").exists()
    )
    for index, (x, y) in enumerate(((0, 0), (7, 0), (7, 25), (0, 25)), 1):
        page.get_by_label(f"Metres x of point {index}").fill(str(x))
        page.get_by_label(f"Metres y of point {index}").fill(str(y))
    page.click("#tool-line")
    click((0.1, 0.1), (0.2, 0.1))
    page.keyboard.press("Enter")
    page.get_by_label("Delete line 1").click()
    screenshot(page, "drawing.png")
    page.click("#save")
    page.wait_for_selector("#message:not(.bad):not(:empty)")
    scene = read_scene(tmp_path / "scene.yaml")
    (line,), (zone,) = scene.lines, scene.zones
    assert (line.name, line.sides, line.direction) == ("north", ("city", "harbour"), "both")
    np.testing.assert_allclose(line.points, [[0.1, 0.5], [0.9, 0.5]], atol=0.003)
    assert scene.forbidden == (("north", "back"),)
    assert (zone.purpose, zone.dwell_seconds) == ("stopped", 30)
    np.testing.assert_allclose(zone.points, [[0.2, 0.6], [0.8, 0.6], [0.8, 0.9], [0.2, 0.9]], atol=0.003)
    np.testing.assert_allclose(
        scene.ground.image, [[0.3, 0.8], [0.7, 0.8], [0.6, 0.55], [0.4, 0.55]], atol=0.003
    )
    assert scene.ground.metres == ((0, 0), (7, 0), (7, 25), (0, 25))
    assert [text for text in page.problems if "422" not in text] == []


def test_points_are_dragged_lines_turned_and_changes_undone(browse, tmp_path):
    """What refers to a line that is renamed or deleted follows."""
    page, _, at = browse(parse_scene(WHOLE))
    page.mouse.move(*at(0.9, 0.5))
    page.mouse.down()
    page.mouse.move(*at(0.95, 0.3), steps=4)
    page.mouse.up()
    name = page.locator("#lines").get_by_label("Name", exact=True).nth(0)
    name.fill("first")
    name.press("Tab")
    page.get_by_label("Turn south around").click()
    page.get_by_label("Delete house").click()
    page.get_by_label("Delete lane").click()
    page.click("#undo")
    screenshot(page, "existing.png")
    page.click("#save")
    page.wait_for_selector("#message:not(.bad):not(:empty)")
    scene = read_scene(tmp_path / "scene.yaml")
    np.testing.assert_allclose(scene.lines[0].points[2], [0.95, 0.3], atol=0.003)
    assert scene.lines[1].points == ((0.9, 0.8), (0.1, 0.8))
    assert [zone.name for zone in scene.zones] == ["lane"] and scene.zones[0].dwell_seconds == 120
    assert (scene.flows[0].start, scene.flows[0].end) == ("first", "south")
    assert scene.rules == ("stopped car in lane for 20s",) and page.problems == []
