"""Weighted rankings against scikit-learn's sample_weight, and blocks that give what one piece gives."""

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics import weighted
from cityzoo.metrics.weighted import divide, map_in_blocks, nanmean_rows, weighted_ranking


def some_weights(rng, rows, images):
    """As often as a bootstrap draws them, in or out, and any number."""
    kinds = [
        rng.poisson(1, (rows, images)),
        rng.integers(0, 2, (rows, images)),
        rng.uniform(0, 3, (rows, images)),
    ]
    return np.concatenate(kinds).astype(float)


@pytest.mark.parametrize("steps", [None, 6, 1], ids=["apart", "ties", "hardly a ranking"])
@pytest.mark.parametrize("images", [2, 7, 60])
def test_rankings_are_sklearns(images, steps):
    rng = np.random.default_rng(images)
    scores = rng.uniform(size=images)
    scores = np.round(scores * steps) / steps if steps else scores
    true = rng.uniform(size=images) < 0.4
    true[:2] = True, False
    weights = some_weights(rng, 3, images)
    areas, precisions = weighted_ranking(true, scores)(weights)
    for row, area, precision in zip(weights, areas, precisions, strict=True):
        there, others = row[true].any(), row[~true].any()
        assert np.isnan(area) == (not (there and others)) and np.isnan(precision) == (not there)
        if there and others:
            expected = metrics.roc_auc_score(true, scores, sample_weight=row)
            assert area == pytest.approx(expected, abs=1e-9)
        if there:
            expected = metrics.average_precision_score(true, scores, sample_weight=row)
            assert precision == pytest.approx(expected, abs=1e-9)


def test_nothing_else_or_nothing_true():
    area, precision = weighted_ranking(np.array([True, True]), np.array([0.2, 0.1]))(np.ones((1, 2)))
    assert np.isnan(area) and precision == 1
    area, precision = weighted_ranking(np.array([False]), np.array([0.2]))(np.ones((1, 1)))
    assert np.isnan(area) and np.isnan(precision)


def test_equal_infinite_scores_are_ties():
    area, _ = weighted_ranking(np.array([True, False]), np.array([np.inf, np.inf]))(np.ones((1, 2)))
    assert area == 0.5


def test_blocks_give_what_one_piece_gives(monkeypatch):
    """Seven rows, two at a time; and no rows at all."""
    monkeypatch.setattr(weighted, "BLOCK", 6)
    seen = []

    def figures(weights):
        seen.append(weights.shape)
        return {"total": weights.sum(axis=1)}

    weights = np.arange(21).reshape(7, 3)
    weighed = map_in_blocks(figures, images=3)
    np.testing.assert_array_equal(weighed(weights)["total"], weights.sum(axis=1))
    assert seen == [(2, 3)] * 3 + [(1, 3)]
    assert weighed(np.zeros((0, 3)))["total"].shape == (0,)


def test_nothing_of_nothing_is_not_a_number_and_warns_of_nothing(recwarn):
    np.testing.assert_array_equal(divide(np.array([0.0, 2.0]), np.array([0.0, 4.0])), [np.nan, 0.5])
    np.testing.assert_array_equal(nanmean_rows(np.array([[np.nan, np.nan], [0.0, np.nan]])), [np.nan, 0.0])
    assert not list(recwarn)
