"""Errors of forecasts by horizon, step and sensor, and coverage of intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
