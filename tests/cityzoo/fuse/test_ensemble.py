"""Weights of an ensemble, chosen one member at a time."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fuse.ensemble import fit_weights
from cityzoo.fuse.request import FusionRequest


def test_weights_are_near_the_best_mean():
    """Of three columns, of which the last is noise."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    members = np.stack([truth + rng.normal(0, s, 200) for s in (0.5, 1.0, 9.0)])
    weights = fit_weights(lambda w: -np.mean((np.dot(w, members) - truth) ** 2), 3)
    assert sum(weights) == pytest.approx(1)
    np.testing.assert_allclose(weights, [0.8, 0.2, 0.0], atol=0.06)  # by inverse variances


def test_a_member_that_never_helps_gets_nothing():
    """The best one stays alone."""
    assert fit_weights(lambda w: w[1], 3) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("values", "given", "words"),
    [
        ({"runs": ("a",), "by": "ensemble"}, {}, "at least two"),
        ({"runs": ("a", "b"), "by": "ensemble", "weights": (1.0,)}, {"weights": (1.0,)}, "one for each"),
        ({"runs": ("a", "b"), "by": "stack", "soup": "uniform"}, {"soup": "uniform"}, "belongs to"),
    ],
)
def test_requests_that_cannot_be(values, given, words):
    """One line, before anything is loaded."""
    with pytest.raises(InputError, match=words):
        FusionRequest(**values).check(given)


def test_one_run_can_be_a_soup():
    """Of its own epochs."""
    FusionRequest(("a",), "soup").check({"by": "soup"})
