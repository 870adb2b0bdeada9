"""Painted shapes, moved and found again in the pixels."""

import numpy as np
import pytest
import tensorflow as tf

from augment import affine
from augment.warp import warp, warp_mask


def paint(size_hw, box, value=255):
    """Paint whole pixels; the box is x1 y1 x2 y2."""
    image = np.zeros((*size_hw, 3), np.uint8)
    image[box[1] : box[3], box[0] : box[2]] = value
    return image


def find(image, threshold=127.5):
    ys, xs = np.nonzero(np.asarray(image)[..., 0] > threshold)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


def noise_image(*size_hw, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), np.uint8)


UPRIGHT = [
    ((90, 160), "letterbox", (1.0, 1.0), (0, 0)),
    ((90, 160), "stretch", (1.0, 1.0), (0, 0)),
    ((300, 200), "letterbox", (0.8, 0.8), (7.3, -4.6)),
    ((300, 200), "letterbox", (-1.1, 1.1), (3.5, 2.2)),
    ((40, 30), "letterbox", (0.9, 1.3), (-5.4, 3.3)),
    ((64, 64), "stretch", (1.0, 1.0), (5.5, 0.25)),
]


@pytest.mark.parametrize(("image_hw", "fit", "factors", "shift"), UPRIGHT)
def test_a_box_without_rotation_is_found_within_a_pixel(image_hw, fit, factors, shift):
    height, width = image_hw
    box = [width // 4, height // 3, 2 * width // 3, 3 * height // 4]
    matrix = affine.about(affine.scaling(*factors), 32, 32) @ affine.FITS[fit](image_hw, (64, 64))
    matrix = affine.translation(*shift) @ matrix
    expected = affine.clip_boxes(affine.move_boxes(np.array([box]), matrix), (64, 64))[0]
    found = find(warp(paint(image_hw, box), matrix, (64, 64), fill=0.0))
    assert np.abs(found - expected).max() <= 1.0


def test_a_turned_rectangle_is_found_where_its_corners_go():
    rng = np.random.default_rng(3)
    for _ in range(12):
        matrix = affine.letterbox((120, 160), (128, 128))
        turn = affine.rotation(rng.uniform(-15, 15)) @ affine.shearing(*rng.uniform(-4, 4, 2))
        turn = turn @ affine.scaling(*rng.uniform(0.7, 1.1, 2))
        matrix = affine.translation(*rng.uniform(-5, 5, 2)) @ affine.about(turn, 64, 64) @ matrix
        found = find(warp(paint((120, 160), [50, 40, 110, 75]), matrix, (128, 128), fill=0.0))
        expected = affine.move_boxes(np.array([[50, 40, 110, 75]]), matrix, "corners")[0]
        assert np.abs(found - expected).max() <= 1.5  # a sharp corner covers less than half of its pixel


def test_the_three_ways_of_resampling_agree():
    image = tf.image.resize(noise_image(12, 16), (96, 128))
    matrix = affine.scaling(0.9, 0.9) @ affine.translation(3.3, -2.7)
    upright = warp(image, matrix, (80, 80))
    almost = warp(image, affine.rotation(1e-4) @ matrix, (80, 80))
    assert np.abs(upright - almost).max() < 0.2
    placed = warp(image, affine.letterbox((96, 128), (112, 112)), (112, 112))
    nearly = warp(image, affine.rotation(1e-4) @ affine.letterbox((96, 128), (112, 112)), (112, 112))
    assert np.abs(placed - nearly)[16:-16, 2:-2].max() < 12  # one averages areas, the other is bilinear


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_nothing_to_move_returns_the_image_bit_for_bit(dtype):
    image = noise_image(37, 53).astype(dtype)
    for fit in affine.FITS.values():
        np.testing.assert_array_equal(warp(image, fit((37, 53), (37, 53)), (37, 53)), image)
    moved = warp(image, affine.translation(4, 2), (37, 53))
    np.testing.assert_allclose(moved[2:, 4:], image[:-2, :-4].astype("f"), atol=0.01)


def test_flips_are_exact_mirrors():
    image = noise_image(40, 40)
    sideways = warp(image, affine.about(affine.scaling(-1, 1), 20, 20), (40, 40))
    np.testing.assert_array_equal(np.rint(sideways), image[:, ::-1])
    around = warp(image, affine.about(affine.rotation(180.0), 20, 20), (40, 40))
    np.testing.assert_array_equal(np.rint(around), image[::-1, ::-1])


def test_two_half_warps_equal_one():
    image = tf.image.resize(noise_image(8, 8), (96, 96))
    half = affine.about(affine.rotation(6.0), 48, 48)
    twice = warp(warp(image, half, (96, 96)), half, (96, 96))
    once = warp(image, half @ half, (96, 96))
    assert np.abs(twice - once)[16:-16, 16:-16].mean() < 1.0


def test_shrinking_averages_instead_of_skipping():
    stripes = np.tile(np.array([0, 0, 0, 255], np.uint8)[None, :, None], (64, 16, 3))  # 63.75 on average
    eighth = affine.scaling(1 / 8, 1 / 8)
    np.testing.assert_allclose(warp(stripes, eighth, (8, 8)), 63.75, atol=0.5)  # whole numbers
    # Every eighth pixel alone would read 0 or 255 everywhere.
    for matrix in (
        affine.translation(1.3, 2.1) @ eighth,
        affine.about(affine.rotation(9.0), 4, 4) @ eighth,
    ):
        np.testing.assert_allclose(warp(stripes, matrix, (8, 8))[3:6, 3:6], 63.75, atol=40)


@pytest.mark.parametrize("image_hw", [(1, 1), (1, 300), (300, 1), (4000, 5000)])
@pytest.mark.parametrize("degrees", [0.0, 7.0])
def test_extreme_images(image_hw, degrees):
    image = np.full((*image_hw, 3), 200, np.uint8)
    matrix = affine.about(affine.rotation(degrees), 16, 16) @ affine.letterbox(image_hw, (32, 32))
    result = warp(image, matrix, (32, 32))
    assert result.shape == (32, 32, 3) and result.min() >= 113.9 and result.max() <= 200.1
    if min(image_hw) == max(image_hw) or image_hw[0] == 4000:
        np.testing.assert_allclose(result[16, 16], 200, atol=5)  # one pixel enlarged fades from its middle on


def test_masks_keep_their_classes_and_follow_the_image():
    box = [20, 30, 70, 60]
    matrix = affine.about(affine.rotation(12.0), 32, 32) @ affine.letterbox((90, 90), (64, 64))
    mask = warp_mask(paint((90, 90), box, 7)[..., :1], matrix, (64, 64))
    assert set(np.unique(mask)) == {0, 7}
    image = warp(paint((90, 90), box), matrix, (64, 64), fill=0.0)
    assert ((mask[..., 0] == 7) != (image[..., 0] > 127.5)).mean() < 0.01


def test_a_row_of_a_batch_is_filled_in_place():
    batch, image = np.zeros((2, 40, 50, 3), np.uint8), noise_image(60, 60)
    for matrix in (affine.letterbox((60, 60), (40, 50)), affine.rotation(5.0), np.eye(3)):
        row = warp(image, matrix, (40, 50), out=batch[1])
        np.testing.assert_array_equal(batch[1], warp(image, matrix, (40, 50)))
        assert np.shares_memory(row, batch) and not batch[0].any()
