"""Sheets of counted images: the largest errors, the fullest that are right."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize import counting_examples
from heads.counting import density_targets


def images(folder, counts):
    """A PNG each, with so many boxes."""
    made = []
    for number, count in enumerate(counts):
        Image.new("RGB", (12, 10), (number, 0, 0)).save(folder / f"{number}.png")
        boxes = np.tile([0.0, 0, 4, 4], (count, 1))
        made.append(ImageExample(str(folder / f"{number}.png"), (10, 12), boxes, [0] * count))
    return ImageSet("val", ("car",), tuple(made))


def drawn(monkeypatch, truth, counted, folder):
    """Numbers of the images that are drawn, in order, and the sheets that are there."""
    seen = []

    def draw(image, example, result, output):
        assert image[0, 0, 0] == int(example.path.split("/")[-1][:-4])
        seen.append(int(image[0, 0, 0]))
        assert result.number == counted[seen[-1]]
        return image

    monkeypatch.setattr(counting_examples, "draw", draw)
    results = [CountResult(each) for each in counted]
    counting_examples.write_examples(truth, results, Counting(("car",)), {}, folder)
    return seen, sorted(file.name for file in folder.iterdir() if file.stem in ("best", "worst"))


def test_largest_errors_then_fullest_right_ones(tmp_path, monkeypatch):
    """Errors 5, .4, 2, 3, .2: of 30 a tenth is 3, of 10 two is too much, of 2 a half is not."""
    truth = images(tmp_path, [20, 2, 10, 30, 0])
    seen, files = drawn(monkeypatch, truth, [25, 2.4, 8, 33, 0.2], tmp_path)
    assert seen == [0, 3, 2, 1, 4, 3, 1, 4] and files == ["best.png", "worst.png"]


def test_six_at_most(tmp_path, monkeypatch):
    seen, _ = drawn(monkeypatch, images(tmp_path, range(9)), list(range(9)), tmp_path)
    assert seen == [0, 1, 2, 3, 4, 5, 8, 7, 6, 5, 4, 3]  # all are right: as they come, then by their number


def test_a_sheet_without_images_is_removed(tmp_path, monkeypatch):
    (tmp_path / "best.png").write_bytes(b"old")
    assert drawn(monkeypatch, images(tmp_path, [3]), [9], tmp_path)[1] == ["worst.png"]


def test_the_sheet_has_the_shape_of_its_images(tmp_path, monkeypatch):
    """Three wide ones in a row: the cells are as wide as they are, not as high."""
    for number in range(3):
        Image.new("RGB", (300, 100), (number, 0, 0)).save(tmp_path / f"{number}.png")
    truth = ImageSet(
        "val", ("car",), tuple(ImageExample(str(tmp_path / f"{i}.png"), (100, 300)) for i in range(3))
    )
    monkeypatch.setattr(counting_examples, "draw", lambda image, *_, output: image)
    counting_examples.write_examples(truth, [CountResult(9.0)] * 3, Counting(("car",)), {}, tmp_path)
    with Image.open(tmp_path / "worst.png") as sheet:
        assert sheet.width == pytest.approx(1240, abs=30) and 200 < sheet.height < 300


def test_the_drawn_target_glows_where_it_is_to_count():
    """In an augmented image, which is the network's input; a number alone changes no pixel of it."""
    image = np.full((128, 256, 3), 20, np.uint8)
    target = density_targets(np.array([[[160, 40, 224, 104]]], "float32"), (128, 256))[0]
    glow = counting_examples.draw_target(image, target, Counting(("car",)))[:128].astype(int).sum(axis=-1)
    y, x = np.unravel_index(glow.argmax(), glow.shape)
    assert 176 <= x < 208 and 56 <= y < 88
    assert glow[:, :100].max() <= 75
    regression = Counting(("car",), head="regression")
    np.testing.assert_array_equal(
        counting_examples.draw_target(image, np.array([3.0]), regression)[:128], image
    )
