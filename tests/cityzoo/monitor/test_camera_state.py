"""A camera that is moved, and one that is not, with vehicles passing."""

import numpy as np
import pytest

from cityzoo.monitor import camera_state
from cityzoo.monitor.camera_state import make_thumbnail, measure_likeness, median_image, register

RNG = np.random.default_rng(0)
SCENE = np.kron(RNG.integers(0, 200, (18, 24)), np.ones((8, 8))).astype(np.uint8)  # (144, 192)


def frames(x, y, light=1.0, count=12):
    """Frames of a camera that looks `x` pixels to the left of the scene and `y` above it, a car in each."""
    images = []
    for place in range(count):
        image = SCENE[12 - y : 132 - y, 16 - x : 176 - x] * light
        image[50:60, 10 * place : 10 * place + 20] = 255 * light
        images.append(image.astype(np.uint8))
    return np.stack(images)


def test_cars_are_not_in_the_median():
    """They are elsewhere in each frame."""
    assert np.array_equal(median_image(frames(0, 0)), SCENE[12:132, 16:176])


@pytest.mark.parametrize("shift", [(8, 0), (-5, 3), (10, -6)])
def test_a_moved_camera_is_found_in_any_light(shift):
    """To half a pixel, by day and by dusk."""
    for light in (1.0, 0.3):
        found = register(median_image(frames(*shift, light)), median_image(frames(0, 0)))
        moved = found.shift_xy[0] * 160, found.shift_xy[1] * 120
        assert found.is_moved and moved == pytest.approx(shift, abs=0.5)


def test_a_camera_that_stays_is_not_moved():
    """Neither in the dark."""
    median = median_image(frames(0, 0))
    assert not register(median_image(frames(0, 0, 0.3)), median).is_moved
    assert measure_likeness(frames(0, 0, 0.3), median).min() > 0.8
    assert measure_likeness(frames(9, 9), median).max() < camera_state.FIXED


def test_thumbnails_are_gray_and_of_one_size():
    """Whatever the image."""
    thumbnail = make_thumbnail(np.full((30, 90, 3), (255, 0, 0), np.uint8))
    assert thumbnail.shape == (120, 160) and set(thumbnail.ravel().tolist()) == {76}
