"""Figures of counters against scikit-learn, and the error by crowding worked out by hand."""

import json

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics.counting import count_metrics
from cityzoo.sample import ImageExample, ImageSet


def truth_of(counts):
    """Images with so many boxes."""
    made = (
        ImageExample(f"{i}.jpg", (8, 8), np.tile([0.0, 0, 4, 4], (n, 1)), [0] * n)
        for i, n in enumerate(counts)
    )
    return ImageSet("val", ("car",), tuple(made))


def test_figures_are_sklearns():
    rng = np.random.default_rng(0)
    true = rng.poisson(12, 80)
    said = true + rng.normal(1, 3, 80)
    found = json.loads(json.dumps(count_metrics(truth_of(true), said, usual=10.0), allow_nan=False))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(true, said))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(true, said))
    assert found["r2"] == pytest.approx(metrics.r2_score(true, said))
    assert found["bias"] == pytest.approx((said - true).mean())
    own_mean = metrics.mean_absolute_error(true, np.full(80, true.mean()))
    assert found["mae_of_own_mean"] == pytest.approx(own_mean)
    of_mean = metrics.mean_absolute_error(true, np.full(80, 10))
    assert found["mae_of_mean"] == pytest.approx(of_mean)
    assert found["mae_share_of_mean"] == pytest.approx(found["mae"] / of_mean)
    assert (found["n_images"], found["n_boxes"], found["mean_count"]) == (80, true.sum(), true.mean())


def test_error_by_crowding_by_hand():
    """Empty ones off by 1 and 3; the borders 5, 6 and 15, 16; nobody between 41 and more."""
    true, said = [0, 0, 1, 5, 6, 15, 16, 40], [1, -3, 2, 3, 9, 15, 12, 44]
    rows = count_metrics(truth_of(true), said)["by_crowding"]
    assert list(rows) == ["none", "1 to 5", "6 to 15", "16 to 40"]
    assert rows["none"] == {"n": 2, "mean_count": 0, "mae": 2, "bias": -1, "relative": None}
    assert rows["1 to 5"] == {"n": 2, "mean_count": 3, "mae": 1.5, "bias": -0.5, "relative": 0.5}
    assert rows["6 to 15"] == {"n": 2, "mean_count": 10.5, "mae": 1.5, "bias": 1.5, "relative": 1.5 / 10.5}
    assert rows["16 to 40"] == {"n": 2, "mean_count": 28, "mae": 4, "bias": 0, "relative": 4 / 28}
    assert count_metrics(truth_of([41]), [40])["by_crowding"]["over 40"]["n"] == 1


def test_images_of_one_count_explain_nothing():
    """No variance to explain; the mean is never off, so that there is no share of it."""
    found = count_metrics(truth_of([3, 3]), [3.0, 4.0], usual=3.0)
    assert found["r2"] is None and found["mae_share_of_mean"] is None
    assert (found["mae"], found["mae_of_mean"], found["mae_of_own_mean"]) == (0.5, 0, 0)
    unknown = count_metrics(truth_of([0]), [0.0])
    assert unknown["mae"] == 0 and unknown["mae_of_mean"] is unknown["mae_share_of_mean"] is None
