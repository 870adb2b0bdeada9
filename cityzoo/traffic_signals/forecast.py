"""Forecasts of the arms' flows; a simple one from past days and the last period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UPPER = 0.9  # quantile of the forecast that plans are also checked at


@dataclass(frozen=True)
class Forecast:
    """Forecast of each period, made before its start.

    Args:
        flows: (periods, 4 arms) float64 veh/h.
        upper: same shape, the 0.9 quantile; never below `flows`.
        source: name of the method, for reports.
    """

    flows: np.ndarray
    upper: np.ndarray
    source: str


def simple_forecast(past: np.ndarray, today: np.ndarray) -> Forecast:
    """Return the time-of-day mean of past days plus a share of the last period's deviation from it.

    The share is fitted on past days (least squares); the upper quantile is that of the errors on past days, scaled by
    the square root of the flow. A period's forecast uses only earlier periods.

    Args:
        past: (days, periods, 4 arms) veh/h, at least two days of the same kind.
        today: (periods, 4 arms) veh/h of the day itself; a period is used only after its end.

    Example:
        >>> past = np.array([[[100.0], [200]], [[120], [220]]])
        >>> simple_forecast(past, np.array([[130.0], [0]])).flows.ravel().round(3).tolist()
        [110.0, 230.0]
    """
    mean = past.mean(axis=0)
    off = past - mean
    before = off[:, :-1]
    share = float(np.clip((off[:, 1:] * before).sum() / max((before**2).sum(), 1e-9), 0, 1))

    def predict(days: np.ndarray) -> np.ndarray:
        known = np.zeros_like(days)
        known[:, 1:] = (days - mean)[:, :-1]
        return np.maximum(mean + share * known, 0)

    errors = (past - predict(past)) / np.sqrt(np.maximum(mean, 1))
    flows = predict(today[None])[0]
    upper = flows + max(float(np.quantile(errors, UPPER)), 0) * np.sqrt(np.maximum(flows, 1))
    return Forecast(
        flows, upper, f"time-of-day mean of {len(past)} days + {share:.2f} x the last period's deviation"
    )
