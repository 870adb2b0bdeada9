"""A patch that hides what matters, and padding that it stays off."""

import numpy as np
import pytest

from cityzoo.evaluation.explain.explanation import GRID, occlusion_map


def brightness_within(x1, y1, x2, y2):
    """A network that looks at one rectangle alone."""
    return lambda images: images[:, y1:y2, x1:x2].mean(axis=(1, 2, 3))


def test_most_is_lost_where_the_square_is():
    """A white square in the third of the columns and the sixth of the rows of places."""
    image = np.zeros((100, 60, 3), np.uint8)
    image[52:58, 13:17] = 255
    left = occlusion_map(brightness_within(13, 52, 17, 58), image, (0, 0, 60, 100))
    assert np.unravel_index(left.argmin(), left.shape) == (5, 2)
    assert left[0, 9] == 255 and left.min() == pytest.approx(image.mean(), rel=1e-5)


def test_the_patch_has_the_colour_of_the_image_and_stays_off_its_padding():
    """An image of one colour loses nothing, whatever the colour of the bars above and below."""
    image = np.full((64, 64, 3), 114, np.uint8)
    image[16:48] = (200, 40, 90)
    looked_at = []

    def number(images):
        looked_at.append(images)
        return images.mean(axis=(1, 2, 3))

    left = occlusion_map(number, image, (0, 16, 64, 48))
    assert np.ptp(left) == 0 and sum(map(len, looked_at)) == GRID**2
    assert all((images == image).all() for images in looked_at)


@pytest.mark.parametrize(
    ("box", "sides"), [(None, (10, 20)), ((0, 0, 8, 100), (8, 20)), ((5, 5, 6, 6), (6, 12))]
)
def test_the_patch_is_no_larger_than_a_small_box_and_no_smaller_than_a_step(box, sides):
    """A sixth of 60 x 120 is 10 x 20, a step is 6 x 12; counted at a place in the middle."""
    image = np.zeros((120, 60, 3), np.uint8)
    image[:, ::2] = 200
    covered = []
    occlusion_map(
        lambda images: covered.append(images != image) or np.zeros(len(images)),
        image,
        (0, 0, 60, 120),
        None if box is None else np.array(box, float),
    )
    rows, columns = np.nonzero(np.concatenate(covered)[44].any(axis=-1))
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == sides
