"""Means of probabilities, computed by hand."""

import numpy as np
import pytest
from keras import ops

from heads.averaging import average_logits, weighted_mean


def softmax(x):
    """Of the last axis."""
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def sigmoid(x):
    """Of each number."""
    return 1 / (1 + np.exp(-x))


@pytest.fixture
def logits():
    """Of three models, for five examples and four classes."""
    return list(np.random.default_rng(0).normal(0, 3, (3, 5, 4)))


WEIGHTS = [0.5, 0.3, 0.2]


def test_probabilities_of_exclusive_classes_are_averaged(logits):
    """And the logits keep the mean energy, by which texts outside of all classes are refused."""
    found = np.asarray(average_logits(logits, WEIGHTS))
    wanted = sum(w * softmax(x) for w, x in zip(WEIGHTS, logits, strict=True))
    np.testing.assert_allclose(softmax(found), wanted, rtol=1e-5)
    energies = [np.log(np.exp(x).sum(axis=-1)) for x in logits]
    wanted = sum(w * e for w, e in zip(WEIGHTS, energies, strict=True))
    np.testing.assert_allclose(np.log(np.exp(found).sum(axis=-1)), wanted, rtol=1e-5)


@pytest.mark.parametrize(("several", "columns"), [(True, 4), (False, 1)])
def test_sigmoids_are_averaged(logits, several, columns):
    """Of classes that do not exclude each other, and of two classes on one logit."""
    parts = [x[:, :columns] for x in logits]
    found = np.asarray(average_logits(parts, WEIGHTS, several))
    wanted = sum(w * sigmoid(x) for w, x in zip(WEIGHTS, parts, strict=True))
    np.testing.assert_allclose(sigmoid(found), wanted, rtol=1e-5)


def test_far_logits_do_not_overflow():
    """A model that is certain, and one that is as certain of the opposite."""
    found = average_logits([np.array([[200.0, -200.0]]), np.array([[-200.0, 200.0]])], [0.75, 0.25])
    np.testing.assert_allclose(ops.softmax(found), [[0.75, 0.25]], rtol=1e-5)
    found = average_logits([np.array([[200.0]]), np.array([[-200.0]])], [0.75, 0.25], several=True)
    np.testing.assert_allclose(found, [[np.log(3)]], rtol=1e-4)


def test_other_outputs_have_a_plain_mean(logits):
    """Such as quantiles of a forecast."""
    np.testing.assert_allclose(weighted_mean(logits, WEIGHTS), np.average(logits, axis=0, weights=WEIGHTS))
