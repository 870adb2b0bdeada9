"""Extrapolated learning curves: power laws are found again, noise widens the interval, flat curves promise nothing."""

import numpy as np
import pytest

from cityzoo.fit.more_time import extrapolate, predict_gain


def history(values, phase=1):
    """Rows of a phase of ten seconds per epoch."""
    return [{"epoch": i, "phase": phase, "seconds": 10.0 * i, "val_AP": v} for i, v in enumerate(values, 1)]


@pytest.mark.parametrize("exponent", [0.3, 0.7, 2.0])
def test_a_power_law_is_found_again(exponent):
    """.8 - .5 * 60 ** -c after 30 of 60 epochs."""
    curve = 0.8 - 0.5 * np.arange(1, 31) ** -exponent
    low, middle, high = extrapolate(curve.tolist())
    assert middle == pytest.approx(0.8 - 0.5 * 60**-exponent, abs=0.002) and high - low < 0.01


def test_noise_widens_the_interval_which_covers_the_truth():
    """Of 40 noisy curves, the 80 % interval covers the truth in most."""
    rng, truth = np.random.default_rng(0), 0.8 - 0.5 * 40**-0.7
    clean = 0.8 - 0.5 * np.arange(1, 21) ** -0.7
    found = [extrapolate((clean + rng.normal(0, 0.02, 20)).tolist()) for _ in range(40)]
    assert np.mean([high - low for low, _, high in found]) > 0.01
    assert np.mean([low <= truth <= high for low, _, high in found]) > 0.6


def test_a_flat_curve_promises_nothing_and_a_short_one_is_not_extrapolated():
    """Best so far: a later dip is none."""
    found = predict_gain(history([0.5, 0.6, 0.6, 0.55, 0.5, 0.5, 0.6, 0.6]), "AP", False)
    assert found["now"] == 0.6 and 0.6 <= found["then"] < 0.62 and found["more_minutes"] == pytest.approx(1.3)
    assert predict_gain(history([0.1, 0.2, 0.3]), "AP", False) is None
    assert predict_gain(history([0.1] * 9, 1) + history([0.2], 2), "AP", False) is None


def test_a_curve_that_begins_slowly_and_ends_flat_promises_no_more_than_its_last_doubling():
    """From .2 to .8 around epoch 15 of 60, then .001 per epoch: the last 30 epochs brought .03."""
    epochs = np.arange(1, 61)
    found = predict_gain(
        history((0.2 + 0.6 / (1 + np.exp(15 - epochs)) + 0.001 * epochs).tolist()), "AP", False
    )
    assert found["now"] == pytest.approx(0.86) and found["high"] <= 0.89 + 1e-6


def test_metrics_that_fall_are_extrapolated_downwards():
    """An error of .2 + .5 / epoch."""
    found = predict_gain(history([0.2 + 0.5 / i for i in range(1, 13)]), "AP", True)
    assert (
        found["then"] == pytest.approx(0.2 + 0.5 / 24, abs=0.003)
        and found["low"] <= found["then"] <= found["high"]
    )
