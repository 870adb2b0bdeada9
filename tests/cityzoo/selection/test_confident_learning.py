"""Confident learning against numbers worked out by hand, planted errors, and another implementation."""

import numpy as np

from cityzoo.selection.confident_learning import find_label_issues

# What cleanlab 2.9.0 finds in `_plant(0)`: find_label_issues(filter_by="confident_learning",
# return_indices_ranked_by="normalized_margin").
CLEANLAB = [98, 12, 280, 219, 79, 175, 209, 179, 146, 136, 276, 142, 26, 283, 240, 1, 131, 164]


def _plant(seed, count=300, classes=4):
    """Return labels, a twelfth of them wrong, probabilities of a good model, and which labels are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, count)
    labels, wrong = true.copy(), rng.permutation(count)[: count // 12]
    labels[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    logits = rng.normal(0, 1.2, (count, classes))
    logits[np.arange(count), true] += 3
    shares = np.exp(logits)
    return labels, shares / shares.sum(axis=1, keepdims=True), set(wrong.tolist())


def test_the_joint_is_that_of_the_paper():
    """Thresholds .7 and .6; of class 0 two examples are sure of 0 and one of 1; the fourth is sure of nothing."""
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.55, 0.45], [0.4, 0.6], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 0, 1, 1])
    shares[1] = [0.85, 0.15]
    found = find_label_issues(labels, shares)
    np.testing.assert_allclose(found.thresholds, [0.6, 0.6])
    assert found.rows.tolist() == [2] and found.suggested.tolist() == [0, 0, 1, 0, 1, 1]
    # 4 of 6 are labeled 0, two thirds of them truly; 2 of 6 are labeled 1, all of them truly
    np.testing.assert_allclose(found.joint, [[4 / 9, 2 / 9], [0, 1 / 3]])
    np.testing.assert_allclose(found.error_share, 2 / 9)


def test_the_same_issues_as_cleanlab_in_the_same_order():
    """Rows and their order by normalized margin."""
    labels, shares, _ = _plant(0)
    assert find_label_issues(labels, shares).rows.tolist() == CLEANLAB


def test_planted_errors_come_first():
    """Half of them among the first rows, nearly all of those really wrong; their number is estimated."""
    for seed in range(5):
        labels, shares, wrong = _plant(seed, 600)
        found = find_label_issues(labels, shares)
        first = found.rows[:25].tolist()
        assert len(wrong & set(first)) >= 23
        assert abs(found.error_share - 1 / 12) < 0.04


def test_a_class_without_examples_or_without_sure_ones_does_no_harm():
    """No label of it is suggested, and the joint still sums to 1."""
    shares = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1], [0.9, 0.05, 0.05], [0.8, 0.15, 0.05]])
    found = find_label_issues(np.array([0, 0, 1, 1]), shares)
    assert 2 not in found.suggested[[0, 1]] and np.isclose(found.joint.sum(), 1)
