"""Which number of the raw output an answer comes from."""

import numpy as np
import pytest

from cityzoo.outputs import Output
from cityzoo.outputs.attribution_target import AttributionTarget, class_attribution_target
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting
from cityzoo.outputs.detection import Detection
from cityzoo.outputs.multilabel import MultiLabelClassification
from cityzoo.sample import ImageExample

EYE = np.eye(3, dtype=np.float32)
ANY = ImageExample("a.jpg", (64, 64))


@pytest.mark.parametrize(
    ("output", "row", "number"),
    [
        (Classification(("bus", "car")), [1.5], 0),
        (Classification(("bus", "car")), [1.5], 1),
        (Classification(("bus", "car", "van")), [0.5, -1.0, 2.0], 1),
        (MultiLabelClassification(("fire", "smoke")), [-3.0, 1.0], 1),
    ],
)
def test_a_class_keeps_the_probability_that_the_kind_gives_it(output, row, number):
    """One logit for two classes, softmax, sigmoids; the log odds are those of the probability."""
    outputs = np.array([row, np.zeros(len(row))], np.float32)
    shares = np.stack(output.decode(outputs, EYE[None], [ANY]))
    label = np.argsort(-shares[0])[number]
    asked = output.attribution_target(outputs[0], EYE, ANY, number)
    assert asked.words == output.class_names[label] and asked.box_xyxy is None
    assert asked.probability(outputs) == pytest.approx(shares[:, label])
    assert asked.log_odds(outputs) == pytest.approx(
        np.log(shares[:, label] / (1 - shares[:, label])), abs=1e-6
    )
    assert outputs[(0, *asked.place)] == (row * 2)[label] and asked.sign == (
        -1 if row == [1.5] and label == 0 else 1
    )


def test_there_are_as_many_answers_as_classes():
    assert class_attribution_target(np.array([0.7, 0.3]), 2, ("a", "b"), several=True, number=2) is None


def test_log_odds_move_where_the_probability_is_one():
    """Softmax of 60 against two zeros: log odds 60 - log 2."""
    asked, outputs = (
        AttributionTarget((0,), 1, "car", tied=True),
        np.array([[60.0, 0.0, 0.0], [90.0, 0.0, 0.0]]),
    )
    assert asked.log_odds(outputs) == pytest.approx([60 - np.log(2), 90 - np.log(2)])
    assert asked.probability(outputs).tolist() == [1.0, 1.0]


def test_the_point_of_each_detection_is_found_again():
    """Its box and its logit, decoded alone, are the detection; one that lies in the padding is left out first."""
    output, rng = Detection(("car", "bus"), neck_width=8), np.random.default_rng(0)
    corners = rng.uniform(0, 50, (84, 2))
    logits = np.concatenate(
        [corners, corners + rng.uniform(4, 14, (84, 2)), rng.normal(-3, 2, (84, 2))], axis=1
    )
    logits = logits.astype(np.float32)
    logits[7] = [0, 1, 60, 9, 9, -9]  # the surest of all, above the image
    matrix, image = (
        np.array([[0.5, 0, 0], [0, 0.5, 16], [0, 0, 1]], np.float32),
        ImageExample("a.jpg", (64, 128)),
    )
    (found,) = output.decode(logits[None], matrix[None], [image])
    assert len(found) > 5
    for number in range(len(found)):
        asked = output.attribution_target(logits, matrix, image, number)
        back = np.clip((logits[asked.place[0], :4] - [0, 16, 0, 16]) * 2, 0, [128, 64, 128, 64])
        assert back == pytest.approx(found.boxes_xyxy[number], abs=1e-4)
        assert asked.words == output.class_names[found.labels[number]]
        assert asked.probability(logits[None])[0] == pytest.approx(found.scores[number])
        assert asked.box_xyxy.tolist() == logits[asked.place[0], :4].tolist()
    assert output.attribution_target(logits, matrix, image, len(found)) is None


def test_answers_that_are_maps_explain_themselves():
    assert not Counting(("car",)).supports_attribution and Detection(("car",)).supports_attribution
    assert Counting(("car",)).attribution_target(np.zeros(1), EYE, ANY, 0) is None
    assert Output.supports_attribution is False
