"""Redacted videos: what a detector misses in a frame stays covered, and only whole files appear."""

import os

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.redact.background import BackgroundRedactor, estimate_background
from cityzoo.redact.redactor import Redactor
from cityzoo.redact.regions import Region
from cityzoo.redact.videos import Video, redact_video, remember, write_video

FRAMES = 30


class Blinking:
    """Finds a white square, but misses it in every third frame."""

    def __init__(self):
        self.number = 0

    def find(self, image):
        self.number += 1
        y, x = np.nonzero(image[..., 0] > 180)
        if self.number % 3 == 0 or not len(x):
            return []
        return [Region("face", (x.min(), y.min(), x.max() + 1, y.max() + 1))]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A white square of 16 pixels moves two pixels a frame over a gray street."""
    path = tmp_path_factory.mktemp("video") / "street.mp4"
    with write_video(path, 10.0) as write:
        for number in range(FRAMES):
            frame = np.full((64, 96, 3), 90, np.uint8)
            frame[24:40, 4 + 2 * number : 20 + 2 * number] = 255
            write(frame)
    return path


def brightest(path):
    return [int(frame.max()) for frame in Video(path)]


def test_a_face_that_is_missed_in_a_frame_stays_covered(video, tmp_path):
    """With a memory; without, it shows in every third frame. Frames, size and rate stay."""
    redact_video(video, tmp_path / "without.mp4", Redactor([Blinking()], "fill"), memory=0)
    summary = redact_video(video, tmp_path / "with.mp4", Redactor([Blinking()], "fill"), memory=2)
    assert sum(value > 200 for value in brightest(tmp_path / "without.mp4")) == FRAMES // 3
    assert max(brightest(tmp_path / "with.mp4")) < 180
    copy = Video(tmp_path / "with.mp4")
    assert (copy.frames, copy.rate, summary.images) == (FRAMES, 10.0, FRAMES)
    assert sorted(os.listdir(tmp_path)) == ["with.mp4", "without.mp4"]


@pytest.mark.parametrize("memory", [0, 1, 2, 5, 50])
def test_the_memory_reaches_as_far_as_it_should(memory):
    """Compared with a plain loop; no more frames are held than it needs."""
    regions = [[Region("face", (number, 0, number + 1, 1))] for number in range(12)]
    drawn = 0

    def frames():
        nonlocal drawn
        for number, each in enumerate(regions):
            drawn = number
            yield np.full(1, number), each

    for number, (image, found) in enumerate(remember(frames(), memory)):
        assert image[0] == number
        assert drawn <= number + memory
        reach = range(max(number - memory, 0), min(number + memory, 11) + 1)
        assert [int(region.box_xyxy[0]) for region in found] == list(reach)


def test_only_the_background_and_boxes_are_left(video, white_cells, tmp_path):
    """The square moves, so that the median has none of it; a box is drawn where it is."""
    painted = tmp_path / "painted.mp4"
    redactor = BackgroundRedactor(estimate_background(video), Redactor.from_name(f"{white_cells}:car@0.5"))
    redact_video(video, painted, redactor, memory=0)
    for frame in Video(painted):
        gray = (np.abs(frame.astype(int) - 90) < 25).all(axis=-1)
        assert gray.mean() > 0.8
        assert frame[..., 1].max() < 200


def test_images_of_several_sizes_have_no_background(white_cells, tmp_path):
    """Nor have two images."""
    for number in range(3):
        Image.new("RGB", (40 + number // 2, 40)).save(tmp_path / f"{number}.png")
    with pytest.raises(InputError, match="several sizes"):
        estimate_background(tmp_path)
    (tmp_path / "2.png").unlink()
    with pytest.raises(InputError, match="2 images have no background"):
        estimate_background(tmp_path)
    with pytest.raises(InputError, match="several sizes"):
        BackgroundRedactor(np.zeros((9, 9, 3), np.uint8), Redactor([Blinking()])).find(
            np.zeros((9, 8, 3), np.uint8)
        )


def test_damaged_videos_leave_nothing(tmp_path):
    """One line says what to do."""
    (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(InputError, match="convert it to MP4"):
        redact_video(tmp_path / "a.mp4", tmp_path / "b.mp4", Redactor([Blinking()]))
    assert os.listdir(tmp_path) == ["a.mp4"]
