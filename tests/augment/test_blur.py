"""Blur by its answer to single points, worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from augment.pixels import blur, motion_blur

MIDDLE = 64


def spot(size=128, row=MIDDLE, column=MIDDLE):
    """One bright red pixel; lengths count half in an image of 128 pixels."""
    image = np.zeros((1, size, size, 3), np.float32)
    image[0, row, column, 0] = 1000
    return image


def gaussian(sigma):
    """The kernel to three deviations, its sum 1."""
    steps = np.arange(-np.ceil(3 * sigma), np.ceil(3 * sigma) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    return weights / weights.sum()


@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.0])
def test_a_point_becomes_the_gaussian(sigma):
    answer = blur(spot(), tf.constant([2 * sigma]))[0].numpy()
    kernel = gaussian(sigma)
    reach = len(kernel) // 2
    expected = np.zeros((128, 128))
    around = slice(MIDDLE - reach, MIDDLE + reach + 1)
    expected[around, around] = 1000 * np.outer(kernel, kernel)
    np.testing.assert_allclose(answer[..., 0], expected, atol=1e-3)
    np.testing.assert_array_equal(answer[..., 1:], 0)


def test_blur_keeps_flat_images_and_mirrors_at_the_border():
    np.testing.assert_allclose(blur(tf.fill((1, 20, 30, 3), 80.0), tf.constant([16.0])), 80, rtol=1e-5)
    answer = blur(spot(row=0), tf.constant([4.0]))[0, :, MIDDLE, 0].numpy()
    kernel = gaussian(2.0)
    expected = (
        1000 * kernel.max() * (kernel[6:] + np.append(kernel[7:], 0))
    )  # its mirror image lies one row above
    np.testing.assert_allclose(answer[:7], expected, atol=1e-3)


def test_images_of_a_batch_have_their_own_sigma():
    together = blur(np.concatenate([spot()] * 3), tf.constant([0.0, 2.0, 8.0])).numpy()
    peaks = together[:, MIDDLE, MIDDLE, 0]
    np.testing.assert_allclose(
        peaks, [1000, 1000 * gaussian(1.0).max() ** 2, 1000 * gaussian(4.0).max() ** 2], rtol=1e-4
    )


def test_the_same_sigma_is_as_wide_a_share_of_a_larger_image():
    def deviation(size):
        answer = blur(spot(size, size // 2, size // 2), tf.constant([6.0]))[0, :, :, 0].numpy().sum(0) / 1000
        return np.sqrt((answer * (np.arange(size) - size // 2) ** 2).sum()) / size

    assert deviation(64) == pytest.approx(deviation(192), rel=0.03)
    assert deviation(192) == pytest.approx(6 / 256, rel=0.03)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 45.0, 90.0, 120.0, -20.0])
@pytest.mark.parametrize("length", [5.0, 20.0])
def test_a_point_becomes_a_line_of_that_length_and_angle(length, degrees):
    answer = motion_blur(spot(), tf.constant([2 * length]), tf.constant([degrees]))[0].numpy()
    weights = answer[..., 0] / 1000
    assert weights.sum() == pytest.approx(1, rel=1e-5) and weights.min() >= 0
    rows, columns = np.mgrid[:128, :128] - MIDDLE
    assert (weights * rows).sum() == pytest.approx(0, abs=1e-3)
    assert (weights * columns).sum() == pytest.approx(0, abs=1e-3)
    # Moments: an even line of length L has the variance L^2 / 12 along and none across; pixels add up to 1/4.
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    along, across = columns * cos - rows * sin, columns * sin + rows * cos
    assert (weights * along**2).sum() == pytest.approx(length**2 / 12, rel=0.06, abs=0.3)
    assert (weights * across**2).sum() < 0.3
    assert np.abs(along[weights > 0]).max() <= length / 2 + 0.5


def test_a_flat_line_by_hand():
    """Length 4: three whole pixels and two halves."""
    answer = motion_blur(spot(), tf.constant([8.0]), tf.constant([0.0]))[0, MIDDLE, :, 0].numpy()
    np.testing.assert_allclose(answer[MIDDLE - 3 : MIDDLE + 4], [0, 125, 250, 250, 250, 125, 0], rtol=1e-5)
    rising = motion_blur(spot(), tf.constant([30.0]), tf.constant([45.0]))[0, :, :, 0].numpy()
    assert rising[MIDDLE - 4, MIDDLE + 4] > 10 and rising[MIDDLE + 4, MIDDLE + 4] == 0


def test_motion_blur_keeps_flat_images():
    flat = tf.fill((2, 24, 40, 3), 80.0)
    np.testing.assert_allclose(
        motion_blur(flat, tf.constant([16.0, 128.0]), tf.constant([33.0, 80.0])), 80, rtol=1e-5
    )
