"""Scores and rules that refuse, by hand."""

import numpy as np
import pytest

from cityzoo.runtime.rejection import REFUSED, SCORES, RejectionRule, class_logits, read_rule

LOGITS = np.log([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("energy", [0, 0]),
        ("max logit", np.log([0.7, 0.4])),
        ("max probability", [0.7, 0.4]),
        ("margin", [0.5, 0]),
        (
            "negative entropy",
            [
                0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1),
                0.8 * np.log(0.4) + 0.2 * np.log(0.2),
            ],
        ),
    ],
)
def test_scores_by_hand(name, wanted):
    """Each is higher for the surer answer."""
    np.testing.assert_allclose(SCORES[name](LOGITS), wanted, atol=1e-12)


@pytest.mark.parametrize("name", SCORES)
def test_scores_are_finite_for_extreme_logits(name):
    """No overflow, and no NaN where a probability is 0."""
    assert np.isfinite(SCORES[name](np.array([[2000.0, -2000, 0], [0, 0, 0]]))).all()


def test_only_the_energy_and_the_largest_logit_see_a_shift_of_all_logits():
    """What fits no class at all has low logits, and the same probabilities."""
    changed = {name for name, score in SCORES.items() if not np.allclose(score(LOGITS), score(LOGITS - 3))}
    assert changed == {"energy", "max logit"}


def test_two_classes_of_one_logit_are_symmetric():
    """The first class is no worse known than the second."""
    logits = class_logits(np.array([[4.0], [-4.0]]))
    np.testing.assert_allclose(SCORES["energy"](logits), SCORES["energy"](logits)[::-1])
    shares = RejectionRule("energy", 0.0).decide(np.array([[np.log(3)]])).shares
    np.testing.assert_allclose(shares, [[0.25, 0.75]])


def test_the_temperature_changes_probabilities_alone():
    """Score and answer are those of the logits as they are."""
    cold, warm = (RejectionRule("max probability", 0.5, t).decide(LOGITS) for t in (1.0, 2.0))
    assert cold.labels.tolist() == warm.labels.tolist() == [0, REFUSED]
    np.testing.assert_allclose(cold.scores, warm.scores)
    roots = np.sqrt([0.7, 0.2, 0.1])
    np.testing.assert_allclose(warm.shares[0], roots / roots.sum())


def test_a_rule_survives_a_report():
    """What is written is read; a report without one, or with a score of a later version, gives none."""
    rule = RejectionRule("margin", 0.25, 1.5, 0.9)
    assert read_rule({"rejection": {**rule.as_dict(), "n_inside": 7}}) == rule
    assert read_rule({}) is None and read_rule({"rejection": {"score": "new", "threshold": 1.0}}) is None
