"""Thresholds by hand, and probabilities against what they were drawn with."""

import numpy as np
import pytest

from cityzoo.answer.calibration import (
    DEFAULT,
    DEFAULT_OF_WORDS,
    choose_threshold,
    fit_calibration,
    read_calibration,
)
from cityzoo.errors import InputError


def test_threshold_by_hand():
    """Estimates of the share of wrong ones: .5/2, .5/3, 1.5/4, 1.5/5, 1.5/6; the last two belong together."""
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.6])
    right = np.array([True, True, False, True, True])
    assert choose_threshold(p, right, 0.25) == 0.6
    assert choose_threshold(p, right, 0.24) == 0.8
    assert choose_threshold(p, right, 0.1) == 1.0
    assert choose_threshold(p[:4], right[:4], 0.3) == 0.6
    right[4] = False  # 2.5/6
    assert choose_threshold(p, right, 0.3) == 0.8


def test_probabilities_are_recovered():
    """Features of which the true log odds are known: 4 x0 - 2; the others are noise."""
    rng = np.random.default_rng(0)
    features = rng.uniform(0, 1, (4000, 4))
    is_right = rng.uniform(size=4000) < 1 / (1 + np.exp(-(4 * features[:, 0] - 2)))
    ranks = np.where(is_right, 0, np.where(rng.uniform(size=4000) < 0.5, 1, -1))
    found = fit_calibration(features, ranks, 0.2, "p", "e")
    assert found.first == pytest.approx((4, 0, 0, 0, -2), abs=0.3)
    first, either = found.probabilities(features)
    assert np.all(either >= first)
    assert either.mean() == pytest.approx(np.mean(ranks >= 0), abs=0.02)
    answered = first >= found.threshold
    assert 0.17 < np.mean(~is_right[answered]) <= 0.2


def test_it_lies_next_to_the_index_and_belongs_to_its_encoder(tmp_path):
    features = np.random.default_rng(0).uniform(0, 1, (40, 4))
    found = fit_calibration(features, np.array([0, 1, -1, 0] * 10), 0.5, "p", "mine")
    found.write(tmp_path / "index")
    assert read_calibration(tmp_path / "index", "mine") == found
    assert read_calibration(tmp_path / "index", "other") is DEFAULT
    assert read_calibration(tmp_path / "index", "") is DEFAULT_OF_WORDS
    assert not DEFAULT.is_calibrated and found.is_calibrated
    (tmp_path / "index" / "calibration.json").write_text("{}")
    with pytest.raises(InputError, match="--questions"):
        read_calibration(tmp_path / "index", "mine")


def test_questions_that_are_all_right_prove_nothing():
    with pytest.raises(InputError, match="outside"):
        fit_calibration(np.ones((30, 4)), np.zeros(30, int), 0.05, "", "")
