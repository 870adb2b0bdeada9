"""Which points learn which object, worked out by hand on grids of a few points."""

import numpy as np
import pytest

from heads.assign import CANDIDATES, anchor_points, assign, inside

FOUR, FOUR_STRIDES = anchor_points((16, 16), (8,))  # (4, 4), (12, 4), (4, 12), (12, 12)
PADDED = [-1.0, -1, -1, -1]
AWAY = [90.0, 90, 99, 99]


def run(boxes, labels, predicted, scores, grid=(FOUR, FOUR_STRIDES)):
    """Assign in one image and return plain arrays."""
    arrays = [np.array([array], "float32") for array in (boxes, labels, predicted, scores)]
    found = assign(arrays[0], arrays[1].astype("int32"), arrays[2], arrays[3], *grid)
    return tuple(np.asarray(part)[0] for part in found)


def test_points_of_every_level_row_by_row():
    """Centres of cells, the finest level first; a size that is no multiple of the stride gets a last cell."""
    points, strides = anchor_points((16, 24), (8, 16))
    assert points[:4].tolist() == [[4, 4], [12, 4], [20, 4], [4, 12]]
    assert points[6:].tolist() == [[8, 8], [24, 8]]
    assert strides.tolist() == [8] * 6 + [16] * 2
    assert (points.dtype, strides.dtype) == (np.float32, np.float32)


def test_a_box_holds_the_points_within_it():
    """The left half of the image, and a box between the lower points' rows."""
    held = inside(FOUR, FOUR_STRIDES, np.array([[[0, 0, 8, 16], [0, 9, 16, 16]]], "float32"))
    assert np.asarray(held)[0].tolist() == [[True, False, True, False], [False, False, True, True]]


@pytest.mark.parametrize("side", [0.5, 2.0, 7.9, 8.0])
def test_a_box_smaller_than_a_cell_gets_a_point_wherever_it_lies(side):
    """Also exactly between two points, or between four."""
    grid = anchor_points((32, 32), (8, 16))
    centres = np.stack(np.meshgrid(np.arange(4, 28.1, 0.5), np.arange(4, 28.1, 0.5)), axis=-1).reshape(-1, 2)
    boxes = np.concatenate([centres - side / 2, centres + side / 2], axis=1).astype("float32")
    points_of_box = np.asarray(inside(*grid, boxes[None]))[0].sum(axis=1)
    assert points_of_box.min() >= 1
    assert points_of_box.max() <= 5  # widened to one cell, not more: four fine points and a coarse one


def test_qualities_of_one_object_by_hand():
    """Score .25 and IoU 1 align by .5, score 1 and IoU .5 by .0625: qualities 1 and .0625 / .5."""
    predicted = [[0, 0, 16, 16], [0, 0, 16, 8], [0, 0, 16, 8], AWAY]
    scores = [[0.25, 0.9], [1.0, 0.9], [0.25, 0.9], [1.0, 0.9]]
    boxes, classes, quality = run([[0, 0, 16, 16]], [0], predicted, scores)
    assert quality == pytest.approx([1.0, 0.125, 0.0625, 0.0], abs=1e-6)
    assert classes == pytest.approx(np.stack([quality, np.zeros(4)], axis=1))
    assert boxes[:3].tolist() == [[0, 0, 16, 16]] * 3


def test_the_best_point_aims_at_the_iou_that_it_reaches():
    """No prediction fits fully: the best has IoU .5, and .5 is what its score shall be."""
    predicted = [[0, 0, 16, 8], [0, 0, 8, 8], AWAY, AWAY]
    quality = run([[0, 0, 16, 16]], [0], predicted, [[0.5]] * 4)[2]
    assert quality == pytest.approx([0.5, 0.5 * (0.25 / 0.5) ** 4, 0, 0], abs=1e-6)


def test_a_point_claimed_twice_goes_to_the_larger_iou():
    """The small box has 64 / 96 with the first prediction, the large one 96 / 256, but a far better score."""
    predicted = [[0, 0, 8, 12], [0, 0, 16, 16], AWAY, AWAY]
    boxes, classes, quality = run(
        [[0, 0, 16, 16], [0, 0, 8, 8]],
        [0, 1],
        predicted,
        [[0.99, 0.0004], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]],
    )
    assert boxes[:2].tolist() == [[0, 0, 8, 8], [0, 0, 16, 16]]
    assert classes[:2] == pytest.approx(np.array([[0, 2 / 3], [1, 0]]), abs=1e-5)
    assert quality == pytest.approx([2 / 3, 1, 0, 0], abs=1e-5)


def test_three_objects_get_their_own_points():
    """Each cell holds an object of its own class, and one holds none."""
    cells = [[0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [8, 8, 16, 16]]
    boxes, classes, _ = run(cells[:3], [2, 0, 1], cells, np.full((4, 3), 0.5))
    assert boxes[:3].tolist() == cells[:3]
    assert classes == pytest.approx(np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]]), abs=1e-6)


def test_padded_rows_change_nothing():
    """Before, between and behind the real boxes."""
    predicted, scores = [[0, 0, 8, 12], [8, 0, 16, 9], AWAY, AWAY], np.full((4, 2), 0.5)
    real, labels = [[0, 0, 8, 8], [8, 0, 16, 8]], [1, 0]
    without = run(real, labels, predicted, scores)
    padded = run([PADDED, real[0], PADDED, real[1], PADDED], [-1, 1, -1, 0, -1], predicted, scores)
    for expected, found in zip(without[1:], padded[1:], strict=True):
        assert found.tolist() == expected.tolist()
    assert padded[0][:2].tolist() == without[0][:2].tolist()


def test_an_image_without_objects_has_no_quality():
    """A predicted box over the padding's corner must not be taken for an object."""
    quality = run([PADDED, PADDED], [-1, -1], [[-2, -2, 4, 4]] * 4, np.full((4, 2), 0.9))[2]
    assert quality.tolist() == [0.0] * 4


def test_a_class_that_nobody_predicts_yet_is_still_learnt():
    """A score near 0 lowers the alignment of all points alike: the best still aims at its IoU."""
    quality = run([[0, 0, 16, 16]], [1], [[0, 0, 16, 16]] * 4, [[0.9, 1e-6]] * 4)[2]
    assert quality == pytest.approx(np.ones(4), abs=1e-4)


def test_only_the_best_candidates_learn():
    """Of 16 points within a box the ten whose predictions fit best, and no other."""
    grid = anchor_points((32, 32), (8,))
    widths = 16 + np.arange(16)
    predicted = np.stack([np.zeros(16), np.zeros(16), widths, np.full(16, 32)], axis=1)
    quality = run([[0, 0, 32, 32]], [0], predicted, np.full((16, 1), 0.5), grid)[2]
    assert np.flatnonzero(quality).tolist() == list(range(16 - CANDIDATES, 16))
    assert quality[6:] == pytest.approx((widths[6:] / 31) ** 4 * (31 / 32), abs=1e-5)


def test_images_of_a_batch_do_not_mix():
    """Two images at once give what each gives alone."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 8, (2, 3, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(2, 8, (2, 3, 2))], axis=-1).astype("float32")
    labels = np.array([[0, 1, -1], [1, 1, 0]], "int32")
    predicted = np.concatenate([FOUR - 5, FOUR + 6], axis=1)[None].repeat(2, 0).astype("float32")
    scores = rng.uniform(0.1, 0.9, (2, 4, 2)).astype("float32")
    together = assign(boxes, labels, predicted, scores, FOUR, FOUR_STRIDES)
    for i in range(2):
        alone = assign(*(x[i : i + 1] for x in (boxes, labels, predicted, scores)), FOUR, FOUR_STRIDES)
        for one, both in zip(alone, together, strict=True):
            assert np.asarray(both)[i] == pytest.approx(np.asarray(one)[0])
