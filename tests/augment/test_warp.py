"""Painted shapes, moved and found again in the pixels."""

import numpy as np
import pytest
import tensorflow as tf

from augment import geometry
from augment.warp import warp, warp_mask


def paint(size_hw, box, value=255):
    """Paint whole pixels; the box is x1 y1 x2 y2."""
    picture = np.zeros((*size_hw, 3), np.uint8)
    picture[box[1] : box[3], box[0] : box[2]] = value
    return picture


def find(picture, threshold=127.5):
    ys, xs = np.nonzero(np.asarray(picture)[..., 0] > threshold)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])


def noise_picture(*size_hw, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), np.uint8)


UPRIGHT = [
    ((90, 160), "letterbox", (1.0, 1.0), (0, 0)),
    ((90, 160), "stretch", (1.0, 1.0), (0, 0)),
    ((300, 200), "letterbox", (0.8, 0.8), (7.3, -4.6)),
    ((300, 200), "letterbox", (-1.1, 1.1), (3.5, 2.2)),
    ((40, 30), "letterbox", (0.9, 1.3), (-5.4, 3.3)),
    ((64, 64), "stretch", (1.0, 1.0), (5.5, 0.25)),
]


@pytest.mark.parametrize(("picture_hw", "fit", "factors", "shift"), UPRIGHT)
def test_a_box_without_rotation_is_found_within_a_pixel(picture_hw, fit, factors, shift):
    height, width = picture_hw
    box = [width // 4, height // 3, 2 * width // 3, 3 * height // 4]
    matrix = geometry.about(geometry.scaling(*factors), 32, 32) @ geometry.FITS[fit](picture_hw, (64, 64))
    matrix = geometry.translation(*shift) @ matrix
    expected = geometry.clip_boxes(geometry.move_boxes(np.array([box]), matrix), (64, 64))[0]
    found = find(warp(paint(picture_hw, box), matrix, (64, 64), fill=0.0))
    assert np.abs(found - expected).max() <= 1.0


def test_a_turned_rectangle_is_found_where_its_corners_go():
    rng = np.random.default_rng(3)
    for _ in range(12):
        matrix = geometry.letterbox((120, 160), (128, 128))
        turn = geometry.rotation(rng.uniform(-15, 15)) @ geometry.shearing(*rng.uniform(-4, 4, 2))
        turn = turn @ geometry.scaling(*rng.uniform(0.7, 1.1, 2))
        matrix = geometry.translation(*rng.uniform(-5, 5, 2)) @ geometry.about(turn, 64, 64) @ matrix
        found = find(warp(paint((120, 160), [50, 40, 110, 75]), matrix, (128, 128), fill=0.0))
        expected = geometry.move_boxes(np.array([[50, 40, 110, 75]]), matrix, "corners")[0]
        assert np.abs(found - expected).max() <= 1.5  # a sharp corner covers less than half of its pixel


def test_the_three_ways_of_resampling_agree():
    picture = tf.image.resize(noise_picture(12, 16), (96, 128))
    matrix = geometry.scaling(0.9, 0.9) @ geometry.translation(3.3, -2.7)
    upright = warp(picture, matrix, (80, 80))
    almost = warp(picture, geometry.rotation(1e-4) @ matrix, (80, 80))
    assert np.abs(upright - almost).max() < 0.2
    placed = warp(picture, geometry.letterbox((96, 128), (112, 112)), (112, 112))
    nearly = warp(picture, geometry.rotation(1e-4) @ geometry.letterbox((96, 128), (112, 112)), (112, 112))
    assert np.abs(placed - nearly)[16:-16, 2:-2].max() < 12  # one averages areas, the other is bilinear


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_nothing_to_move_returns_the_picture_bit_for_bit(dtype):
    picture = noise_picture(37, 53).astype(dtype)
    for fit in geometry.FITS.values():
        np.testing.assert_array_equal(warp(picture, fit((37, 53), (37, 53)), (37, 53)), picture)
    moved = warp(picture, geometry.translation(4, 2), (37, 53))
    np.testing.assert_allclose(moved[2:, 4:], picture[:-2, :-4].astype("f"), atol=0.01)


def test_flips_are_exact_mirrors():
    picture = noise_picture(40, 40)
    sideways = warp(picture, geometry.about(geometry.scaling(-1, 1), 20, 20), (40, 40))
    np.testing.assert_array_equal(np.rint(sideways), picture[:, ::-1])
    around = warp(picture, geometry.about(geometry.rotation(180.0), 20, 20), (40, 40))
    np.testing.assert_array_equal(np.rint(around), picture[::-1, ::-1])


def test_two_half_warps_equal_one():
    picture = tf.image.resize(noise_picture(8, 8), (96, 96))
    half = geometry.about(geometry.rotation(6.0), 48, 48)
    twice = warp(warp(picture, half, (96, 96)), half, (96, 96))
    once = warp(picture, half @ half, (96, 96))
    assert np.abs(twice - once)[16:-16, 16:-16].mean() < 1.0


def test_shrinking_averages_instead_of_skipping():
    stripes = np.tile(np.array([0, 0, 0, 255], np.uint8)[None, :, None], (64, 16, 3))  # 63.75 on average
    eighth = geometry.scaling(1 / 8, 1 / 8)
    np.testing.assert_allclose(warp(stripes, eighth, (8, 8)), 63.75, atol=0.5)  # whole numbers
    # Every eighth pixel alone would read 0 or 255 everywhere.
    for matrix in (
        geometry.translation(1.3, 2.1) @ eighth,
        geometry.about(geometry.rotation(9.0), 4, 4) @ eighth,
    ):
        np.testing.assert_allclose(warp(stripes, matrix, (8, 8))[3:6, 3:6], 63.75, atol=40)


@pytest.mark.parametrize("picture_hw", [(1, 1), (1, 300), (300, 1), (4000, 5000)])
@pytest.mark.parametrize("degrees", [0.0, 7.0])
def test_extreme_pictures(picture_hw, degrees):
    picture = np.full((*picture_hw, 3), 200, np.uint8)
    matrix = geometry.about(geometry.rotation(degrees), 16, 16) @ geometry.letterbox(picture_hw, (32, 32))
    result = warp(picture, matrix, (32, 32))
    assert result.shape == (32, 32, 3) and result.min() >= 113.9 and result.max() <= 200.1
    if min(picture_hw) == max(picture_hw) or picture_hw[0] == 4000:
        np.testing.assert_allclose(result[16, 16], 200, atol=5)  # one pixel enlarged fades from its middle on


def test_masks_keep_their_classes_and_follow_the_picture():
    box = [20, 30, 70, 60]
    matrix = geometry.about(geometry.rotation(12.0), 32, 32) @ geometry.letterbox((90, 90), (64, 64))
    mask = warp_mask(paint((90, 90), box, 7)[..., :1], matrix, (64, 64))
    assert set(np.unique(mask)) == {0, 7}
    picture = warp(paint((90, 90), box), matrix, (64, 64), fill=0.0)
    assert ((mask[..., 0] == 7) != (picture[..., 0] > 127.5)).mean() < 0.01


def test_a_row_of_a_batch_is_filled_in_place():
    batch, picture = np.zeros((2, 40, 50, 3), np.uint8), noise_picture(60, 60)
    for matrix in (geometry.letterbox((60, 60), (40, 50)), geometry.rotation(5.0), np.eye(3)):
        row = warp(picture, matrix, (40, 50), out=batch[1])
        np.testing.assert_array_equal(batch[1], warp(picture, matrix, (40, 50)))
        assert np.shares_memory(row, batch) and not batch[0].any()
