"""Non-maximum suppression against numbers by hand, a plain loop and TensorFlow's own."""

import numpy as np
import pytest
import tensorflow as tf

from heads.detection_decode import BEFORE_NMS, class_wise_nms, iou_one_to_many

SQUARE = np.array([0, 0, 4, 4.0])


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        ([0, 0, 4, 4], 1.0),
        ([2, 0, 6, 4], 8 / 24),
        ([1, 1, 3, 3], 4 / 16),
        ([-2, -2, 6, 6], 16 / 64),
        ([2, 2, 6, 6], 4 / 28),
        ([4, 0, 8, 4], 0.0),  # they share an edge and no area
        ([9, 9, 12, 12], 0.0),
        ([1, 1, 1, 3], 0.0),  # no area at all
    ],
)
def test_iou_by_hand(other, iou):
    """Overlaps counted on paper."""
    assert iou_one_to_many(SQUARE, np.array([other], float)) == pytest.approx([iou])


def test_two_boxes_without_area_do_not_overlap():
    """0 / 0 is 0 here."""
    assert iou_one_to_many(np.zeros(4), np.zeros((1, 4))).tolist() == [0.0]


def random_detections(seed, points=60, classes=3, steps=10):
    """Whole-number boxes, and scores of few steps: many overlaps at exactly .5 and many equal scores."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 24, (points, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 12, (points, 2))], axis=1).astype(np.float32)
    return boxes, (rng.integers(0, steps, (points, classes)) / steps).astype(np.float32)


def plain_nms(boxes, scores, score, iou):
    """Every pair compared, in the words of the definition."""
    pairs = [(-scores[p, c], p, c) for p in range(len(boxes)) for c in range(scores.shape[1])]
    kept = []
    for value, point, label in sorted(pair for pair in pairs if -pair[0] >= score):
        rivals = [boxes[other] for _, other, same in kept if same == label]
        if all(plain_iou(boxes[point], rival) <= iou for rival in rivals):
            kept.append((value, point, label))
    return kept


def plain_iou(a, b):
    """Count the unit cells that two boxes of whole numbers share."""
    cells = [
        {(x, y) for x in range(int(c[0]), int(c[2])) for y in range(int(c[1]), int(c[3]))} for c in (a, b)
    ]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


@pytest.mark.parametrize("seed", range(3))
def test_equals_a_plain_loop_over_all_pairs(seed):
    """Same boxes, same order, ties and overlaps of exactly the threshold included."""
    boxes, scores = random_detections(seed)
    expected = plain_nms(boxes, scores, score=0.2, iou=0.5)
    found_boxes, found_scores, labels = class_wise_nms(boxes, scores, 0.2, 0.5, most=1000)
    assert labels.tolist() == [label for _, _, label in expected]
    assert found_boxes.tolist() == [boxes[point].tolist() for _, point, _ in expected]
    assert found_scores.tolist() == [-value for value, _, _ in expected]
    assert 3 < len(expected) < (scores >= 0.2).sum()  # something was removed and something was left


@pytest.mark.parametrize("seed", range(3))
def test_each_class_equals_tensorflow(seed):
    """`tf.image.non_max_suppression`, class by class."""
    boxes, scores = random_detections(seed)
    found = class_wise_nms(boxes, scores, 0.2, 0.5, most=1000)
    for label in range(scores.shape[1]):
        kept = tf.image.non_max_suppression(boxes, scores[:, label], 1000, 0.5, score_threshold=0.19).numpy()
        mine = found[2] == label
        assert found[0][mine].tolist() == boxes[kept].tolist()
        assert found[1][mine].tolist() == scores[kept, label].tolist()


def test_classes_leave_each_other_alone_and_a_point_may_have_several():
    """One box, two classes: two detections."""
    boxes, scores, labels = class_wise_nms(SQUARE[None], np.array([[0.5, 0.75]]), 0.1, 0.5, 100)
    assert (boxes.tolist(), scores.tolist(), labels.tolist()) == ([SQUARE.tolist()] * 2, [0.75, 0.5], [1, 0])


def test_lowest_score_counts_and_most_is_kept():
    """The threshold itself is in; only the best `most` come out."""
    boxes = np.array([[i * 10, 0, i * 10 + 8, 8] for i in range(4)], float)
    scores = np.array([[0.25], [0.5], [0.24], [1.0]])
    assert class_wise_nms(boxes, scores, 0.25, 0.5, 100)[1].tolist() == [1.0, 0.5, 0.25]
    assert class_wise_nms(boxes, scores, 0.25, 0.5, 2)[1].tolist() == [1.0, 0.5]


def test_nothing_found_has_shapes_and_types():
    """Empty arrays that the caller can go on with."""
    boxes, scores, labels = class_wise_nms(SQUARE[None], np.array([[0.05]]), 0.1, 0.5, 100)
    assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))
    assert (boxes.dtype, scores.dtype, labels.dtype) == (np.float32, np.float32, np.int32)


def test_only_the_best_pairs_are_looked_at():
    """More pairs than could ever be reported: the best ones stay."""
    count = BEFORE_NMS + 50
    corners = np.arange(count)[:, None] * 10.0
    boxes = np.concatenate([corners, corners, corners + 8, corners + 8], axis=1)
    scores = np.linspace(0.1, 0.9, count)[:, None]
    found = class_wise_nms(boxes, scores, 0.0, 0.5, most=10_000)[1]
    assert found == pytest.approx(np.sort(scores[:, 0])[::-1][:BEFORE_NMS])
