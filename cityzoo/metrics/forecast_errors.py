"""Errors of forecasts by horizon, step and sensor, weighted by window; the test windows of the T-GCN paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cityzoo.errors import InputError
from cityzoo.metrics.keys import pointer
from cityzoo.metrics.weighted import WeightedMetrics, divide

LEAST_SHARE = 0.01  # of the mean; smaller values have no percentage error
WORST = 10  # sensors in the report
Sums = dict[str, tuple[np.ndarray, np.ndarray]]  # metric -> (sum, count) of each window


def format_horizon(steps: int, step_seconds: int) -> str:
    """Return a number of steps as a duration, as in keys of a report.

    Example:
        >>> format_horizon(3, 300), format_horizon(12, 300), format_horizon(24, 3600), format_horizon(1, 90)
        ('15min', '60min', '24h', '90s')
    """
    seconds = steps * step_seconds
    if seconds % 3600 == 0 and step_seconds >= 3600:
        return f"{seconds // 3600}h"
    return f"{seconds // 60}min" if seconds % 60 == 0 else f"{seconds}s"


def default_horizons(horizon: int) -> tuple[int, ...]:
    """Return the horizons of the metrics: quarters of the whole.

    Example:
        >>> default_horizons(12), default_horizons(3), default_horizons(1)
        ((3, 6, 9, 12), (1, 2, 3), (1,))
    """
    return tuple(sorted({max(1, round(horizon * quarter / 4)) for quarter in (1, 2, 3, 4)}))


def errors_by_step(
    truth: np.ndarray, forecasts: Mapping[str, np.ndarray], step_seconds: int
) -> dict[str, Any]:
    """Return the MAE of each step ahead, for a chart: name -> {"minutes": [...], "mae": [...]}."""
    minutes = [(step + 1) * step_seconds / 60 for step in range(truth.shape[1])]
    return {
        name: {"minutes": minutes, "mae": np.nanmean(np.abs(truth - forecast), axis=(0, 2)).tolist()}
        for name, forecast in forecasts.items()
    }


def worst_sensors(
    truth: np.ndarray, forecast: np.ndarray, best_baseline: np.ndarray, sensors: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return the sensors with the largest MAE: number of values, MAE, that of the best baseline, and bias."""
    errors = np.abs(truth - forecast)
    with np.errstate(invalid="ignore"):
        counts = np.isfinite(errors).sum(axis=(0, 1))
        mae = np.where(counts, np.nansum(errors, axis=(0, 1)) / np.maximum(counts, 1), np.nan)
        other = np.nansum(np.abs(truth - best_baseline), axis=(0, 1)) / np.maximum(counts, 1)
    order = [row for row in np.argsort(-np.nan_to_num(mae, nan=-1.0)) if counts[row]][:WORST]
    return {
        sensors[row]: {
            "n": int(counts[row]),
            "mae": float(mae[row]),
            "mae_best_baseline": float(other[row]),
            "bias": float(np.nansum(forecast[:, :, row] - truth[:, :, row]) / counts[row]),
        }
        for row in order
    }


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


@dataclass(frozen=True)
class TgcnProtocol:
    """Test windows of T-GCN (Zhao et al. 2020, arXiv 1811.05320, and its released code).

    The last `rows - int(0.8 * rows)` rows are test rows. A window is 12 rows of history and `h` rows to forecast, both
    within the test rows; windows start at every row except the last possible one, as in the released code. Errors are
    averaged over all windows, all sensors and all steps 1..h, see `weighted_points`. Each horizon h has its own
    windows: fewer for a longer one.

    Raises:
        InputError: too few rows for a window.

    Example:
        >>> protocol = TgcnProtocol(2016)
        >>> protocol.first_test, protocol.windows(3), protocol.windows(12)
        (1612, 389, 380)
    """

    rows: int  # total number
    share: float = 0.8  # of the rows before the test rows, 0..1
    steps: int = 12  # rows of history

    def __post_init__(self) -> None:
        if self.windows(1) < 1:
            raise InputError(
                f"{self.rows} rows leave {self.rows - self.first_test} to test on: a window of {self.steps} and "
                f"1 ahead needs {self.steps + 2}; give more rows"
            )

    @property
    def first_test(self) -> int:
        """Position of the first test row."""
        return int(self.rows * self.share)

    def windows(self, horizon: int) -> int:
        """Return the number of windows of a horizon."""
        return self.rows - self.first_test - self.steps - horizon

    def origins(self, horizon: int) -> np.ndarray:
        """Return the last row of history of each window, (windows,) int."""
        return self.first_test + self.steps - 1 + np.arange(self.windows(horizon))
