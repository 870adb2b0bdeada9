"""Probabilities of crossing a limit, held against distributions that are known."""

from statistics import NormalDist

import numpy as np
import pytest

from cityzoo.alarms.forecasts import probability_beyond, probability_within

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@pytest.mark.parametrize("levels", [LEVELS, (0.1, 0.9), tuple(np.arange(1, 20) / 20)])
def test_of_a_normal_distribution_exactly_and_in_its_tails(levels):
    truth = NormalDist(60, 12)
    quantiles = np.array([truth.inv_cdf(level) for level in levels])
    for limit in (20, 48, 60, 75, 85, 100):
        above = probability_beyond(quantiles, levels, limit, ">")
        assert above == pytest.approx(1 - truth.cdf(limit), abs=1e-9)
        assert probability_beyond(quantiles, levels, limit, "<") == pytest.approx(truth.cdf(limit), abs=1e-9)


def test_of_a_skewed_distribution_nearly():
    rng = np.random.default_rng(0)
    sample = np.exp(rng.normal(3.5, 0.5, 200_000))
    quantiles = np.quantile(sample, LEVELS)
    for limit in (20, 30, 50, 75):
        assert probability_beyond(quantiles, LEVELS, limit, ">") == pytest.approx(
            (sample > limit).mean(), abs=0.02
        )


def test_it_falls_as_the_limit_rises_and_both_ways_sum_to_one():
    quantiles = np.array([10.0, 11.0, 30.0, 31.0, 80.0])
    limits = np.linspace(-20, 120, 57)
    above = np.array([probability_beyond(quantiles, LEVELS, limit, ">") for limit in limits])
    below = np.array([probability_beyond(quantiles, LEVELS, limit, "<") for limit in limits])
    assert (np.diff(above) <= 0).all() and above[0] == pytest.approx(1) and above[-1] < 0.02
    np.testing.assert_allclose(above + below, 1)


def test_quantiles_that_cross_are_put_in_order():
    ordered = probability_beyond(np.array([50.0, 60, 70]), (0.1, 0.5, 0.9), 65, ">")
    assert probability_beyond(np.array([60.0, 50, 70]), (0.1, 0.5, 0.9), 65, ">") == ordered


def test_equal_quantiles_are_a_value_that_is_sure():
    sure = np.array([40.0, 40, 40])
    levels = (0.1, 0.5, 0.9)
    assert [float(probability_beyond(sure, levels, limit, ">")) for limit in (39, 40, 41)] == [1, 0, 0]
    assert [float(probability_beyond(sure, levels, limit, "<")) for limit in (39, 40, 41)] == [0, 0, 1]
    half = np.array([0.0, 0, 50])  # dry, in half of the cases
    assert probability_beyond(half, levels, 0.0, ">") == pytest.approx(0.5)


def test_a_point_forecast_is_sure_of_itself():
    points = np.array([[70.0], [75.0], [76.0], [np.nan]])
    np.testing.assert_array_equal(probability_beyond(points, (0.5,), 75, ">"), [0, 0, 1, np.nan])
    np.testing.assert_array_equal(probability_beyond(points, (0.5,), 75, "<"), [1, 0, 0, np.nan])


def test_a_missing_quantile_gives_no_probability():
    assert np.isnan(probability_beyond(np.array([50.0, np.nan, 70]), (0.1, 0.5, 0.9), 65, ">"))


@pytest.mark.parametrize("levels", [(0.1, 0.5), (0.5, 0.1, 0.9), (0.0, 0.5, 1.0)])
def test_bad_levels_are_refused(levels):
    with pytest.raises(ValueError, match="expected one increasing level between 0 and 1"):
        probability_beyond(np.zeros(3), levels, 1, ">")


def test_the_largest_step_never_overstates_where_independence_does():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (50_000, 1)) + rng.normal(0, 0.3, (50_000, 6))  # steps err together
    happened = (noise > 1.5).any(1).mean()
    steps = np.full((1, 6), (noise > 1.5).mean())
    assert probability_within(steps)[0] <= happened < 1 - np.prod(1 - steps)


def test_steps_without_a_forecast_are_passed_over():
    np.testing.assert_array_equal(
        probability_within(np.array([[np.nan, 0.2], [np.nan, np.nan]])), [0.2, np.nan]
    )
