"""Words below images, which stay as they are."""

import numpy as np
import pytest

from cityzoo.visualize.sheets import LEAST_WIDTH, PAPER, add_caption, fit_into, image_grid

IMAGE = np.random.default_rng(0).integers(0, 255, (90, 300, 3), np.uint8)


def inked(line):
    """Columns of a line with something written in them."""
    return np.flatnonzero((line != np.array(PAPER)).any(axis=(0, 2)))


def test_the_image_stays_and_a_line_follows():
    found = add_caption(IMAGE, "car 0.90")
    np.testing.assert_array_equal(found[:90], IMAGE)
    assert found.dtype == np.uint8 and found.shape[1] == 300 and found.shape[0] > 90 + 12
    assert 3 <= inked(found[90:])[0] < 10 and inked(found[90:])[-1] < 150
    assert len(inked(add_caption(IMAGE, "")[90:])) == 0


def test_other_words_look_otherwise():
    assert (add_caption(IMAGE, "car 0.90") != add_caption(IMAGE, "bus 0.90")).any()


def test_long_words_end_with_the_image():
    """No wider, no second line."""
    found = add_caption(IMAGE, "smoke " * 50)
    assert found.shape == add_caption(IMAGE, "smoke").shape and inked(found[90:])[-1] > 290


@pytest.mark.parametrize(("height", "width"), [(30, 20), (8, 200), (1, 219)])
def test_small_images_are_enlarged_in_their_shape(height, width):
    """A left half of white stays a left half of white."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 255
    found = add_caption(image, "x")
    shown = max(1, round(height * LEAST_WIDTH / width))
    assert found.shape[1] == LEAST_WIDTH and found.shape[0] - shown < 30
    middle = found[shown // 2, :, 0]
    assert (middle > 127).sum() == pytest.approx(LEAST_WIDTH * (width // 2) / width, abs=2)


def test_grid_puts_each_image_into_its_cell():
    colours = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9))
    shapes = ((50, 100), (100, 50), (80, 160), (30, 60))
    images = [np.full((*shape, 3), colour, np.uint8) for shape, colour in zip(shapes, colours, strict=True)]
    sheet = image_grid(images, 3, (80, 160), ["", "", "", "caption"])
    areas = [(sheet == colour).all(axis=-1).sum() for colour in colours]
    assert areas[0] == areas[2] == areas[3] == 80 * 160
    assert areas[1] == 80 * 40
    rows = [np.nonzero((sheet == colour).all(axis=-1))[0].min() for colour in colours]
    assert rows[0] == rows[1] == rows[2] < rows[3]
    with pytest.raises(ValueError, match="1 images, 2 captions"):
        image_grid(images[:1], 3, (80, 160), ["a", "b"])


def test_fit_into_keeps_the_shape():
    assert fit_into(np.zeros((100, 400, 3), np.uint8), (200, 200)).shape == (50, 200, 3)
    assert fit_into(np.zeros((400, 100, 3), np.uint8), (200, 200)).shape == (200, 50, 3)
