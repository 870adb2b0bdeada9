"""Sheets of counted images: the largest errors, the fullest that are right."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.outputs.counting import CountResult
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize.counting_examples import draw_sheets


def images(folder, counts):
    """A PNG each, with so many boxes."""
    made = []
    for number, count in enumerate(counts):
        Image.new("RGB", (12, 10), (number, 0, 0)).save(folder / f"{number}.png")
        boxes = np.tile([0.0, 0, 4, 4], (count, 1))
        made.append(ImageExample(str(folder / f"{number}.png"), (10, 12), boxes, [0] * count))
    return ImageSet("val", ("car",), tuple(made))


def drawn(truth, counted, folder):
    """Numbers of the images that are drawn, in order, and the sheets that are there."""
    seen = []

    def draw(image, example, result):
        assert image[0, 0, 0] == int(example.path.split("/")[-1][:-4])
        seen.append(int(image[0, 0, 0]))
        assert result.number == counted[seen[-1]]
        return image

    draw_sheets(truth, [CountResult(each) for each in counted], draw, folder)
    return seen, sorted(file.name for file in folder.iterdir() if file.stem in ("best", "worst"))


def test_largest_errors_then_fullest_right_ones(tmp_path):
    """Errors 5, .4, 2, 3, .2: of 30 a tenth is 3, of 10 two is too much, of 2 a half is not."""
    truth = images(tmp_path, [20, 2, 10, 30, 0])
    seen, files = drawn(truth, [25, 2.4, 8, 33, 0.2], tmp_path)
    assert seen == [0, 3, 2, 1, 4, 3, 1, 4] and files == ["best.png", "worst.png"]


def test_six_at_most(tmp_path):
    seen, _ = drawn(images(tmp_path, range(9)), list(range(9)), tmp_path)
    assert seen == [0, 1, 2, 3, 4, 5, 8, 7, 6, 5, 4, 3]  # all are right: as they come, then by their number


def test_a_sheet_without_images_is_removed(tmp_path):
    (tmp_path / "best.png").write_bytes(b"old")
    assert drawn(images(tmp_path, [3]), [9], tmp_path)[1] == ["worst.png"]


def test_the_sheet_has_the_shape_of_its_images(tmp_path):
    """Three wide ones in a row: the cells are as wide as they are, not as high."""
    for number in range(3):
        Image.new("RGB", (300, 100), (number, 0, 0)).save(tmp_path / f"{number}.png")
    truth = ImageSet(
        "val", ("car",), tuple(ImageExample(str(tmp_path / f"{i}.png"), (100, 300)) for i in range(3))
    )
    draw_sheets(truth, [CountResult(9.0)] * 3, lambda image, *_: image, tmp_path)
    with Image.open(tmp_path / "worst.png") as sheet:
        assert sheet.width == pytest.approx(1240, abs=30) and 200 < sheet.height < 300
