"""Support vector machines of sparse rows: equal to scikit-learn's, probabilities that can be believed."""

import numpy as np
from sklearn.svm import LinearSVC

from heads.linear_probe import logistic_regression
from heads.sparse_probe import BLOCK, is_sparse, linear_svm


def sparse_rows(count, seed=0, classes=3, width=400):
    """Rows of length 1 with 12 of 400 values, four of which say the class; and targets."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    rows = np.zeros((count, width), np.float32)
    for row, label in zip(rows, labels, strict=True):
        row[10 * label + rng.permutation(10)[:4]] = 1
        row[100 + rng.permutation(300)[:8]] = rng.random(8)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), np.eye(classes, dtype=np.float32)[labels]


def test_it_ranks_as_scikit_learn():
    rows, targets = sparse_rows(BLOCK + 5)  # more than one block
    found = linear_svm(rows, targets)
    machine = LinearSVC(C=1.0, random_state=0).fit(rows, targets.argmax(1))
    logits = (rows @ found.kernel + found.bias) / found.facts["sharpness"]
    np.testing.assert_allclose(logits, machine.decision_function(rows), atol=0.02)


def test_probabilities_are_calibrated():
    rows, targets = sparse_rows(600)
    noisy = np.random.default_rng(1).random(600) < 0.3
    targets[noisy] = np.eye(3)[np.random.default_rng(2).integers(0, 3, noisy.sum())]
    found = linear_svm(rows[:400], targets[:400])
    logits = rows[400:] @ found.kernel + found.bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    right = shares.argmax(1) == targets[400:].argmax(1)
    assert abs(shares.max(1).mean() - right.mean()) < 0.1


def test_two_classes_have_one_logit_and_absent_ones_are_never_predicted():
    rows, targets = sparse_rows(60, classes=2)
    found = linear_svm(rows, targets)
    assert found.kernel.shape == (400, 1)
    assert ((rows @ found.kernel + found.bias > 0)[:, 0] == targets[:, 1]).all()
    rows, targets = sparse_rows(60)
    found = linear_svm(rows, np.pad(targets, ((0, 0), (0, 1))))
    assert (rows @ found.kernel + found.bias).argmax(1).max() == 2


def test_several_classes_at_once():
    rows, targets = sparse_rows(200)
    targets[:, 2] = 1 - targets[:, 2]
    found = linear_svm(rows, targets, several=True)
    assert ((rows @ found.kernel + found.bias > 0) == targets).mean() > 0.99


def test_weights_favor_a_class():
    rows, targets = sparse_rows(90)
    rows[:30, :100] = 0  # these texts say nothing of their class
    plain, favored = linear_svm(rows, targets), linear_svm(rows, targets, class_weights=(1.0, 1.0, 9.0))
    empty = np.zeros(400)
    sure = [(empty @ each.kernel + each.bias)[2] - each.bias[:2].max() for each in (plain, favored)]
    assert sure[1] > sure[0]


def test_dense_rows_are_not_sparse():
    rng = np.random.default_rng(0)
    assert is_sparse(sparse_rows(50)[0]) and not is_sparse(rng.normal(size=(50, 400)))
    assert not is_sparse(np.zeros((50, 40)))
    assert logistic_regression(rng.normal(size=(8, 4)), np.eye(2)[[0, 1] * 4], np.arange(8)).kernel.shape == (
        4,
        1,
    )
