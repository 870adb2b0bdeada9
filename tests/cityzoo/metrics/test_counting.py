"""Metrics of counters against scikit-learn, errors by number and size of objects worked out by hand."""

import json

import numpy as np
import pytest
from sklearn import metrics

from cityzoo.metrics.counting import count_metrics, error_by_size, scatter
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
    found = json.loads(json.dumps(count_metrics(truth_of(true), said, train_mean=10.0), allow_nan=False))
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
    found = count_metrics(truth_of([3, 3]), [3.0, 4.0], train_mean=3.0)
    assert found["r2"] is None and found["mae_share_of_mean"] is None
    assert (found["mae"], found["mae_of_mean"], found["mae_of_own_mean"]) == (0.5, 0, 0)
    unknown = count_metrics(truth_of([0]), [0.0])
    assert unknown["mae"] == 0 and unknown["mae_of_mean"] is unknown["mae_share_of_mean"] is None


def truth_of_sides(rows):
    """Images with so many boxes of such a side."""
    made = (
        ImageExample(f"{i}.jpg", (99, 99), np.tile([0.0, 0, side, side], (n, 1)), [0] * n)
        for i, (n, side) in enumerate(rows)
    )
    return ImageSet("val", ("car",), tuple(made))


def test_every_image_of_few_is_a_point():
    truth = truth_of_sides([(3, 9), (0, 9), (1, 9)])
    found = scatter(truth, [2.5, 0.25, 1.0])
    assert found == {"all": {"true": [0, 1, 3], "counted": [0.25, 1, 2.5]}}


def test_many_images_are_thinned_evenly():
    """1,001 images, of which one in ten is full: the emptiest, the fullest and the same shares stay."""
    counts = np.where(np.arange(1001) % 10 == 0, 8, np.arange(1001) % 3)
    said = [float(n) for n in counts]
    points = scatter(truth_of_sides([(n, 9) for n in counts]), said)["all"]
    assert len(points["true"]) == 500 and points["true"] == points["counted"]
    assert points["true"][0] == 0 and points["true"][-1] == 8
    assert np.mean(np.equal(points["true"], 8)) == pytest.approx(np.mean(counts == 8), abs=0.005)


def test_error_by_size_by_hand():
    """Six images in pairs of sides 4 and 5, 10 and 12, 40 and 80; an empty one has no size."""
    truth = truth_of_sides([(2, 4), (4, 5), (1, 10), (3, 12), (5, 40), (5, 80), (0, 1)])
    rows = error_by_size(truth, [0.0, 3.0, 1.0, 4.0, 5.0, 8.0, 50.0])
    assert rows["small"] == {
        "side": "4 to 5",
        "n": 2,
        "mean_count": 3,
        "mae": 1.5,
        "bias": -1.5,
        "relative": 0.5,
    }
    assert rows["medium"] == {
        "side": "10 to 12",
        "n": 2,
        "mean_count": 2,
        "mae": 0.5,
        "bias": 0.5,
        "relative": 0.25,
    }
    assert rows["large"] == {
        "side": "40 to 80",
        "n": 2,
        "mean_count": 5,
        "mae": 1.5,
        "bias": 1.5,
        "relative": 0.3,
    }


def test_sizes_that_do_not_differ_are_not_parted():
    rows = error_by_size(truth_of_sides([(1, 9)] * 4), [1.0] * 4)
    assert {name: row["n"] for name, row in rows.items()} == {"small": 4}
    assert error_by_size(truth_of_sides([(0, 9)]), [1.0]) == {}


def test_the_size_of_an_image_is_its_median_box():
    """Boxes of 10, 20 by 5 (the same area) and 90: one large box does not make large objects."""
    boxes = [[0, 0, 10, 10], [0, 0, 20, 5], [0, 0, 90, 90]]
    truth = ImageSet("val", ("car",), (ImageExample("a.jpg", (99, 99), boxes, [0] * 3),))
    assert error_by_size(truth, [3.0])["small"]["side"] == "10 to 10"
