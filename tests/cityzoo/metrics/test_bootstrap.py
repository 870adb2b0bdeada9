"""Intervals against what is known of them: the normal approximation, their coverage, pairs, scenes."""

import numpy as np
import pytest

from cityzoo.metrics.weighted import bootstrap_weights, interval, intervals


def mean_of(values):
    """A figure of weighted images: the mean of a number of each, NaN where no image counts."""

    def weighed(weights):
        with np.errstate(invalid="ignore"):
            return {"mean": weights @ values / weights.sum(axis=1)}

    return weighed


def test_each_draw_holds_as_many_images_and_a_seed_settles_it():
    weights = bootstrap_weights(37, draws=200, seed=4)
    assert weights.shape == (200, 37) and weights.dtype == np.float64
    assert (weights.sum(axis=1) == 37).all() and (weights == weights.astype(int)).all()
    assert weights.var() == pytest.approx(1 - 1 / 37, rel=0.1)  # of a binomial of 37 tries
    np.testing.assert_array_equal(weights, bootstrap_weights(37, draws=200, seed=4))
    assert (weights != bootstrap_weights(37, draws=200, seed=5)).any()


@pytest.mark.parametrize("values", [np.random.default_rng(1).normal(3, 2, 400), np.arange(400) % 10 < 3.0])
def test_an_interval_is_the_analytic_one(values):
    """Mean ± 1.96 standard errors, for a Gaussian and a Bernoulli sample."""
    low, high = intervals(mean_of(values), bootstrap_weights(400, 4000))["mean"]
    error = 1.96 * values.std() / np.sqrt(400)
    assert [low, high] == pytest.approx([values.mean() - error, values.mean() + error], abs=0.06 * error)


@pytest.mark.parametrize(("truth", "draw"), [(3.0, "normal"), (0.4, "binomial")])
def test_about_95_of_100_intervals_hold_the_truth(truth, draw):
    rng = np.random.default_rng(2)
    samples = rng.normal(truth, 2, (300, 100)) if draw == "normal" else rng.binomial(1, truth, (300, 100))
    means = bootstrap_weights(100) @ samples.T / 100
    held = [low <= truth <= high for low, high in map(interval, means.T)]
    assert 0.92 <= np.mean(held) <= 0.97


def test_a_paired_difference_is_narrow_where_two_models_err_on_the_same_images():
    rng = np.random.default_rng(3)
    hardness, own = rng.normal(size=200), rng.normal(scale=0.1, size=(2, 200))
    this, other = (mean_of(hardness + each) for each in own)
    weights = bootstrap_weights(200)
    paired = interval(this(weights)["mean"] - other(weights)["mean"])
    apart = interval(this(weights)["mean"] - other(bootstrap_weights(200, seed=1))["mean"])
    assert paired[1] - paired[0] < 0.15 * (apart[1] - apart[0])
    expected = 2 * 1.96 * (own[0] - own[1]).std() / np.sqrt(200)
    assert paired[1] - paired[0] == pytest.approx(expected, rel=0.1)


def test_whole_scenes_are_drawn():
    """20 scenes of 15 equal frames: the interval is that of 20 images, not of 300."""
    scenes = np.random.default_rng(4).normal(size=20)
    values, names = np.repeat(scenes, 15), [f"camera {i // 15}" for i in range(300)]
    weights = bootstrap_weights(300, 2000, groups=names)
    assert (weights.reshape(2000, 20, 15).std(axis=2) == 0).all()
    low, high = intervals(mean_of(values), weights)["mean"]
    error = 1.96 * scenes.std() / np.sqrt(20)
    assert [low, high] == pytest.approx([scenes.mean() - error, scenes.mean() + error], abs=0.1 * error)


def test_few_scenes_are_not_and_unknown_ones_stand_alone():
    np.testing.assert_array_equal(
        bootstrap_weights(90, 5, groups=["a"] * 45 + ["b"] * 45), bootstrap_weights(90, 5)
    )
    weights = bootstrap_weights(24, 50, groups=["a", "a", "b", "b", *[""] * 20])
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 2] == weights[:, 3]).all()
    assert (weights[:, 4] != weights[:, 5]).any()


def test_nothing_to_measure():
    """A figure of one rare image of ten is gone in (9/10)^10 = 35 of 100 draws; of four of ten in 0.6."""
    rare, known = np.full(10, np.nan), np.arange(10.0)

    def chart_figure(count):
        def weighed(weights):
            kept = weights[:, :count]
            with np.errstate(invalid="ignore"):
                return {"rare": kept @ known[:count] / kept.sum(axis=1), "never": weights @ rare}

        return weighed

    assert intervals(chart_figure(1), bootstrap_weights(10)) == {"rare": None, "never": None}
    found = intervals(chart_figure(4), bootstrap_weights(10), keys=("rare", "unheard of"))
    assert list(found) == ["rare"] and 0 <= found["rare"][0] < 1.5 < found["rare"][1] <= 3
