"""Errors of forecasts as a function of weights of the windows, for intervals and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide

Sums = dict[str, tuple[np.ndarray, np.ndarray]]  # metric -> (sum, count) of each window


def weighted_points(
    truth: np.ndarray, forecast: np.ndarray, windows: Mapping[str, tuple[int, int]], smallest: float
) -> WeightedMetrics:
    """Return a function from weights of the windows to MAE, RMSE and MAPE over all steps up to each horizon.

    Args:
        truth: (W, horizon, N) float, NaN where missing.
        forecast: (W, horizon, N) float.
        windows: name of a horizon -> rows ahead, and how many windows, from the first on, count for it.
        smallest: values below it are left out of MAPE.

    Returns:
        Function from (R, W) weights to `mae_NAME`, `rmse_NAME` and `mape_NAME` (a fraction), each (R,), NaN where
        nothing was measured.

    Example:
        >>> truth, forecast = np.array([[[2.0]], [[4.0]]]), np.array([[[1.0]], [[2.0]]])
        >>> metrics = weighted_points(truth, forecast, {"5min": (1, 2)}, 0.1)
        >>> {name: values.tolist() for name, values in metrics(np.array([[1.0, 1.0], [0.0, 1.0]])).items()}
        {'mae_5min': [1.5, 2.0], 'rmse_5min': [1.5811388300841898, 2.0], 'mape_5min': [0.5, 0.5]}
    """
    return _evaluate(_point_sums(truth, forecast, windows, smallest))


def weighted_forecast(
    truth: np.ndarray,
    quantiles: np.ndarray,
    levels: Sequence[float],
    *,
    windows: Mapping[str, tuple[int, int]],
    smallest: float,
    spread: float,
    sensors: Mapping[str, int],
) -> WeightedMetrics:
    """Return the same for forecasts with quantiles, with coverage, pinball loss and the MAE of some sensors.

    Args:
        truth: (W, horizon, N) float32, NaN where missing.
        quantiles: (W, horizon, N, Q) float32.
        levels: of the Q quantiles, .5 among them.
        windows: see `weighted_points`; the last one gives `mae` and `rmse`.
        smallest: see `weighted_points`.
        spread: standard deviation of the target, the unit of the loss.
        sensors: name -> position among the N, of those with a metric of their own.
    """
    truth = truth.astype(np.float64)
    median = quantiles[..., list(levels).index(0.5)].astype(np.float64)
    sums = _point_sums(truth, median, windows, smallest)
    last = list(windows)[-1]
    sums["mae"], sums["rmse"] = sums[f"mae_{last}"], sums[f"rmse_{last}"]
    known = np.isfinite(truth)
    inside = (truth >= quantiles[..., 0]) & (truth <= quantiles[..., -1])
    sums["coverage"] = inside.sum(axis=(1, 2)).astype(np.float64), known.sum(axis=(1, 2)).astype(np.float64)
    sums["loss"] = _pinball(truth, quantiles, levels) / spread, np.ones(len(truth))
    errors, counts = np.nansum(np.abs(truth - median), axis=1), known.sum(axis=1).astype(np.float64)
    for name, row in sensors.items():
        sums[pointer("per_sensor", name, "mae")] = errors[:, row], counts[:, row]
    return _evaluate(sums)


def _point_sums(
    truth: np.ndarray, forecast: np.ndarray, windows: Mapping[str, tuple[int, int]], smallest: float
) -> Sums:
    errors, sums = np.abs(truth - forecast), {}
    with np.errstate(invalid="ignore"):
        fractions = errors / np.where(np.abs(truth) > smallest, np.abs(truth), np.nan)
    for name, (rows, count) in windows.items():
        counted = np.arange(len(truth)) < count
        for metric, values in (("mae", errors), ("rmse", errors**2), ("mape", fractions)):
            part = values[:, :rows]
            n = np.isfinite(part).sum(axis=(1, 2)) * counted
            sums[f"{metric}_{name}"] = np.nansum(part, axis=(1, 2)) * counted, n.astype(np.float64)
    return sums


def _pinball(truth: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    # As `heads.forecast.PinballLoss`: mean over the quantiles and the observed values of each window.
    known = np.isfinite(truth)
    total = np.zeros(truth.shape)
    for q, level in enumerate(levels):
        error = np.where(known, truth - quantiles[..., q], 0.0)
        total += np.maximum(level * error, (level - 1) * error) / len(levels)
    return total.sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)


def _evaluate(sums: Sums) -> WeightedMetrics:
    def metrics(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {name: divide(weights @ total, weights @ count) for name, (total, count) in sums.items()}
        return {name: np.sqrt(v) if name.startswith("rmse") else v for name, v in found.items()}

    return metrics
