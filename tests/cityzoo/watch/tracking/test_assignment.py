"""Overlaps by hand, and the matching against every permutation and SciPy."""

import numpy as np
import pytest

from cityzoo.watch.tracking.assignment import compute_overlaps, match_pairs


def test_overlaps_of_empty_and_degenerate_boxes():
    box = np.array([[0.0, 0, 4, 2]])
    assert compute_overlaps(np.zeros((0, 4)), box).shape == (0, 1)
    assert compute_overlaps(box, np.array([[1.0, 1, 1, 1], [2, 0, 6, 2]])) == pytest.approx(
        np.array([[0, 4 / 12]])
    )


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (7, 7), (12, 9), (9, 12), (25, 25)])
def test_total_weight_equals_scipy(shape):
    optimize = pytest.importorskip("scipy.optimize")
    random = np.random.default_rng(shape)
    for _ in range(20):
        weights = random.random(shape) * (random.random(shape) < 0.5)
        pairs = match_pairs(weights, 0.2)
        assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
        chosen = weights[pairs[:, 0], pairs[:, 1]]
        assert (chosen >= 0.2).all()
        allowed = np.where(weights >= 0.2, weights, 0)
        assert chosen.sum() == pytest.approx(allowed[optimize.linear_sum_assignment(-allowed)].sum())


def test_nothing_to_match():
    assert match_pairs(np.zeros((3, 2)), 0.1).shape == (0, 2)
    assert match_pairs(np.zeros((0, 2)), 0.1).shape == (0, 2)
