"""Maps over images: every cell where it belongs, glowing where it is high, untouched where it is low."""

import cv2
import numpy as np
import pytest

from cityzoo.visualize.heatmap import MOST, overlay_heatmap, resize_heatmap

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("size_hw", [(40, 48), (80, 96), (33, 100)])
def test_over_the_whole_image_it_is_opencvs_resize(size_hw):
    values = RNG.uniform(size=(5, 6)).astype("float32")
    expected = cv2.resize(values, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    found = resize_heatmap(values, (0, 0, size_hw[1], size_hw[0]), size_hw)
    np.testing.assert_allclose(found, expected, atol=0.03)  # warpAffine has 32 steps between cells


def test_corners_outside_of_the_image_cut_the_map():
    """8 x 8 cells of 10 pixels; the image is what lies from (15, 20) to (65, 60)."""
    values = RNG.uniform(size=(8, 8)).astype("float32")
    whole = resize_heatmap(values, (0, 0, 80, 80), (80, 80))
    found = resize_heatmap(values, (-15, -20, 65, 60), (40, 50))
    np.testing.assert_allclose(found, whole[20:60, 15:65], atol=1e-5)


def test_a_map_of_a_part_ends_in_its_edge():
    """Beyond the map its outermost cells go on."""
    found = resize_heatmap(np.array([[1.0, 2], [3, 4]]), (20, 20, 40, 40), (60, 60))
    assert (found[:20, :20] == 1).all() and (found[40:, 40:] == 4).all()


def test_hot_cells_glow_and_the_rest_stays():
    """Cells 1 and 2 of 4 x 5 each way on 80 x 100: their middle is warmest, far off not a pixel changes."""
    image = RNG.integers(0, 100, (80, 100, 3), np.uint8)
    values = np.zeros((4, 5))
    values[1:3, 2:4] = 0.2
    found = overlay_heatmap(image, values, (0, 0, 100, 80))
    assert found.dtype == np.uint8 and found.shape == image.shape
    ys, xs = np.nonzero(np.abs(found.astype(int) - image).max(axis=-1))
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == pytest.approx((31, 88, 11, 68), abs=2)
    warmest = cv2.applyColorMap(np.array([[255]], np.uint8), cv2.COLORMAP_INFERNO)[0, 0, ::-1]
    expected = image[32:48, 52:68] * (1 - MOST) + warmest * MOST
    assert np.abs(found[32:48, 52:68] - expected).max() <= 1


def test_limits_say_what_shows_nothing_and_most():
    """At or under the lower one the image stays; above the upper one it is as at it."""
    image = np.full((20, 20, 3), 60, np.uint8)
    corners = (0, 0, 20, 20)
    np.testing.assert_array_equal(overlay_heatmap(image, np.full((2, 2), 3.0), corners, (3, 5)), image)
    most = overlay_heatmap(image, np.full((2, 2), 5.0), corners, (3, 5))
    np.testing.assert_array_equal(most, overlay_heatmap(image, np.full((2, 2), 50.0), corners, (3, 5)))
    assert np.abs(most.astype(int) - image).min(axis=(0, 1)).max() > 50


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.full((3, 3), 1e-30)])
def test_a_map_of_nothing_is_the_image(values):
    image = RNG.integers(0, 255, (20, 20, 3), np.uint8)
    np.testing.assert_array_equal(overlay_heatmap(image, values, (0, 0, 20, 20)), image)
