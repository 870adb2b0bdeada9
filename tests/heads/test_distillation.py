"""Distillation losses by hand, against other implementations, and at their minimum."""

import keras
import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from scipy.stats import entropy

from heads.detection import DetectionHead, resample_detections
from heads.distillation import (
    ChannelDistillationLoss,
    ClassificationDistillationLoss,
    DetectionDistillationLoss,
    EmbeddingDistillationLoss,
    RegressionDistillationLoss,
    WeightedLoss,
)

RNG = np.random.default_rng(0)


def detections(points=4, classes=2):
    """Boxes that have an area, and logits of about 0, (2, points, 4 + classes)."""
    corners = RNG.uniform(0, 50, (2, points, 2))
    boxes = np.concatenate([corners, corners + RNG.uniform(5, 20, (2, points, 2))], axis=-1)
    return np.concatenate([boxes, RNG.normal(0, 2, (2, points, classes))], axis=-1).astype("float32")


def test_scores_are_learned_by_the_squared_difference_times_the_cross_entropy():
    """Without the box part, divided by the sum of the best scores above the lowest that counts."""
    teacher, student = detections(), detections()
    t, s = expit(teacher[..., 4:].astype(float)), expit(student[..., 4:].astype(float))
    cross_entropy = -(t * np.log(s) + (1 - t) * np.log(1 - s))
    best = t.max(axis=-1)
    total = np.where(best > 0.5, best, 0).sum(axis=1).clip(1)
    expected = ((t - s) ** 2 * cross_entropy).sum(axis=(1, 2)) / total
    found = DetectionDistillationLoss(min_score=0.5, box_weight=0.0).call(teacher, student)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_boxes_are_learned_where_the_teacher_is_sure():
    """A box half as wide costs more than 1/2 where the score is high, and nothing where it is low."""
    teacher = np.array([[[0, 0, 10, 10, 9.0], [0, 0, 10, 10, -9.0]]], "float32")
    halved = np.array([[[0, 0, 5, 10, 9.0], [0, 0, 10, 10, -9.0]]], "float32")
    other = np.array([[[0, 0, 10, 10, 9.0], [0, 0, 5, 10, -9.0]]], "float32")
    loss = DetectionDistillationLoss(box_weight=1.0)
    assert float(loss(teacher, halved)) > 0.5
    assert float(loss(teacher, other)) == pytest.approx(0, abs=1e-5)
    assert float(loss(teacher, teacher)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_divergence_is_that_of_scipy(temperature):
    """Of softened probabilities, times the squared temperature."""
    teacher, student = RNG.normal(0, 3, (2, 5, 4)).astype("float32")
    found = ClassificationDistillationLoss(temperature).call(teacher, student)
    soft = [softmax(each / temperature, axis=1) for each in (teacher, student)]
    np.testing.assert_allclose(found, temperature**2 * entropy(*soft, axis=1), rtol=1e-4)


def test_one_logit_is_that_of_the_second_of_two_classes():
    """And several classes are as many such pairs, of which the mean is taken."""
    teacher, student = RNG.normal(0, 3, (2, 5, 3)).astype("float32")
    pairs = [np.stack([np.zeros(15), each.ravel()], axis=1).astype("float32") for each in (teacher, student)]
    of_pairs = np.asarray(ClassificationDistillationLoss().call(*pairs)).reshape(5, 3)
    single = ClassificationDistillationLoss().call(teacher[:, :1], student[:, :1])
    np.testing.assert_allclose(single, of_pairs[:, 0], rtol=1e-4, atol=1e-5)
    several = ClassificationDistillationLoss(several=True).call(teacher, student)
    np.testing.assert_allclose(several, of_pairs.mean(axis=1), rtol=1e-4, atol=1e-5)


def test_channels_are_compared_by_where_they_are_active():
    """The mean over channels of the divergence over positions; a constant added to a channel changes nothing."""
    teacher, student = RNG.normal(0, 2, (2, 3, 4, 5, 6)).astype("float32")
    log_t, log_s = (log_softmax(each.reshape(3, 20, 6), axis=1) for each in (teacher, student))
    expected = (np.exp(log_t) * (log_t - log_s)).sum(axis=1).mean(axis=1)
    loss = ChannelDistillationLoss()
    np.testing.assert_allclose(loss.call(teacher, student), expected, rtol=1e-4)
    np.testing.assert_allclose(loss.call(teacher, student + 7), expected, rtol=1e-3)


def test_embeddings_are_compared_by_angle():
    """Against NumPy; the length does not matter."""
    teacher, student = RNG.normal(size=(2, 4, 6)).astype("float32")
    norms = np.linalg.norm(teacher, axis=1) * np.linalg.norm(student, axis=1)
    expected = 1 - (teacher * student).sum(axis=1) / norms
    np.testing.assert_allclose(EmbeddingDistillationLoss().call(teacher, 3 * student), expected, rtol=1e-4)


def test_regression_and_weight():
    """Absolute differences in units of the scale, twice."""
    loss = WeightedLoss(RegressionDistillationLoss(scale=4.0), 2.0)
    np.testing.assert_allclose(loss.call(np.zeros((1, 2, 2)), np.full((1, 2, 2), 6.0)), [3.0])


@pytest.mark.parametrize(
    "loss",
    [
        DetectionDistillationLoss(0.2, 3.0),
        ClassificationDistillationLoss(2.0, True),
        RegressionDistillationLoss(5.0),
        WeightedLoss(ChannelDistillationLoss(2.0), 0.5),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_survive_serialization(loss):
    """All settings, also of the weighted loss."""
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()


def test_detections_of_another_size_are_those_of_the_nearest_points():
    """A head's points on 64 x 64 brought to 64 x 128: each twice, x doubled; and to its own size: unchanged."""
    levels = {"P3": keras.Input((8, 8, 8)), "P4": keras.Input((4, 4, 8)), "P5": keras.Input((2, 2, 8))}
    points = DetectionHead(2, 8)(levels).shape[1]
    outputs = RNG.normal(size=(1, points, 6)).astype("float32")
    same = np.asarray(resample_detections(outputs, (64, 64), (64, 64)))
    np.testing.assert_array_equal(same, outputs)
    wide = np.asarray(resample_detections(outputs, (64, 64), (64, 128)))
    assert wide.shape == (1, 2 * points, 6)
    for column in (0, 1):  # the first row of the finest level
        np.testing.assert_allclose(wide[0, column::2][:8], outputs[0, :8] * [2, 1, 2, 1, 1, 1], rtol=1e-6)
