"""Boxes put together and cut, held against pixels."""

import numpy as np
import tensorflow as tf

from augment.mix_ops import join_boxes, shared_areas, uncovered


def random_boxes(rng, count, largest=24):
    corner = rng.integers(0, 24, (1, count, 2))
    return np.concatenate([corner, corner + rng.integers(1, largest, (1, count, 2))], 2).astype(np.float32)


def paint(canvas, box, value):
    x1, y1, x2, y2 = box.astype(int)
    canvas[y1:y2, x1:x2] = value


def test_shared_areas_count_pixels():
    rng = np.random.default_rng(0)
    boxes, others = random_boxes(rng, 5), random_boxes(rng, 7)
    areas = shared_areas(tf.constant(boxes), tf.constant(others)).numpy()
    for i, j in np.ndindex(5, 7):
        first, second = np.zeros((2, 48, 48), bool)
        paint(first, boxes[0, i], True)
        paint(second, others[0, j], True)
        assert areas[0, i, j] == np.sum(first & second)


def test_what_a_window_leaves_of_a_box_is_what_is_seen():
    rng = np.random.default_rng(2)
    shortened = bitten = 0
    for _ in range(60):
        boxes, window = random_boxes(rng, 6, 14), random_boxes(rng, 1, 40)
        rest, visible = uncovered(tf.constant(boxes), tf.constant(window), tf.constant([[True]]))
        for box, left, share in zip(boxes[0], rest[0].numpy(), visible[0].numpy(), strict=True):
            canvas = np.zeros((64, 64), bool)
            paint(canvas, box, True)
            area = canvas.sum()
            paint(canvas, window[0, 0], False)
            assert abs(share - canvas.sum() / area) < 1e-5
            if canvas.any():
                ys, xs = np.nonzero(canvas)
                np.testing.assert_array_equal(left, [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
                shortened += (left != box).any()
                bitten += (left == box).all() and share < 1
    assert shortened > 20 and bitten > 20


def test_several_windows_and_those_that_do_not_count():
    box = tf.constant([[[10.0, 10, 30, 20]]])
    windows = tf.constant([[[0.0, 0, 14, 40], [24, 5, 40, 25], [0, 0, 40, 40]]])
    rest, visible = uncovered(box, windows, tf.constant([[True, True, False]]))
    np.testing.assert_array_equal(rest, [[[14, 10, 24, 20]]])
    np.testing.assert_allclose(visible, [[0.5]], atol=1e-6)
    rest, visible = uncovered(box, windows, tf.constant([[False, False, False]]))
    np.testing.assert_array_equal(rest, box)
    assert visible[0, 0] == 1


def test_joined_boxes_keep_order_and_end_in_padding():
    sides = [[5, 2, 9], [3, 7, 4]]
    parts = [
        {
            "boxes": tf.constant([[[0.0, 0, side, side] for side in row]]),
            "labels": tf.constant([[10 * number + k for k in range(3)]], tf.int32),
            "track": tf.constant([[[side] for side in row]]),
        }
        for number, row in enumerate(sides)
    ]
    kept = [tf.constant([[True, True, False]]), tf.constant([[True, True, True]])]
    joined = join_boxes(parts, kept)
    np.testing.assert_array_equal(joined["labels"], [[0, 11, 12]])
    np.testing.assert_array_equal(joined["track"], [[[5], [7], [4]]])
    few = join_boxes(parts, [tf.constant([[False, True, False]]), tf.constant([[False, False, True]])])
    np.testing.assert_array_equal(few["labels"], [[1, 12, -1]])
    np.testing.assert_array_equal(few["boxes"][0, 2], [-1, -1, -1, -1])
