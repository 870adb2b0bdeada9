"""Which number of the raw output an answer comes from."""

import numpy as np
import pytest

from cityzoo.kinds import Kind
from cityzoo.kinds.asking import Asked, class_asked
from cityzoo.kinds.classification import Classification
from cityzoo.kinds.counting import Counting
from cityzoo.kinds.detection import Detection
from cityzoo.kinds.several_classes import SeveralClasses
from cityzoo.sample import Picture

EYE = np.eye(3, dtype=np.float32)
ANY = Picture("a.jpg", (64, 64))


@pytest.mark.parametrize(
    ("kind", "row", "number"),
    [
        (Classification(("bus", "car")), [1.5], 0),
        (Classification(("bus", "car")), [1.5], 1),
        (Classification(("bus", "car", "van")), [0.5, -1.0, 2.0], 1),
        (SeveralClasses(("fire", "smoke")), [-3.0, 1.0], 1),
    ],
)
def test_a_class_keeps_the_probability_that_the_kind_gives_it(kind, row, number):
    """One logit for two classes, softmax, sigmoids; the log odds are those of the probability."""
    outputs = np.array([row, np.zeros(len(row))], np.float32)
    shares = np.stack(kind.results(outputs, EYE[None], [ANY]))
    label = np.argsort(-shares[0])[number]
    asked = kind.asked(outputs[0], EYE, ANY, number)
    assert asked.words == kind.class_names[label] and asked.box_xyxy is None
    assert asked.probability(outputs) == pytest.approx(shares[:, label])
    assert asked.log_odds(outputs) == pytest.approx(
        np.log(shares[:, label] / (1 - shares[:, label])), abs=1e-6
    )
    assert outputs[(0, *asked.place)] == (row * 2)[label] and asked.sign == (
        -1 if row == [1.5] and label == 0 else 1
    )


def test_there_are_as_many_answers_as_classes():
    assert class_asked(np.array([0.7, 0.3]), 2, ("a", "b"), several=True, number=2) is None


def test_log_odds_move_where_the_probability_is_one():
    """Softmax of 60 against two zeros: log odds 60 - log 2."""
    asked, outputs = Asked((0,), 1, "car", tied=True), np.array([[60.0, 0.0, 0.0], [90.0, 0.0, 0.0]])
    assert asked.log_odds(outputs) == pytest.approx([60 - np.log(2), 90 - np.log(2)])
    assert asked.probability(outputs).tolist() == [1.0, 1.0]


def test_the_point_of_each_detection_is_found_again():
    """Its box and its logit, decoded alone, are the detection; one that lies in the padding is left out first."""
    kind, rng = Detection(("car", "bus"), neck_width=8), np.random.default_rng(0)
    corners = rng.uniform(0, 50, (84, 2))
    output = np.concatenate(
        [corners, corners + rng.uniform(4, 14, (84, 2)), rng.normal(-3, 2, (84, 2))], axis=1
    )
    output = output.astype(np.float32)
    output[7] = [0, 1, 60, 9, 9, -9]  # the surest of all, above the picture
    matrix, picture = (
        np.array([[0.5, 0, 0], [0, 0.5, 16], [0, 0, 1]], np.float32),
        Picture("a.jpg", (64, 128)),
    )
    (found,) = kind.results(output[None], matrix[None], [picture])
    assert len(found) > 5
    for number in range(len(found)):
        asked = kind.asked(output, matrix, picture, number)
        back = np.clip((output[asked.place[0], :4] - [0, 16, 0, 16]) * 2, 0, [128, 64, 128, 64])
        assert back == pytest.approx(found.boxes_xyxy[number], abs=1e-4)
        assert asked.words == kind.class_names[found.labels[number]]
        assert asked.probability(output[None])[0] == pytest.approx(found.scores[number])
        assert asked.box_xyxy.tolist() == output[asked.place[0], :4].tolist()
    assert kind.asked(output, matrix, picture, len(found)) is None


def test_answers_that_are_maps_explain_themselves():
    assert not Counting(("car",)).explained and Detection(("car",)).explained
    assert Counting(("car",)).asked(np.zeros(1), EYE, ANY, 0) is None
    assert Kind.explained is False
