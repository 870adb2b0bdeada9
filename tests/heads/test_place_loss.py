"""Background that counts more where no object can stand, worked out by hand."""

import numpy as np
import pytest

from heads.detection import DetectionLoss
from heads.place_loss import PlaceDetectionLoss, append_places

SIZE = (32, 32)
NONE = -np.ones((1, 1, 5), np.float32)
LOGIT = 1.0


def focal(logit):
    """The quality focal loss of background: the square of the score times the cross entropy."""
    return (1 / (1 + np.exp(-logit))) ** 2 * np.log1p(np.exp(logit))


def loss(boxes, *, objects=NONE, bits=(0, 1), weight=3.0):
    """The loss of four points of stride 16 with two classes, and masks with a bit of both in two rows of cells."""
    masks = np.zeros((1, *SIZE, 1), np.uint8)
    masks[:, 16:20] = 1
    masks[:, 20:24] = 2
    masks[:, :, 28:] = 0
    rows = [[*box, LOGIT, LOGIT] for box in boxes]
    made = PlaceDetectionLoss(SIZE, (16,), box_weight=0.0, bits=bits, weight=weight)
    assert float(made(append_places(objects, masks), np.float32([rows]))) == pytest.approx(
        float(
            PlaceDetectionLoss.from_config(made.get_config())(
                append_places(objects, masks), np.float32([rows])
            )
        )
    )
    return float(made(append_places(objects, masks), np.float32([rows])))


ALLOWED = [4, 2, 12, 10]


@pytest.mark.parametrize(
    ("box", "impossible"),
    [
        ((4, 2, 12, 10), 0),  # where both can stand
        ((4, 2, 12, 16.5), 1),  # the first class cannot
        ((4, 2, 12, 19.5), 1),
        ((4, 2, 12, 20.5), 1),  # the second one cannot
        ((4, 2, 12, 24.5), 0),
        ((26, 2, 31, 16.5), 0),  # a bottom center at 28.5, right of the place
        ((26, 2, 28, 16.5), 1),
        ((-20, 2, 4, 16.5), 0),  # it stands left of the input: not known
        ((4, 2, 12, 31.5), 0),  # it ends at the lower edge
        ((4, 2, 12, 40), 0),
        ((4, -30, 12, -10), 0),
    ],
)
def test_a_box_that_stands_where_its_class_cannot_counts_more(box, impossible):
    """Eight logits of background, one of them three times more for each class that is impossible."""
    expected = (8 + 3 * impossible) * focal(LOGIT)
    assert loss([box, ALLOWED, ALLOWED, ALLOWED]) == pytest.approx(expected, rel=1e-4)


def test_classes_share_a_bit_or_have_none():
    box = (4, 2, 12, 16.5)
    plain = 8 * focal(LOGIT)
    assert loss([box] + [ALLOWED] * 3, bits=(0, 0)) == pytest.approx(plain + 6 * focal(LOGIT), rel=1e-4)
    assert loss([box] + [ALLOWED] * 3, bits=(8, 8)) == pytest.approx(plain, rel=1e-4)
    assert loss([box] + [ALLOWED] * 3, weight=0.0) == pytest.approx(plain, rel=1e-4)


def test_labeled_objects_count_as_labeled():
    """The box of a label on the impossible line: its own point is not punished, the other one there is."""
    label = np.float32([[[4, 2, 12, 18, 0]]])
    boxes = [(4, 2, 12, 18), ALLOWED, (4, 2, 12, 18), ALLOWED]
    plain = DetectionLoss(SIZE, (16,), box_weight=0.0)
    rows = np.float32([[[*box, LOGIT, LOGIT] for box in boxes]])
    more = loss(boxes, objects=label) - float(plain(label, rows))
    assert more == pytest.approx(3 * focal(LOGIT), rel=1e-3)


def test_gradients_change_scores_and_not_boxes():
    """Raising the weight changes the gradient of the logit of the impossible class alone."""
    import tensorflow as tf

    def gradient(weight):
        masks = np.full((1, *SIZE, 1), 1, np.uint8)
        rows = tf.Variable(np.float32([[[4, 2, 12, 18, LOGIT, LOGIT]] + [[*ALLOWED, -9, -9]] * 3]))
        made = PlaceDetectionLoss(SIZE, (16,), bits=(0, 8), weight=weight)
        with tf.GradientTape() as tape:
            found = made(append_places(NONE, masks), rows)
        return tape.gradient(found, rows).numpy()[0, 0]

    before, after = gradient(0.0), gradient(1.0)
    assert after[:4].tolist() == [0] * 4 and after[4] == pytest.approx(2 * before[4])
    assert after[5] == pytest.approx(before[5])
