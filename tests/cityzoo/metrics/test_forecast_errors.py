"""Metrics of forecasts by hand."""

import numpy as np
import pytest

from cityzoo.metrics import forecast_errors


def point_metrics(truth, forecast, windows, smallest=0.1):
    """The metrics where every window counts once."""
    weighted = forecast_errors.weighted_points(truth, forecast, windows, smallest)
    return {name: values[0] for name, values in weighted(np.ones((1, len(truth)))).items()}


def test_errors_are_means_over_all_steps_up_to_the_horizon():
    """Off by 1 at the first step and by 3 at the second: 1, then 2; RMSE the root of 5."""
    forecast = np.tile(np.array([11.0, 13.0])[None, :, None], (15, 1, 1))
    found = point_metrics(np.full((15, 2, 1), 10.0), forecast, {"5min": (1, 15), "10min": (2, 14)})
    assert list(found) == [
        f"{metric}_{name}" for name in ("5min", "10min") for metric in ("mae", "rmse", "mape")
    ]
    assert [found["mae_5min"], found["mae_10min"]] == [1.0, 2.0]
    assert [found["rmse_5min"], found["rmse_10min"]] == [1.0, pytest.approx(5**0.5)]
    assert [found["mape_5min"], found["mape_10min"]] == [pytest.approx(0.1), pytest.approx(0.2)]


def test_what_is_near_zero_or_missing_has_no_share():
    """A standing jam of 0.001 km/h would make any error a share of thousands."""
    truth, forecast = np.full((15, 1, 2), 10.0), np.full((15, 1, 2), 12.0)
    truth[..., 1] = 0.001
    truth[6, 0, 0] = np.nan
    found = point_metrics(truth, forecast, {"5min": (1, 15)})
    assert found["mape_5min"] == pytest.approx(0.2)
    assert found["mae_5min"] == pytest.approx((14 * 2.0 + 15 * 11.999) / 29)
    nothing = point_metrics(np.zeros((15, 1, 2)), forecast, {"5min": (1, 15)})
    assert np.isnan(nothing["mape_5min"]) and nothing["mae_5min"] == 12


def test_coverage_counts_what_was_measured_borders_included():
    """Of 4 measured values 3 lie within."""
    truth = np.array([[[0.0, 1.0, 2.0, 2.5, np.nan]]])
    said = np.broadcast_to(np.array([0.0, 1.0, 2.0]), (1, 1, 5, 3))
    weighted = forecast_errors.weighted_forecast(
        truth, said, (0.1, 0.5, 0.9), windows={"5min": (1, 1)}, smallest=0.1, spread=1.0, sensors={}
    )
    assert weighted(np.ones((1, 1)))["coverage"][0] == 0.75


def test_each_step_has_its_own_error():
    truth = np.array([[[1.0], [2.0]], [[3.0], [np.nan]]])
    found = forecast_errors.errors_by_step(truth, {"stays": np.zeros((2, 2, 1))}, 300)
    assert found == {"stays": {"minutes": [5.0, 10.0], "mae": [2.0, 2.0]}}


def test_worst_sensors_come_first_with_the_baselines_error_on_the_same_values():
    """A sensor that measured nothing is none of them; bias has a sign."""
    truth = np.array([[[10.0, 10.0, np.nan]], [[10.0, np.nan, np.nan]]])
    said, baseline = np.array([[[11.0, 7.0, 0.0]], [[12.0, 0.0, 0.0]]]), np.zeros((2, 1, 3))
    found = forecast_errors.worst_sensors(truth, said, baseline, ("a", "b", "c"))
    assert list(found) == ["b", "a"]
    assert found["b"] == {"n": 1, "mae": 3.0, "mae_best_baseline": 10.0, "bias": -3.0}
    assert found["a"] == {"n": 2, "mae": 1.5, "mae_best_baseline": 10.0, "bias": 1.5}
    many = forecast_errors.worst_sensors(
        np.zeros((1, 1, 30)), np.arange(30.0)[None, None], np.zeros((1, 1, 30)), [f"s{n}" for n in range(30)]
    )
    assert list(many) == [f"s{number}" for number in range(29, 19, -1)]
