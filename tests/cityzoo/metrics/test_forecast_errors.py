"""Metrics of forecasts by hand, with weights, against repetition and NumPy."""

import numpy as np
import pytest

from cityzoo.metrics import forecast_errors
from cityzoo.metrics.forecast_errors import TgcnProtocol, weighted_forecast, weighted_points
from heads.forecast import QuantileForecastHead


def point_metrics(truth, forecast, windows, smallest=0.0, weights=None):
    """The metrics at one row of weights; by default each window once."""
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    return {n: v[0] for n, v in weighted_points(truth, forecast, windows, smallest)(weights[None]).items()}


def test_errors_are_means_over_all_steps_up_to_the_horizon():
    """Off by 1 at the first step and by 3 at the second: 1, then 2; RMSE the root of 5."""
    truth = np.full((15, 2, 1), 10.0)
    forecast = np.tile(np.array([11.0, 13.0])[None, :, None], (15, 1, 1))
    found = point_metrics(truth, forecast, {"5min": (1, 15), "10min": (2, 14)})
    assert list(found) == [
        f"{metric}_{name}" for name in ("5min", "10min") for metric in ("mae", "rmse", "mape")
    ]
    assert [found["mae_5min"], found["mae_10min"]] == [1.0, 2.0]
    assert [found["rmse_5min"], found["rmse_10min"]] == [1.0, pytest.approx(5**0.5)]
    assert [found["mape_5min"], found["mape_10min"]] == [pytest.approx(0.1), pytest.approx(0.2)]


def test_what_is_near_zero_or_missing_has_no_share():
    """A standing jam of 0.001 km/h would make any error a share of thousands."""
    truth = np.full((15, 1, 2), 10.0)
    truth[:, :, 1] = 0.001
    truth[3, 0, 0] = np.nan
    forecast = np.full((15, 1, 2), 12.0)
    found = point_metrics(truth, forecast, {"5min": (1, 15)}, 0.01)
    assert found["mape_5min"] == pytest.approx(0.2)
    assert found["mae_5min"] == pytest.approx((14 * 2.0 + 15 * 11.999) / 29)
    nothing = point_metrics(np.zeros((15, 1, 2)), forecast, {"5min": (1, 15)})
    assert np.isnan(nothing["mape_5min"]) and nothing["mae_5min"] == 12


def test_each_horizon_has_windows_of_its_own():
    """Those of the protocol: of the test rows, with their history, and one less as in the released code."""
    values = np.random.default_rng(0).normal(50, 10, (60, 3))
    protocol = TgcnProtocol(60, 0.5, steps=4)
    origins = protocol.origins(1)
    rows = np.minimum(origins[:, None] + np.arange(1, 4), 59)
    truth, forecast = values[rows], np.full((len(origins), 3, 3), 50.0)
    found = point_metrics(truth, forecast, {f"{h} rows": (h, protocol.windows(h)) for h in (1, 3)})
    for horizon in (1, 3):
        came = values[protocol.origins(horizon)[:, None] + np.arange(1, horizon + 1)]
        assert found[f"mae_{horizon} rows"] == pytest.approx(np.abs(came - 50).mean(), rel=1e-12)
        assert found[f"rmse_{horizon} rows"] == pytest.approx(((came - 50) ** 2).mean() ** 0.5, rel=1e-12)


def test_a_weighted_metric_by_hand():
    """Windows of errors 1 and 3 with weights 3 and 1: 1.5 and the root of 3; the interval holds one of both."""
    truth = np.array([[[10.0]], [[20.0]]], np.float32)
    quantiles = np.array([[[[8.0, 11.0, 12.0]]], [[[15.0, 17.0, 19.0]]]], np.float32)
    about = {"windows": {"5min": (1, 2)}, "smallest": 1.0, "spread": 2.0, "sensors": {"a/b": 0}}
    found = weighted_forecast(truth, quantiles, (0.1, 0.5, 0.9), **about)(np.array([[3.0, 1.0], [0.0, 0.0]]))
    assert found["mae"][0] == found["per_sensor/a~1b/mae"][0] == found["mae_5min"][0] == 1.5
    assert found["rmse"][0] == pytest.approx(3**0.5) and found["coverage"][0] == 0.75
    assert found["mape_5min"][0] == pytest.approx((3 * 0.1 + 0.15) / 4)
    # Pinball: 0.1 * 2, 0.5 * 1, 0.1 * 2 of the first window; 0.1 * 5, 0.5 * 3, 0.9 * 1 of the second.
    assert found["loss"][0] == pytest.approx((3 * 0.9 / 3 + 2.9 / 3) / 4 / 2)
    assert all(np.isnan(values[1]) for values in found.values())


@pytest.fixture
def random_forecast():
    """Truth with gaps, sorted quantiles: (truth, quantiles, arguments)."""
    rng = np.random.default_rng(1)
    truth = rng.normal(50, 10, (9, 4, 3)).astype(np.float32)
    truth[rng.random(truth.shape) < 0.2] = np.nan
    quantiles = np.sort(rng.normal(50, 12, (9, 4, 3, 3)), axis=-1).astype(np.float32)
    about = {"windows": {"10min": (2, 9), "20min": (4, 9)}, "smallest": 0.5, "spread": 10.0}
    return truth, quantiles, {**about, "sensors": {"a": 0, "c": 2}}


def test_weights_are_repetitions(random_forecast):
    """A weight of two is the window twice, one of zero is none; and each number is NumPy's."""
    truth, quantiles, about = random_forecast
    weights = np.random.default_rng(2).integers(0, 4, (5, 9)).astype(float)
    found = weighted_forecast(truth, quantiles, (0.1, 0.5, 0.9), **about)(weights)
    for row, counts in enumerate(weights.astype(int)):
        t, q = np.repeat(truth, counts, axis=0), np.repeat(quantiles, counts, axis=0).astype(np.float64)
        named = {name: (steps, len(t)) for name, (steps, _) in about["windows"].items()}
        once = weighted_forecast(t, q, (0.1, 0.5, 0.9), **{**about, "windows": named})(np.ones((1, len(t))))
        assert {n: v[row] for n, v in found.items()} == pytest.approx(
            {n: v[0] for n, v in once.items()}, rel=1e-6
        )
        errors, known = np.abs(t - q[..., 1]), np.isfinite(t)
        assert found["mae"][row] == pytest.approx(np.nanmean(errors), rel=1e-6)
        assert found["mae_10min"][row] == pytest.approx(np.nanmean(errors[:, :2]), rel=1e-6)
        assert found["rmse"][row] == pytest.approx(np.nanmean(errors**2) ** 0.5, rel=1e-6)
        assert found["mape_20min"][row] == pytest.approx(np.nanmean(errors / t), rel=1e-6)
        assert found["per_sensor/c/mae"][row] == pytest.approx(np.nanmean(errors[..., 2]), rel=1e-6)
        within = (t[known] >= q[..., 0][known]) & (t[known] <= q[..., 2][known])
        assert found["coverage"][row] == pytest.approx(within.mean(), rel=1e-6)


def test_the_loss_is_that_of_training(random_forecast):
    """The pinball loss of the head, on the same scale."""
    truth, quantiles, about = random_forecast
    found = weighted_forecast(truth, quantiles, (0.1, 0.5, 0.9), **about)(np.ones((1, 9)))
    expected = float(QuantileForecastHead(4, (0.1, 0.5, 0.9)).loss(about["spread"])(truth, quantiles))
    assert found["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_coverage_counts_what_was_measured_borders_included():
    """Of 4 measured values 3 lie within."""
    truth = np.array([[[0.0, 1.0, 2.0, 2.5, np.nan]]])
    quantiles = np.broadcast_to(np.array([0.0, 1.0, 2.0]), (1, 1, 5, 3))
    about = {"windows": {"5min": (1, 1)}, "smallest": 0.0, "spread": 1.0, "sensors": {}}
    assert weighted_forecast(truth, quantiles, (0.1, 0.5, 0.9), **about)(np.ones((1, 1)))["coverage"] == 0.75


def test_each_step_has_its_own_error():
    truth = np.array([[[1.0], [2.0]], [[3.0], [np.nan]]])
    found = forecast_errors.errors_by_step(truth, {"stays": np.zeros((2, 2, 1))}, 300)
    assert found == {"stays": {"minutes": [5.0, 10.0], "mae": [2.0, 2.0]}}


def test_worst_sensors_come_first_with_the_baselines_error_on_the_same_values():
    """A sensor that measured nothing is none of them; bias has a sign."""
    truth = np.array([[[10.0, 10.0, np.nan]], [[10.0, np.nan, np.nan]]])
    forecast, baseline = np.array([[[11.0, 7.0, 0.0]], [[12.0, 0.0, 0.0]]]), np.zeros((2, 1, 3))
    found = forecast_errors.worst_sensors(truth, forecast, baseline, ("a", "b", "c"))
    assert list(found) == ["b", "a"]
    assert found["b"] == {"n": 1, "mae": 3.0, "mae_best_baseline": 10.0, "bias": -3.0}
    assert found["a"] == {"n": 2, "mae": 1.5, "mae_best_baseline": 10.0, "bias": 1.5}
    many = forecast_errors.worst_sensors(
        np.zeros((1, 1, 30)), np.arange(30.0)[None, None], np.zeros((1, 1, 30)), [f"s{n}" for n in range(30)]
    )
    assert list(many) == [f"s{number}" for number in range(29, 19, -1)]
