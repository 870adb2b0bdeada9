"""Choice by uncertainty and distance: distances by hand, duplicates left out."""

import numpy as np
import pytest

from cityzoo.selection.coverage import choose, standardize_features


def _at(degrees):
    return np.stack([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))], axis=1)


def test_the_farthest_of_equally_uncertain_ones_comes_first():
    """Known at 0 degrees: 180 is farthest, then 90 between both, at a distance of the square root of 2."""
    found = choose(np.ones(3), _at([10, 180, 90]), _at([0]), 2)
    assert found.rows.tolist() == [1, 2]
    assert found.distances.tolist() == pytest.approx([2, 2**0.5], abs=1e-6)
    assert found.nearest.tolist() == [0, 0]


def test_uncertainty_outweighs_distance():
    """Distances 2 and 1.41, uncertainties .1 and 1."""
    assert choose(np.array([0.1, 1.0]), _at([180, 90]), _at([0]), 1).rows.tolist() == [1]


def test_a_chosen_one_is_the_nearest_of_the_next():
    """Its position is given as -1 - row."""
    found = choose(np.array([1.0, 0.9]), _at([180, 130]), _at([0]), 2)
    assert found.rows.tolist() == [0, 1] and found.nearest.tolist() == [0, -1]


def test_near_duplicates_are_left_out():
    """Of what is known by features, of what is chosen by features, and by hashes that differ in 2 bits."""
    rows = _at([0.1, 90, 90.1, 200, 250])
    hashes = ["", "", "", "f0f0f0f0f0f0f0f0", "f0f0f0f0f0f0f0f3"]
    found = choose(np.ones(5), rows, _at([0]), 9, hashes)
    assert len(found.rows) == 2 and found.duplicates == 3
    assert {*found.rows.tolist()} <= {1, 2, 3, 4}
    by_known = choose(np.ones(5), rows, _at([0]), 9, hashes, ["f0f0f0f0f0f0f0f1"])
    assert by_known.duplicates == 4 and len(by_known.rows) == 1


def test_certain_examples_are_chosen_by_distance():
    """An uncertainty of zero everywhere, and nothing known."""
    found = choose(np.zeros(3), _at([0, 10, 180]), _at([]), 3)
    assert found.rows.tolist() == [0, 2, 1] and found.distances[0] == 2


def test_features_are_compared_in_standard_deviations():
    """A feature a thousand times as large does not count more."""
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    _, plain = standardize_features(rows[:0], rows)
    _, scaled = standardize_features(rows[:0], rows * np.array([1000, 1, 1, 1]))
    assert np.allclose(plain, scaled, atol=1e-3) and np.allclose(np.linalg.norm(plain, axis=1), 1)
