"""A page on this machine to draw lines, zones and the ground of a camera with the mouse."""

from __future__ import annotations

import io
import json
import logging
import secrets
import signal
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.watch.drawing.scene_file import scene_content, write_scene
from cityzoo.watch.scene import Scene, parse_scene

LOG = logging.getLogger(__name__)
ENDS = (signal.SIGINT, signal.SIGTERM)
FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LARGEST = 1_000_000  # bytes of a scene


class DrawingServer(ThreadingHTTPServer):
    """Serve the page on 127.0.0.1 under a secret path, so that neither other machines nor other pages reach the frame.

    Args:
        image: (H, W, 3) uint8 RGB, the frame to draw on.
        scene: to begin with.
        path: of the YAML file that the page saves.
        port: 0: any free one.

    Attributes:
        url: of the page.
        saved: number of times that the scene was saved.
    """

    daemon_threads = True

    def __init__(self, image: np.ndarray, scene: Scene, path: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret, self.path, self.saved = secrets.token_urlsafe(12), path, 0
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"http://{self.host}/{self.secret}/"
        self.frame, self.content = _encode(image), scene_content(scene)

    def save(self, content: Any) -> Mapping[str, Any]:
        """Check a scene as `read_scene` does, and write it.

        Raises:
            InputError: what is wrong with it, or the file cannot be written.
        """
        scene = parse_scene(content)
        write_scene(scene, self.path)
        self.content, self.saved = scene_content(scene), self.saved + 1
        LOG.info("saved %s: %d lines, %d zones", self.path, len(scene.lines), len(scene.zones))
        return self.content


def serve_page(image: np.ndarray, scene: Scene, path: Path) -> None:
    """Serve the page until the process is interrupted (Ctrl-C) or terminated."""
    # Also where a shell started the process in the background, which makes it ignore Ctrl-C.
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, signal.default_int_handler) for number in ENDS if is_main}
    try:
        with DrawingServer(image, scene, path) as server:
            LOG.info("draw on %s, save, then end with Ctrl-C", server.url)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                LOG.info("%s", f"the scene is in {path}" if server.saved else "nothing was saved")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _encode(image: np.ndarray) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(image).save(written, "PNG")
    return written.getvalue()


class _Handler(BaseHTTPRequestHandler):
    server: DrawingServer

    def do_GET(self) -> None:
        """Send the page, the frame, or the scene with the name of its file."""
        name = self._name()
        if name in FILES:
            file, kind = FILES[name]
            self._send(resources.files("cityzoo.watch.drawing").joinpath("static", file).read_bytes(), kind)
        elif name == "frame.png":
            self._send(self.server.frame, "image/png")
        elif name == "scene":
            self._send_json({"scene": self.server.content, "file": str(self.server.path)})
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Save a scene; what is wrong with it is the answer."""
        length = self.headers.get("Content-Length", "")
        if self._name() != "scene" or not length.isdecimal() or int(length) > LARGEST:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            saved = self.server.save(json.loads(self.rfile.read(int(length))))
            self._send_json({"scene": saved})
        except (ValueError, RecursionError) as error:  # InputError is a ValueError
            words = str(error) if isinstance(error, InputError) else "no JSON"
            self._send_json({"error": words}, HTTPStatus.UNPROCESSABLE_ENTITY)

    def _name(self) -> str | None:
        """Return what is asked for; None from another host name (DNS rebinding) or without the secret."""
        start = f"/{self.server.secret}/"
        if self.headers.get("Host") != self.server.host or not self.path.startswith(start):
            return None
        return self.path.removeprefix(start)

    def _send_json(self, answer: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(answer).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: paths hold the secret."""
