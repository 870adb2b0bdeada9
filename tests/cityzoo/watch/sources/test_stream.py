"""Streams: newest frames, causes of losses, recovery; the last from a real RTSP server."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("av")
from cityzoo.watch.sources import Stream, open_source, stream
from cityzoo.watch.sources.stream import explain, hide_password
from tests.cityzoo.watch.conftest import write_video

SERVER, DEBIAN = Path(__file__).with_name("rtsp_server.py"), "/usr/bin/python3"


def wait_for(condition, seconds):
    """Wait until it holds; return the seconds that this took, or fail."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, "did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - start


def free_port():
    """Return a port where nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_camera_that_is_never_up_is_one_event_and_a_gap():
    with open_source(f"rtsp://ann:secret@127.0.0.1:{free_port()}/road", "north") as source:
        wait_for(lambda: source.age > 2.2, 5)
        assert source.newest() is None
    events = source.health.take_events()
    assert [event["what"] for event in events] == ["lost", "gap", "ended"]
    assert "refused" in events[0]["detail"]
    assert events[1]["seconds"] > 2.2
    assert "secret" not in str(events)


def test_the_newest_frame_is_taken_and_the_others_are_counted(tmp_path):
    """A file is read far faster than in real time: all but the last frame are dropped."""
    path = write_video(tmp_path / "road.mp4", [i / 25 for i in range(20)])
    with Stream(str(path), "road") as source:
        wait_for(lambda: source.health.frames >= 20, 5)
        frame = source.newest()
        assert (frame.index + 1) - source.health.dropped == 1
        assert frame.image.shape == (32, 48, 3)


def test_causes_are_told_apart_without_passwords():
    url = "rtsp://ann:s3cret@cam/1"
    assert hide_password(url) == "rtsp://cam/1"
    assert "password is wrong" in explain(type("HTTPUnauthorizedError", (Exception,), {})("401"), url)
    assert explain(ValueError(f"cannot open '{url}'\n twice"), url) == "cannot open 'rtsp://cam/1' twice"


def h264(path, size_hw):
    """Return a second of video, as it is sent: each fifth frame is a key frame."""
    return write_video(path, [i / 25 for i in range(25)], size_hw, "libx264").read_bytes()


@pytest.fixture
def send():
    """Return what sends bytes to everybody who connects, in small parts for some seconds, and returns its URL."""
    listeners = []

    def run(listener, parts):
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            for part in parts:
                client.sendall(part)
                time.sleep(0.01)
            client.close()

    def start(parts):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=run, args=(listener, parts), daemon=True).start()
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def test_a_new_resolution_is_an_event_and_frames_go_on(send, tmp_path):
    small, large = h264(tmp_path / "a.h264", (128, 160)), h264(tmp_path / "b.h264", (256, 320))
    with Stream(send([small, large] * 4), "north", container_format="h264") as source:
        wait_for(lambda: source.health.frames > 150, 10)
        assert source.newest().image.shape in {(128, 160, 3), (256, 320, 3)}
    events = source.health.take_events()
    changes = [(event["what"], event["width"]) for event in events if "width" in event]
    assert changes[:4] == [("connected", 160), ("resolution", 320), ("resolution", 160), ("resolution", 320)]


def test_a_stream_without_key_frames_is_said_to_be_one(send, tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "FIRST_FRAME", 0.3)
    units = h264(tmp_path / "a.h264", (128, 160)).split(b"\0\0\1")
    without = b"\0\0\1".join(unit for unit in units if not unit or unit[0] & 31 != 5)
    with Stream(send([without] * 300), "north", container_format="h264") as source:
        wait_for(lambda: source._cause, 10)
    assert source.health.frames == 0
    assert "key frame" in source.health.take_events()[0]["detail"]


@pytest.fixture
def serve(tmp_path):
    """Return what starts an RTSP server; all are killed in the end."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if not Path(DEBIAN).exists() or subprocess.run([DEBIAN, "-c", check], capture_output=True).returncode:
        pytest.skip("needs apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-bad")
    video = write_video(tmp_path / "road.mp4", [i / 25 for i in range(2500)], (128, 160), "libx264")
    servers = []

    def start(port, *login):
        command = [DEBIAN, str(SERVER), str(video), str(port), *login]
        servers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert servers[-1].stdout.readline() == "ready\n"
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.communicate()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Debian packages")
def test_killed_and_frozen_servers_are_gaps_and_frames_come_back_within_5_seconds(serve):
    port = free_port()
    server = serve(port)
    with open_source(f"rtsp://127.0.0.1:{port}/road", "a", fps=5) as source:
        wait_for(lambda: source.health.frames > 25, 10)
        server.kill()
        time.sleep(3)
        source.newest()
        server = serve(port)
        assert wait_for(lambda: source.health.connections == 2, 5) < 5
        wait_for(lambda: source.health.frames > 60, 10)
        server.send_signal(signal.SIGSTOP)
        time.sleep(5)
        server.send_signal(signal.SIGCONT)
        assert wait_for(lambda: source.age < 0.3, 5) < 5
        source.newest()
        frame = next(iter(source))
        assert abs(time.time() - frame.time) < 1
    gaps = [event["seconds"] for event in source.health.take_events() if event["what"] == "gap"]
    assert gaps[-2] > 3
    assert gaps[-1] > 4.5
    assert source.health.gap_seconds == pytest.approx(sum(gaps), abs=0.01)


@pytest.mark.slow
def test_a_wrong_password_is_named_and_the_right_one_works(serve):
    port = free_port()
    serve(port, "ann", "right")
    with (
        open_source(f"rtsp://ann:wrong@127.0.0.1:{port}/road") as wrong,
        open_source(f"rtsp://ann:right@127.0.0.1:{port}/road") as right,
    ):
        wait_for(lambda: right.health.frames > 5, 10)
        assert "password is wrong" in wrong.health.take_events()[0]["detail"]
