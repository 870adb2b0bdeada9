"""Newton's method against scikit-learn's solvers, with weights, a warm start, and classes that can be separated."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from heads.logistic_newton import fit_two_classes


@pytest.mark.parametrize(("count", "width"), [(60, 5), (30, 200)])
@pytest.mark.parametrize("strength", [0.001, 0.1, 10.0])
def test_it_is_scikit_learns(count, width, strength):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, width))
    labels = rows[:, 0] + rng.normal(size=count) > 0.5
    weights = rng.uniform(0.2, 3, count)
    expected = LogisticRegression(C=strength, tol=1e-10, max_iter=10000).fit(
        rows, labels, sample_weight=weights
    )
    found = fit_two_classes(rows, labels, strength, weights)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=2e-3 * np.abs(expected.coef_).max() + 1e-6)
    np.testing.assert_allclose(found.intercept_, expected.intercept_, atol=2e-3)
    np.testing.assert_allclose(found.decision_function(rows), found.logits, atol=1e-9)
    again = fit_two_classes(rows, labels, strength, weights, start=found.logits + 0.1)
    np.testing.assert_allclose(again.logits, found.logits, atol=1e-4)
