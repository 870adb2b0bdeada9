"""The test finds what was planted, and is not fooled by clusters."""

import numpy as np
import pytest

from cityzoo.continual import two_sample_test
from cityzoo.continual.two_sample_test import cluster_examples, compare_samples, reduce_features, roc_auc

RNG = np.random.default_rng(0)


def test_a_shift_of_the_mean_is_found():
    """Of one of twelve features, by 1.5 standard deviations: the best classifier has an AUC of .86."""
    rows, is_new = RNG.normal(size=(240, 12)), np.arange(240) < 100
    rows[is_new, 0] += 1.5
    found = compare_samples(rows, is_new, np.arange(240), permutations=49)
    assert 0.72 < found.auc < 0.9 and found.p_value == pytest.approx(1 / 50)


def test_frames_of_one_scene_do_not_make_a_shift():
    """Scenes differ from each other, new ones from old ones no more: by single frames it would look like a change."""
    scenes = np.repeat(np.arange(24), 10)
    rows = RNG.normal(size=(24, 12))[scenes] * 2 + RNG.normal(size=(240, 12)) * 0.2
    is_new = scenes < 12
    by_scene = compare_samples(rows, is_new, scenes, permutations=39)
    by_frame = compare_samples(rows, is_new, np.arange(240), permutations=39)
    assert by_scene.p_value > 0.05 and by_frame.p_value == pytest.approx(1 / 40)


def test_large_groups_are_cut_into_consecutive_parts():
    """One camera of 36 frames becomes twelve clusters of three; single images stay alone."""
    assert np.bincount(cluster_examples(np.zeros(36, int))).tolist() == [3] * 12
    assert len(set(cluster_examples(np.arange(36)).tolist())) == 36


def test_the_regression_is_scikit_learns():
    """The same weights and constant; and the same AUC."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rows, is_new = RNG.normal(size=(200, 3)), np.arange(200) < 60
    rows[is_new] += [2, 0, -1]
    own = two_sample_test._fit_logistic(np.concatenate([rows, np.ones((200, 1))], axis=1), is_new)
    other = LogisticRegression(C=two_sample_test.STRENGTH, class_weight="balanced", tol=1e-8).fit(
        rows, is_new
    )
    assert own == pytest.approx([*other.coef_[0], other.intercept_[0]], abs=1e-4)
    scores = rows @ own[:3]
    assert roc_auc(is_new, scores) == pytest.approx(roc_auc_score(is_new, scores))


def test_components_keep_few_dimensions():
    """No more than a quarter of the rows."""
    assert reduce_features(RNG.normal(size=(40, 100))).shape == (40, 10)
