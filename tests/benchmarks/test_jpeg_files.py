"""The files that all contenders get."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.jpeg_files import Setting, write


@pytest.mark.parametrize("text", ["1280x720", "1280x720:256", "63x64:64x64", "65x64:64x64", "a", ""])
def test_settings_that_are_none_are_refused(text):
    """The message shows one that is."""
    with pytest.raises(ValueError, match="such as 1280x720:256x256"):
        Setting.parse(text)


def test_real_images_are_resized_and_get_boxes_within_them(tmp_path):
    """Fewer images than files are used again."""
    source = tmp_path / "source" / "deep"
    source.mkdir(parents=True)
    Image.fromarray(np.full((50, 90, 3), (200, 30, 60), np.uint8)).save(source / "red.png")
    job = write(tmp_path, Setting.parse("128x64:96x80"), 3, tmp_path / "source", batch_size=2, cores=1)
    assert (job.image_hw, job.size_hw, len(job.paths)) == ((64, 128), (80, 96), 3)
    for path, boxes in zip(job.paths, job.boxes, strict=True):
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (128, 64))
            assert np.abs(np.asarray(image, int) - (200, 30, 60)).max() <= 3
        assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes[:, 2] <= 128).all() and (boxes[:, 3] <= 64).all()


def test_drawn_scenes_have_the_size_asked_for_and_their_own_boxes(tmp_path):
    """The same from run to run."""
    setting = Setting.parse("128x64:64x64")
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    first, second = (write(tmp_path / name, setting, 2, None, 2, 1) for name in "ab")
    assert Image.open(first.paths[0]).size == (128, 64)
    for one, other in zip(first.paths, second.paths, strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()
    assert all(boxes.shape[1] == 4 for boxes in first.boxes)
