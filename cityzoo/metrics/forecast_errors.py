"""Errors of forecasts by horizon, step and sensor, and coverage of intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cityzoo.metrics.tgcn_protocol import TgcnProtocol

LEAST_SHARE = 0.01  # of the mean; smaller values have no percentage error
WORST = 10  # sensors in the report


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


def point_metrics(
    protocol: TgcnProtocol,
    values: np.ndarray,
    forecast: np.ndarray,
    horizons: Sequence[int],
    step_seconds: int,
) -> dict[str, float]:
    """Return MAE, RMSE and MAPE of a point forecast, each averaged over all steps up to a horizon.

    Args:
        protocol: selects the windows.
        values: (rows, N) float, NaN where missing.
        forecast: (W, horizon, N), of the origins of the shortest horizon.
        horizons: in rows, rising.
        step_seconds: of a row.

    Returns:
        `mae_15min`, `rmse_15min`, `mape_15min` ...; MAPE as a share, without values below 1 % of the mean.
    """
    found: dict[str, float] = {}
    least = LEAST_SHARE * float(np.nanmean(np.abs(values)))
    for horizon, errors in protocol.errors(values, forecast, tuple(horizons)).items():
        origins = protocol.origins(horizon)
        truth = values[origins[:, None] + np.arange(1, horizon + 1)]
        share = np.abs(truth - forecast[: len(origins), :horizon]) / np.where(
            np.abs(truth) > least, np.abs(truth), np.nan
        )
        name = format_horizon(horizon, step_seconds)
        found |= {f"{metric}_{name}": value for metric, value in errors.items()}
        found[f"mape_{name}"] = float(np.nanmean(share)) if np.isfinite(share).any() else float("nan")
    return found


def coverage(truth: np.ndarray, forecast: np.ndarray) -> float:
    """Return the share of measurements between the outermost quantiles, 0..1.

    Args:
        truth: (W, horizon, N) float, NaN where missing.
        forecast: (W, horizon, N, Q), quantiles rising.

    Example:
        >>> coverage(np.array([[[1.0], [5.0], [np.nan]]]), np.array([[[[0, 1, 2]], [[0, 1, 2]], [[0, 1, 2]]]]))
        0.5
    """
    inside = (truth >= forecast[..., 0]) & (truth <= forecast[..., -1])
    return float(inside[np.isfinite(truth)].mean())


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
