"""Several sources: order of recordings, and live cameras of which one is dead."""

import threading
import time

import pytest

from cityzoo.errors import InputError
from cityzoo.watch.sources import open_source
from cityzoo.watch.sources.several import read_together
from tests.cityzoo.watch.conftest import write_video


def test_recordings_come_in_the_order_of_their_times(tmp_path):
    first = open_source(str(write_video(tmp_path / "a.mp4", [0, 0.4, 0.8])), start=10.0)
    second = open_source(str(write_video(tmp_path / "b.mp4", [0, 0.4])), start=10.5)
    batches = list(read_together([first, second], threading.Event(), 2))
    assert [[frame.camera for frame in batch] for batch in batches] == [["a", "a"], ["b", "a"], ["b"]]


def test_a_dead_camera_does_not_hold_up_the_others(tmp_path):
    """The live one is a file that is read again and again, as a stream that ends."""
    pytest.importorskip("av")
    ready, path = threading.Event(), write_video(tmp_path / "a.mp4", [i / 25 for i in range(25)])
    live = open_source(f"file://{path}", "live", ready=ready, minutes=1.2 / 60)
    dead = open_source("rtsp://127.0.0.1:9/road", "dead", ready=ready, minutes=1.2 / 60)
    start = time.monotonic()
    frames = [frame for batch in read_together([live, dead], ready) for frame in batch]
    assert time.monotonic() - start < 4
    assert {frame.camera for frame in frames} == {"live"}
    assert live.health.connections >= 2
    assert [frame.time for frame in frames] == sorted(frame.time for frame in frames)


def test_names_are_unique_and_kinds_are_not_mixed(tmp_path):
    path = str(write_video(tmp_path / "a.mp4", [0, 0.4]))
    with pytest.raises(InputError, match="two sources have the name 'a'"):
        read_together([open_source(path), open_source(path)], threading.Event())
    with (
        open_source("rtsp://127.0.0.1:9/road") as live,
        pytest.raises(InputError, match="cannot be watched together"),
    ):
        read_together([open_source(path), live], threading.Event())
