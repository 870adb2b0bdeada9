"""The detection loss against formulas worked out here in NumPy, and its gradient where it could break."""

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from heads.assign import anchor_points
from heads.detection import DetectionLoss

PADDED = [-1.0] * 5


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def quality_focal(wanted, logits):
    """Li et al. 2020, equation 5 with beta 2: |y - s|^2 times the cross entropy."""
    y, s = np.asarray(wanted, float), sigmoid(logits)
    return float((np.abs(y - s) ** 2 * -(y * np.log(s) + (1 - y) * np.log(1 - s))).sum())


def iou_and_ciou(a, b):
    """Zheng et al. 2020, equations 8 to 11."""
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    sizes = [(box[2] - box[0], box[3] - box[1]) for box in (a, b)]
    iou = shared / (sizes[0][0] * sizes[0][1] + sizes[1][0] * sizes[1][1] - shared)
    apart = sum(((a[i] + a[i + 2]) / 2 - (b[i] + b[i + 2]) / 2) ** 2 for i in (0, 1))
    around = sum((max(a[i + 2], b[i + 2]) - min(a[i], b[i])) ** 2 for i in (0, 1))
    v = 4 / math.pi**2 * (math.atan(sizes[0][0] / sizes[0][1]) - math.atan(sizes[1][0] / sizes[1][1])) ** 2
    return iou, iou - apart / around - v * (v / (1 - iou + v) if v else 0)


def prediction(boxes, logits):
    """Boxes and logits of one image as the head returns them."""
    return np.concatenate([np.asarray(boxes, float), np.asarray(logits, float)], axis=1)[None].astype(
        "float32"
    )


def truth(*rows):
    """Objects of one image as the loss takes them."""
    return np.array([rows], "float32")


def test_smoothed_labels_share_the_quality_and_leave_background_alone():
    """A tenth of the quality .75 goes to both classes alike; with no object nothing is shared."""
    logits, box = [-0.4, 0.7], [0, 0, 8, 6]
    loss = DetectionLoss((8, 8), (8,), 0.0, label_smoothing=0.1)
    wanted = [0.75 * 0.1 / 2, 0.75 * 0.9 + 0.75 * 0.1 / 2]
    found = float(loss(truth([0, 0, 8, 8, 1]), prediction([box], [logits])))
    assert found == pytest.approx(quality_focal(wanted, logits), abs=1e-5)
    empty = float(loss(truth(PADDED), prediction([box], [logits])))
    assert empty == pytest.approx(quality_focal([0, 0], logits), abs=1e-5)
    assert DetectionLoss.from_config(loss.get_config()).label_smoothing == 0.1


@pytest.mark.parametrize("box_weight", [0.0, 2.0, 5.0])
@pytest.mark.parametrize("predicted", [[0, 0, 8, 8], [1, 0, 9, 6], [0, 2, 4, 8]])
def test_one_point_and_one_box_in_closed_form(predicted, box_weight):
    """The only point reaches its IoU, which is its quality; less than 1 in all divides by 1."""
    iou, ciou = iou_and_ciou([0, 0, 8, 8], predicted)
    logits = [-0.4, 0.7]
    expected = quality_focal([0, iou], logits) + box_weight * (1 - ciou) * iou
    loss = DetectionLoss((8, 8), (8,), box_weight)
    assert float(loss(truth([0, 0, 8, 8, 1]), prediction([predicted], [logits]))) == pytest.approx(
        expected, abs=1e-5
    )


def test_three_objects_divide_by_the_sum_of_their_qualities():
    """Three cells with an object each, of IoU 1, 1 and 3/4, and an empty one: divided by 2.75."""
    cells = [[0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [8, 8, 16, 16]]
    predicted = [cells[0], cells[1], [0, 8, 8, 14], cells[3]]
    logits = [[1.0, -2], [-1, 0.5], [0.1, -3], [-4, -5]]
    wanted = [[1, 0], [0, 1], [0.75, 0], [0, 0]]
    ciou = iou_and_ciou(cells[2], predicted[2])[1]
    expected = (quality_focal(wanted, logits) + 2 * 0.75 * (1 - ciou)) / 2.75
    rows = truth([*cells[2], 0], PADDED, [*cells[0], 0], [*cells[1], 1])
    assert float(DetectionLoss((16, 16), (8,))(rows, prediction(predicted, logits))) == pytest.approx(
        expected, abs=1e-5
    )


def test_perfect_boxes_cost_nothing():
    """What is left is the class part."""
    cells = [[0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [8, 8, 16, 16]]
    given = truth(*([*cell, 0] for cell in cells)), prediction(cells, [[0.3]] * 4)
    with_boxes, without = (float(DetectionLoss((16, 16), (8,), weight)(*given)) for weight in (1000.0, 0.0))
    assert with_boxes == pytest.approx(without, abs=1e-3)
    assert without == pytest.approx(quality_focal([1], [0.3]), abs=1e-5)


def test_an_image_without_objects_learns_background():
    """The class part alone, by the formula; padding is no object, though a prediction lies over it."""
    points = anchor_points((16, 16), (8,))[0]
    logits = np.array([[-3.0, 1.0], [2, -1], [0, 0], [-5, 4]])
    predicted = prediction(np.concatenate([points - 6, points + 6], axis=1), logits)
    loss = float(DetectionLoss((16, 16), (8,))(truth(PADDED, PADDED), predicted))
    assert loss == pytest.approx(quality_focal(np.zeros((4, 2)), logits), rel=1e-5)


def test_a_batch_is_the_mean_of_its_images():
    """Crowded, sparse and empty images count alike: a batch split over devices gives the same loss."""
    rng = np.random.default_rng(1)
    points = anchor_points((32, 32), (8, 16))[0]
    predicted = np.concatenate(
        [points - rng.uniform(2, 9, (3, 20, 2)), points + rng.uniform(2, 9, (3, 20, 2))], -1
    )
    outputs = np.concatenate([predicted, rng.normal(-1, 1, (3, 20, 2))], axis=-1).astype("float32")
    rows = np.full((3, 3, 5), -1.0, "float32")
    rows[0] = [[1, 2, 15, 20, 0], [8, 8, 30, 30, 1], [20, 3, 26, 9, 1]]
    rows[1, 1] = [4, 4, 20, 12, 0]
    loss = DetectionLoss((32, 32), (8, 16))
    single = [float(loss(rows[i : i + 1], outputs[i : i + 1])) for i in range(3)]
    assert len({round(value, 3) for value in single}) == 3
    assert float(loss(rows, outputs)) == pytest.approx(np.mean(single), rel=1e-5)


def test_a_better_score_costs_less_and_a_wrong_class_costs_more():
    """Towards the quality the loss falls."""
    loss, row = DetectionLoss((8, 8), (8,)), truth([0, 0, 8, 8, 1])
    right, unsure, wrong = (
        float(loss(row, prediction([[0, 0, 8, 8]], [logits]))) for logits in ([-4, 4], [0, 0], [4, -4])
    )
    assert right < unsure < wrong


BOX = [4.0, 4, 12, 12]
DEGENERATE = {
    "no width": ([8, 2, 8, 14], [0.0, 0]),
    "no height": ([2, 8, 14, 8], [0.0, 0]),
    "a single spot": ([8, 8, 8, 8], [0.0, 0]),
    "the object itself": (BOX, [0.0, 0]),
    "huge": ([-1e6, -1e6, 1e6, 1e6], [0.0, 0]),
    "sure of all": (BOX, [1e3, 1e3]),
    "sure of nothing": (BOX, [-1e3, -1e3]),
    "over the padding": ([-1, -1, -1, -1], [0.0, 0]),
}


@pytest.mark.parametrize(
    "rows", [[[*BOX, 0]], [PADDED], [[*BOX, 1], [5, 5, 5.5, 5.5, 0]]], ids=["one", "none", "two"]
)
@pytest.mark.parametrize("case", DEGENERATE)
def test_loss_and_gradient_stay_finite(case, rows):
    """Predictions at the edge of what numbers can say."""
    box, logits = DEGENERATE[case]
    outputs = tf.constant(prediction([box] * 4, [logits] * 4))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = DetectionLoss((16, 16), (8,))(truth(*rows), outputs)
    gradient = tape.gradient(loss, outputs).numpy()
    assert math.isfinite(float(loss)) and float(loss) >= 0
    assert np.isfinite(gradient).all(), gradient


def test_the_gradient_moves_a_box_towards_its_object():
    """A step against the gradient raises the IoU."""
    outputs = tf.Variable(prediction([[2.0, 0, 10, 8]], [[0.0]]))
    loss, row = DetectionLoss((8, 8), (8,)), truth([0, 0, 8, 8, 0])
    with tf.GradientTape() as tape:
        value = loss(row, outputs)
    step = outputs - 0.5 * tape.gradient(value, outputs)
    before, after = (iou_and_ciou([0, 0, 8, 8], box[0, 0, :4].numpy())[0] for box in (outputs, step))
    assert after > before


def test_comes_back_from_its_config():
    """Through JSON, as a saved model does it: same settings, same value."""
    loss = DetectionLoss((16, 8), (8,), box_weight=3.5, name="mine")
    text = json.dumps(keras.losses.serialize(loss))
    again = keras.losses.deserialize(json.loads(text))
    assert (again.size_hw, again.strides, again.box_weight, again.name) == ((16, 8), (8,), 3.5, "mine")
    given = truth([0, 0, 8, 8, 0]), prediction([[0, 0, 8, 6], [0, 8, 8, 16]], [[0.2], [0.1]])
    assert float(again(*given)) == float(loss(*given))
