"""The probability that raises an alarm, chosen on validation data for a wanted rate of false alarms."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from cityzoo.alarms.forecast_alarms import raise_from_forecasts
from cityzoo.alarms.forecasts import Forecasts
from cityzoo.alarms.metrics import alarm_metrics
from cityzoo.alarms.rules import Rule
from cityzoo.data.series.series import Series

LOG = logging.getLogger(__name__)
CANDIDATES = tuple(round(0.02 * step, 2) for step in range(48, 0, -1))  # .96 to .02


def choose_probability(rule: Rule, forecast: Forecasts, truth: Series) -> Rule:
    """Return a rule on false alarms with the probability that warns of most events.

    The probability is lowered until there are more false alarms than wanted; of those before, the one that warns of
    most events is taken, the highest of equals. Far lower ones are never tried: an alarm that never ends is false only
    once.

    Args:
        rule: with `false_alarms` of each sensor and week.
        forecast: of the rule's channel, on data that the model was not trained on.
        truth: measurements of the same times and the horizon after them.
    """
    if rule.false_alarms is None:
        return rule
    allowed: dict[float, dict[str, Any]] = {}
    for each in CANDIDATES:
        metrics = _measure(replace(rule, probability=each), forecast, truth)
        if metrics["false_alarms_per_sensor_week"] > rule.false_alarms:
            break
        allowed[each] = metrics
    if not allowed:
        LOG.warning(
            "alarm '%s': each probability leads to more false alarms on the validation data; %g is used",
            rule,
            each,
        )
        allowed[each] = metrics
    best = max(allowed, key=lambda each: (_warned(allowed[each]), each))
    chosen = replace(rule, probability=best, is_chosen=True)
    LOG.info(
        "alarm '%s': on the validation data %d of %d events with a warning before them, %.2f false alarms a week of "
        "each sensor",
        chosen,
        _warned(allowed[best]),
        allowed[best]["events"],
        allowed[best]["false_alarms_per_sensor_week"],
    )
    return chosen


def _measure(rule: Rule, forecast: Forecasts, truth: Series) -> dict[str, Any]:
    return alarm_metrics(raise_from_forecasts(rule, forecast, truth), len(truth.sensors))


def _warned(metrics: dict[str, Any]) -> int:
    return int(metrics["events_in_time"]) + int(metrics["events_standing"])


def widen(quantiles: np.ndarray, median: int, widths: np.ndarray) -> np.ndarray:
    """Return quantiles with each distance to the median multiplied by its conformal width.

    Args:
        quantiles: (W, horizon, N, Q) float.
        median: position of the median.
        widths: (horizon, Q) float, of `heads.forecast.conformal_offsets`.

    Example:
        >>> widen(np.array([[[[1.0, 2.0, 4.0]]]]), 1, np.array([[2.0, 1.0, 1.5]])).tolist()
        [[[[0.0, 2.0, 5.0]]]]
    """
    middle = quantiles[..., median : median + 1]
    return middle + (quantiles - middle) * widths[:, None, :]
