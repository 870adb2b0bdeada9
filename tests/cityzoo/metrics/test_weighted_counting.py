"""Weighed figures of counters against scikit-learn's sample_weight and against images that are really repeated."""

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics.counting import count_metrics, weighted_count_metrics
from cityzoo.metrics.keys import look_up
from cityzoo.sample import ImageExample, ImageSet


def truth_of(counts):
    """Images with so many boxes."""
    box = [0.0, 0, 4, 4]
    made = (ImageExample(f"{i}.jpg", (8, 8), np.tile(box, (n, 1)), [0] * n) for i, n in enumerate(counts))
    return ImageSet("val", ("car",), tuple(made))


CASES = {
    "a crowd": (np.random.default_rng(0).poisson([0, 3, 12, 60] * 15), 10.0),
    "the mean not known": (np.array([2, 5, 0, 9]), None),
    "all alike": (np.full(5, 3), 3.0),
    "a single image": (np.array([7]), 2.0),
    "empty streets": (np.zeros(4, int), 1.0),
}


@pytest.mark.parametrize(("true", "usual"), CASES.values(), ids=CASES)
def test_weights(true, usual):
    rng = np.random.default_rng(1)
    said = true + rng.normal(1, 3, len(true))
    draws = [rng.poisson(1, (5, len(true))), rng.integers(0, 2, (5, len(true)))]
    weights = np.concatenate([np.ones((1, len(true))), *draws, np.zeros((1, len(true)))]).astype(int)
    found = weighted_count_metrics(truth_of(true), said, usual)(weights)
    for row, w in enumerate(weights):
        again = np.repeat(np.arange(len(true)), w)
        report = count_metrics(truth_of(true[again]), said[again], usual) if len(again) else {}
        for key, values in found.items():
            known = look_up(report, key)
            expected = np.nan if known is None else known
            assert values[row] == pytest.approx(expected, abs=1e-9, nan_ok=True), (key, row)
    report = count_metrics(truth_of(true), said, usual)
    others = {"usual_count", "n_images", "n_boxes"}
    assert {key.split("/")[0] for key in found} == report.keys() - others
    crowds = {key.split("/")[1] for key in found if "/" in key}
    assert crowds == report["by_crowding"].keys()


def test_weights_of_any_number_are_sklearns():
    true, rng = CASES["a crowd"][0], np.random.default_rng(2)
    said = true + rng.normal(1, 3, len(true))
    weights = rng.uniform(0, 3, (4, len(true))) * rng.integers(0, 2, (4, len(true)))
    found = weighted_count_metrics(truth_of(true), said)(weights)
    for row, w in enumerate(weights):
        weighed = {"sample_weight": w}
        assert found["mae"][row] == pytest.approx(metrics.mean_absolute_error(true, said, **weighed))
        assert found["rmse"][row] == pytest.approx(metrics.root_mean_squared_error(true, said, **weighed))
        assert found["r2"][row] == pytest.approx(metrics.r2_score(true, said, **weighed))
        assert found["bias"][row] == pytest.approx(np.average(said - true, weights=w))


def test_one_count_alone_has_no_spread_whatever_it_weighs():
    """Thirds are no exact floats: what is left of the mean must not pass for variance."""
    weights = np.random.default_rng(3).uniform(0, 1, (50, 3)) / 3
    found = weighted_count_metrics(truth_of([7, 7, 7]), [6.0, 7.0, 9.0])(weights)
    assert np.isnan(found["r2"]).all() and np.isfinite(found["mae"]).all()
