"""Metrics of a classifier that refuses, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sklearn

from cityzoo.metrics import rejection

TARGETS = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0], [0, 0]], float)
SHARES = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6], [0.95, 0.05], [0.5, 0.5]])
SCORES = SHARES.max(axis=1)


def measure(weights, threshold=0.65):
    """The metrics of the six examples."""
    weighted = rejection.weighted_rejection_metrics(("bin", "lamp"), TARGETS, SHARES, SCORES, threshold)
    return {name: values[0] for name, values in weighted(np.array([weights], float)).items()}


def test_metrics_by_hand():
    """Four texts within the classes, two outside; from .65 on three and one of them are answered."""
    found = measure([1] * 6)
    assert found["accuracy"] == 0.75 and found["kept"] == 0.75
    assert found["answered_accuracy"] == pytest.approx(2 / 3)
    assert found["outside_rejected"] == 0.5
    assert found["wrong_answers"] == 0.5  # .8 of the wrong class, .95 of a text outside
    assert found["outside_auroc"] == sklearn.roc_auc_score(TARGETS.sum(axis=1) > 0, SCORES)
    assert found["per_class/bin/recall"] == 0.5 and found["per_class/lamp/recall"] == 1
    assert found["per_class/lamp/precision"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-np.log([0.9, 0.2, 0.7, 0.6]).mean())
    assert found["outside_rejected_at_90"] == 0.5  # all four are answered from .6 on


def test_a_weight_is_a_repeated_example():
    """The same as scikit-learn with repeated rows."""
    weights = np.array([3, 1, 2, 0, 1, 4])
    rows = np.repeat(np.arange(6), weights)
    inside = TARGETS[rows].sum(axis=1) > 0
    true, guessed = TARGETS[rows].argmax(axis=1)[inside], SHARES[rows].argmax(axis=1)[inside]
    found = measure(weights)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(true, guessed))
    assert found["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(true, guessed))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(true, guessed, average="macro"))
    assert found["outside_auroc"] == pytest.approx(sklearn.roc_auc_score(inside, SCORES[rows]))


def test_what_cannot_be_measured_is_not_a_number():
    """Without texts outside there is no AUROC; without others no accuracy."""
    inside, outside = measure([1, 1, 1, 1, 0, 0]), measure([0, 0, 0, 0, 1, 1])
    assert np.isnan([inside["outside_auroc"], inside["outside_rejected"]]).all()
    assert np.isnan([outside["accuracy"], outside["kept"], outside["outside_rejected_at_90"]]).all()
    assert outside["outside_rejected"] == 0.5


def test_equal_scores_are_answered_together():
    """A text outside with the score of the last one that is kept gets an answer."""
    inside, scores = np.array([True] * 9 + [False, True]), np.array([1.0] * 9 + [1.0, 0.0])
    assert rejection.rejected_when_kept(inside, scores)(np.ones((1, 11)))[0] == 0
    assert rejection.rejected_when_kept(inside, scores - 0.1 * ~inside)(np.ones((1, 11)))[0] == 1


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.9, 0.99])
def test_the_threshold_keeps_the_wanted_share(keep):
    """At least as many as wanted, and not one more than needed."""
    rng = np.random.default_rng(0)
    inside, scores = rng.random(500) < 0.7, rng.normal(size=500)
    threshold = rejection.choose_threshold(inside, inside, scores, keep)
    kept = (scores[inside] >= threshold).sum()
    assert kept == np.ceil(keep * inside.sum() - 1e-9)


def test_the_threshold_bounds_wrong_answers():
    """The lowest one with few enough wrong answers; above all scores where even the surest is wrong."""
    rng = np.random.default_rng(1)
    scores = rng.normal(size=2000)
    right = rng.random(2000) < 1 / (1 + np.exp(-3 * scores))
    threshold = rejection.choose_threshold(right, right, scores, 0.9, 0.05)
    shares = [(~right[scores >= each]).mean() for each in np.sort(scores)]
    assert (~right[scores >= threshold]).mean() <= 0.05
    assert np.sort(scores)[np.flatnonzero(np.array(shares) <= 0.05)[0]] == threshold
    none = rejection.choose_threshold(right, np.zeros(2000, bool), scores, 0.9, 0.05)
    assert none > scores.max() and np.isfinite(none)  # JSON has no infinity


def test_curves_end_where_everything_is_answered():
    """The risk at full coverage is the error of all, and nothing is refused there."""
    right = np.array([True, True, False, True])
    assert rejection.risk_coverage(right, np.arange(4.0)[::-1])["risk"] == [0, 0, 1 / 3, 0.25]
    curve = rejection.kept_rejected_curve(TARGETS.sum(axis=1) > 0, SCORES)
    assert curve["kept"][-1] == 1 and curve["rejected"][-1] == 0 and curve["rejected"][0] == 0.5
    assert rejection.kept_rejected_curve(np.ones(3, bool), np.arange(3.0)) == {"kept": [], "rejected": []}
