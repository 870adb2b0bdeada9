"""A metric that follows from the scores is found again; numbers by hand."""

import numpy as np
import pytest

from cityzoo.continual.predicted_metric import (
    MetricPoints,
    answer_statistics,
    answer_sums,
    predict_metric,
    predict_values,
)
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections


def sums_of(confidence, count=50):
    """Answers of a classifier, around a mean confidence."""
    scores = np.clip(np.random.default_rng(0).normal(confidence, 0.02, count), 0.15, 1)
    return answer_sums(
        Classification(("a", "b")), [np.array([score, 1 - score]) for score in scores if score > 0.5]
    )


def points():
    """Ten corruptions under which the metric is the confidence, less .1."""
    levels = np.linspace(0.55, 0.95, 11)
    statistics = np.stack(
        [answer_statistics(sums_of(level), np.ones((3, len(sums_of(level))))) for level in levels[::-1]]
    )
    names = np.array(["clean", *(f"corruption {number}" for number in range(10))])
    return MetricPoints("accuracy", names, statistics[:, :, 0] - 0.1, statistics)


def test_what_is_counted_of_answers():
    """Two detections over .1, one of them over .5; nothing found has a confidence of 0."""
    boxes = [[0, 0, 9, 9]] * 3
    found = answer_sums(
        Detection(("car",)), [Detections(boxes, [0.6, 0.25, 0.05], [0] * 3), Detections([], [], [])]
    )
    assert (
        found.tolist()[0] == pytest.approx([1, 0.6, 0.85, 2, 2, 1, 1, 0])
        and found.tolist()[1] == [1] + [0] * 7
    )
    statistics = answer_statistics(found, np.ones((1, 2)))[0]
    assert statistics.tolist() == pytest.approx([0.3, 0.425, 1, 0.5, 0.5, 0])


def test_a_metric_that_follows_from_confidence_is_predicted():
    """Also for levels between those it was fitted on, and within its interval."""
    for level in (0.6, 0.73, 0.9):
        sums = sums_of(level)
        weights = (
            np.random.default_rng(0)
            .multinomial(len(sums), np.full(len(sums), 1 / len(sums)), 50)
            .astype(float)
        )
        found = predict_metric(points(), sums, weights)
        real = sums[:, 1].mean() - 0.1
        assert found.value == pytest.approx(real, abs=0.03) and found.low <= real <= found.high
        assert found.held_out == pytest.approx(0.85, abs=0.01)


def test_no_metric_beyond_what_was_seen():
    """Answers of certainty do not promise more than the held-out examples gave."""
    known = points()
    every = np.ones(len(known.conditions), bool)
    assert predict_values(known, every, np.ones((1, 6)))[0] <= known.values.max()
    assert predict_values(known, every, np.zeros((1, 6)))[0] == 0
