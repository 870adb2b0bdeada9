"""Weights of groups by hand; a planted shortcut is given up; the loss of a batch, and how its weights change."""

import keras
import numpy as np
import pytest

from heads.group_robust_loss import GroupRobustLoss
from heads.group_weights import exponentiate, robust_logistic_regression, weigh_rows
from heads.linear_probe import logistic_regression

COUNTS = (95, 5, 5, 95)  # class 0 without mark, class 0 with, class 1 without, class 1 with
FEW = (15, 3, 3, 15)


def planted(seed, counts=COUNTS):
    """Rows of a weak feature that is the class, a strong one that is the mark, and noise; targets and groups."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(4), counts)
    labels, marks = groups // 2, groups % 2
    rows = rng.normal(0, 1, (len(groups), 12))
    rows[:, 0] += 2.5 * (2 * labels - 1)
    rows[:, 1] += 6 * (2 * marks - 1)
    return rows, np.eye(2)[labels], groups


def by_group(layer, seed=9):
    """Accuracy of each group on 200 new rows of it."""
    rows, targets, groups = planted(seed, (200,) * 4)
    right = (rows @ layer.kernel + layer.bias > 0)[:, 0] == targets[:, 1]
    return np.array([right[groups == group].mean() for group in range(4)])


def test_weights_by_hand():
    """Losses of log 4 and 0 at rate .5: a factor of 2 between equal weights; rows weigh weight / share."""
    assert exponentiate(np.array([0.5, 0.5]), np.array([np.log(4), 0.0]), 0.5) == pytest.approx(
        [2 / 3, 1 / 3]
    )
    assert exponentiate(np.array([0.5, 0.5]), np.array([2000.0, 0.0]), 1.0).tolist() == [1.0, 0.0]
    groups = np.array([0, 0, 0, 0, 1])
    assert weigh_rows(groups, np.array([0.2, 0.8])) == pytest.approx([0.25] * 4 + [4.0])


def test_a_planted_shortcut_is_given_up():
    """The worst group gains 10 points or more, and rare groups get more weight than their share."""
    rows, targets, groups = planted(0)
    found = robust_logistic_regression(rows, targets, groups, np.arange(len(rows)))
    plain = by_group(logistic_regression(rows, targets, np.arange(len(rows)), strength=0.03))
    assert by_group(found.layer).min() >= plain.min() + 0.1
    assert found.weights.sum() == pytest.approx(1) and found.weights[[1, 2]].min() > 5 / 200
    assert found.losses.max() < found.plain_losses.max()


def test_too_few_scenes_use_the_training_rows():
    """Nothing can be left out: the losses are those of the rows themselves."""
    rows, targets, groups = planted(1, FEW)
    found = robust_logistic_regression(rows, targets, groups, np.arange(len(rows)) % 2)
    assert found.weights.sum() == pytest.approx(1)


def test_several_classes_are_weighted_too():
    """One logit for each class; equal rows keep their weights."""
    rows, targets, groups = planted(2, FEW)
    found = robust_logistic_regression(rows, targets, groups, np.arange(len(rows)), several=True)
    assert found.layer.kernel.shape == (12, 2) and found.losses.shape == (4,)


def test_a_batch_by_hand():
    """Losses of log 2 and 3 log 2 at rate 1: weights 1/5 and 4/5 of shares 3/4 and 1/4."""
    loss = GroupRobustLoss(keras.losses.MeanAbsoluteError(), (0.75, 0.25), rate=1.0)
    two = float(np.log(2))
    rows = np.array([[two, 1, 0], [3 * two, 0, 1]], np.float32)
    found = keras.ops.convert_to_numpy(loss.call(rows, np.zeros((2, 1), np.float32)))
    assert keras.ops.convert_to_numpy(loss.group_weights) == pytest.approx([0.2, 0.8], abs=1e-6)
    assert found == pytest.approx([two * 0.2 / 0.75, 3 * two * 0.8 / 0.25], rel=1e-5)


def test_a_group_that_is_not_in_a_batch_keeps_its_odds():
    """Its loss counts as 0, as in the paper's own code."""
    loss = GroupRobustLoss(keras.losses.MeanAbsoluteError(), (0.5, 0.25, 0.25), rate=1.0)
    loss.call(np.array([[np.log(2), 1, 0, 0]], np.float32), np.zeros((1, 1), np.float32))
    assert keras.ops.convert_to_numpy(loss.group_weights) == pytest.approx([0.5, 0.25, 0.25], abs=1e-6)
    again = GroupRobustLoss.from_config(loss.get_config())
    assert again.shares == loss.shares and again.rate == loss.rate
