"""The chart of classes and heights of boxes."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize.label_chart import draw_labels


def images(boxes, labels):
    example = ImageExample("a.jpg", (100, 100), np.array(boxes, np.float32).reshape(-1, 4), np.array(labels))
    return ImageSet("train", ("car", "bus"), (example,))


def blue_columns(path):
    """How many columns of the left half have the color of bars, above and below the middle."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    blue = (abs(pixels - [0, 114, 178]).sum(axis=2) < 12)[:, : pixels.shape[1] // 2]
    rows = np.flatnonzero(blue.any(axis=1))
    middle = (rows[0] + rows[-1]) // 2
    return blue[:middle].any(axis=0).sum(), blue[middle:].any(axis=0).sum()


def test_bars_are_as_long_as_classes_have_boxes(tmp_path):
    draw_labels(images([[0, 0, 9, 20]] * 9, [0] * 6 + [1] * 3), tmp_path / "chart.png")
    first, second = blue_columns(tmp_path / "chart.png")
    assert first == pytest.approx(2 * second, rel=0.05)


def test_images_without_boxes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no boxes"):
        draw_labels(images([], []), tmp_path / "chart.png")
