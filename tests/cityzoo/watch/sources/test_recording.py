"""Recordings: times of frames, gaps, rates, and files that are no videos."""

import wave

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.watch.sources import camera_name, open_source
from tests.cityzoo.watch.conftest import write_video


def test_each_frame_has_its_own_time_also_where_the_rate_varies(tmp_path):
    times = [0, 0.04, 0.08, 0.5, 0.54, 1.5, 1.54]
    frames = list(open_source(str(write_video(tmp_path / "road.mp4", times)), start=1000.0))
    assert [frame.stream_seconds for frame in frames] == pytest.approx(times, abs=0.002)
    assert [frame.time for frame in frames] == pytest.approx([1000 + t for t in times], abs=0.002)
    assert [round(frame.image.mean(), -1) for frame in frames] == [0, 10, 20, 30, 40, 50, 60]
    assert [frame.index for frame in frames] == list(range(7))
    assert {frame.camera for frame in frames} == {"road"}


def test_time_that_a_recording_lacks_is_a_gap(tmp_path):
    source = open_source(str(write_video(tmp_path / "road.mp4", [0, 0.1, 0.2, 9.2, 9.3])), start=0.0)
    list(source)
    (gap,) = [event for event in source.health.take_events() if event["what"] == "gap"]
    assert gap["seconds"] == pytest.approx(9, abs=0.002)
    assert source.health.gap_seconds == pytest.approx(9, abs=0.002)
    assert not source.health.take_events()


def test_a_lower_rate_takes_the_same_frames_at_the_same_times(tmp_path):
    path = str(write_video(tmp_path / "road.mp4", [i / 25 for i in range(50)]))
    every = list(open_source(path, start=0.0))
    fifth = list(open_source(path, fps=5, start=0.0))
    assert [frame.index for frame in fifth] == list(range(0, 50, 5))
    for frame in fifth:
        assert frame.stream_seconds == every[frame.index].stream_seconds
        np.testing.assert_array_equal(frame.image, every[frame.index].image)


def test_minutes_end_a_recording(tmp_path):
    source = open_source(str(write_video(tmp_path / "a.mp4", [i / 10 for i in range(40)])), minutes=0.05)
    assert source.seconds == pytest.approx(3)
    assert len(list(source)) == 30


def test_a_recording_starts_by_the_time_of_its_file(tmp_path):
    path = write_video(tmp_path / "a.mp4", [i / 10 for i in range(40)])
    frames = list(open_source(str(path)))
    assert path.stat().st_mtime - frames[-1].time == pytest.approx(0.1, abs=0.1)


def test_images_come_in_the_order_of_their_numbers_and_a_damaged_one_is_an_event(tmp_path):
    for number in (1, 2, 10):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"frame_{number}.png")
    (tmp_path / "frame_3.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    source = open_source(str(tmp_path), fps=2, start=50.0)
    assert [(frame.image[0, 0, 0], frame.time) for frame in source] == [(1, 50.0), (2, 50.5), (10, 51.5)]
    assert [event["what"] for event in source.health.take_events()] == ["connected", "damaged", "ended"]


def test_a_recording_that_breaks_off_says_so(tmp_path):
    path = write_video(tmp_path / "a.mp4", [i / 25 for i in range(250)])
    whole = path.read_bytes()
    start, end = whole.index(b"mdat"), whole.index(b"moov")
    middle = (start + end) // 2
    path.write_bytes(whole[:middle] + bytes(end - 4 - middle) + whole[end - 4 :])
    source = open_source(str(path))
    frames = list(source)
    assert 100 < len(frames) < 150
    assert "damaged" in [event["what"] for event in source.health.take_events()]


def _empty(path):
    path.write_bytes(b"")


def _sound(path):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))


def _no_frames(path):
    write_video(path.with_suffix(".mp4"), [0])
    whole = path.with_suffix(".mp4").read_bytes()
    start = whole.index(b"mdat") + 4
    path.write_bytes(
        whole[:start] + bytes(whole.index(b"moov") - 4 - start) + whole[whole.index(b"moov") - 4 :]
    )


@pytest.mark.parametrize("write", [_empty, _sound, _no_frames])
def test_a_file_without_frames_is_said_to_be_one(tmp_path, write):
    write(tmp_path / "road.avi")
    with pytest.raises(InputError, match=r"road\.avi' (has no frame|.*recording)|no video in '.*road\.avi'"):
        list(open_source(str(tmp_path / "road.avi")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text": "nowhere.mp4"}, "'nowhere.mp4' does not exist"),
        ({"text": "rstp://host/1"}, "rtsp"),
        ({"text": ".", "fps": 0.0}, "--fps is 0, but must be above 0"),
        ({"text": ".", "minutes": float("nan")}, "--minutes is nan"),
    ],
)
def test_bad_sources_are_named(options, message):
    with pytest.raises(InputError, match=message):
        open_source(**options)


def test_the_name_of_a_camera_holds_no_password():
    assert camera_name("rtsp://a:b@c@host/1?x=2") == "host-1-x-2"
