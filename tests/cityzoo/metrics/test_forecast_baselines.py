"""Baselines by hand, without a look ahead, and compared with known errors on real traffic."""

from pathlib import Path

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.metrics.forecast_baselines import BASELINES, HistoryView, ar_weights, forecasts
from cityzoo.metrics.forecast_errors import TgcnProtocol, weighted_points

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
LOS = SHARED / "traffic_speed" / "los_speed.csv"
NAN = np.nan


def column(*values):
    """The rows of one sensor."""
    return np.array(values, float)[:, None]


def run_baseline(name, values, origin, horizon=2, train=None, day=4):
    """Forecast of a baseline for one sensor from one origin."""
    known = HistoryView(values, train or len(values), day)
    return BASELINES[name](known, np.array([origin]), horizon)[0, :, 0].tolist()


def test_persistence_is_the_last_value_observed():
    assert run_baseline("persistence", column(1, 2, 3, NAN, 9), 3) == [3, 3]
    assert run_baseline("persistence", column(NAN, NAN, 4, 6), 1) == [5, 5]  # none yet: what is usual


def test_the_mean_of_a_time_of_day_is_of_training_days():
    values = column(1, 2, 3, 4, 5, NAN, 7, 8, 99, 99, 99, 99)
    assert run_baseline("time_of_day_mean", values, 8, horizon=4, train=8) == [2, 5, 6, 3]


def test_a_slot_without_training_values_takes_the_sensors_mean():
    assert run_baseline("time_of_day_mean", column(1, NAN, 3, 4, 9), 4, horizon=1, train=4) == [
        pytest.approx(8 / 3)
    ]


def test_a_day_before_is_never_ahead():
    """Beyond a day ahead it is the day before that; where nothing was known, persistence."""
    values = column(*range(12))
    assert run_baseline("last_day", values, 6, horizon=6) == [3, 4, 5, 6, 3, 4]
    assert run_baseline("last_day", column(1, NAN, 3, 4, 5, 6, 7, 8), 4, horizon=2) == [5, 3]
    assert run_baseline("last_day", values, 1, horizon=3) == [1, 1, 0]


def test_a_week_before_falls_back_on_the_day_before():
    values = column(*range(40))
    assert run_baseline("last_week", values, 30, horizon=2) == [3, 4]
    assert run_baseline("last_week", values, 20, horizon=2) == run_baseline("last_day", values, 20, horizon=2)


def test_the_linear_model_finds_the_weights():
    """Of noise-driven sensors that follow one rule; an unobserved value takes its windows out, no more."""
    rng, truth = np.random.default_rng(0), np.zeros(12)
    truth[[0, 8, 11]] = 0.2, -0.1, 0.9
    values = np.zeros((600, 8))
    for row in range(12, 600):
        values[row] = truth @ values[row - 12 : row] + rng.normal(size=8)
    values[rng.random(values.shape) < 0.01] = NAN
    weights = ar_weights(values)
    assert weights.sum() == pytest.approx(1) and weights == pytest.approx(truth, abs=0.05)


def test_the_linear_model_without_a_window_is_persistence():
    assert run_baseline("linear_ar", column(1, 2, 3), 2) == [3, 3]


def test_nothing_looks_ahead():
    """What comes after the origin and the training rows changes no forecast."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(100, 3)).cumsum(axis=0)
    other = values.copy()
    other[81:] = 1e6
    a, b = (forecasts(HistoryView(v, 60, 8), np.array([70, 80]), 20) for v in (values, other))
    assert set(a) == set(BASELINES)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


def test_a_sensor_without_any_value_gets_a_finite_forecast():
    values = np.arange(60.0)[:, None] * [1.0, NAN]
    found = forecasts(HistoryView(values, 40, 6), np.array([45]), 3)
    assert all(np.isfinite(forecast).all() for forecast in found.values())


def test_impossible_rows_are_said():
    with pytest.raises(InputError, match="5 rows cannot have 9 for training"):
        HistoryView(np.ones((5, 1)), 9, 4)
    with pytest.raises(InputError, match="needs 14"):
        TgcnProtocol(60)


def test_every_horizon_has_windows_of_its_own_within_the_test_rows():
    """The last possible window is left out, as in the code of the paper."""
    protocol = TgcnProtocol(100, steps=4)
    assert protocol.first_test == 80 and protocol.origins(3).tolist() == list(range(83, 83 + 13))
    assert protocol.origins(3)[-1] + 3 == 98


@pytest.mark.skipif(not LOS.is_file(), reason=f"no {LOS}")
def test_the_figures_of_the_issue():
    """Los-loop, 15 to 60 minutes, to 0.01."""
    values = np.loadtxt(LOS, delimiter=",", skiprows=1)
    protocol, horizons = TgcnProtocol(len(values)), (3, 6, 9, 12)
    origins = protocol.origins(3)
    found = forecasts(HistoryView(values, protocol.first_test, 288), origins, 12)
    ahead = np.pad(values, ((0, 12), (0, 0)))[origins[:, None] + np.arange(1, 13)]
    windows = {str(horizon): (horizon, protocol.windows(horizon)) for horizon in horizons}

    def errors(name, metric):
        by_name = weighted_points(ahead, found[name], windows, 0.1)(np.ones((1, len(origins))))
        return [by_name[f"{metric}_{horizon}"][0] for horizon in horizons]

    assert errors("persistence", "mae") == pytest.approx([3.156, 3.632, 4.042, 4.433], abs=0.001)
    assert errors("linear_ar", "mae") == pytest.approx([3.027, 3.503, 3.924, 4.326], abs=0.01)
    assert errors("persistence", "rmse") == pytest.approx([5.543, 6.699, 7.628, 8.456], abs=0.001)
