"""Alarm threshold for a target rate of false alarms."""

from __future__ import annotations

import math

import numpy as np


def threshold_at_false_alarm_rate(scores: np.ndarray, per_1000: float) -> float:
    """Return the lowest threshold that at most a given share of scores reaches.

    Args:
        scores: (N,) float, of negative frames.
        per_1000: maximum alarms per 1,000 of them.

    Returns:
        just above the first score that would exceed the rate; 0 where all scores may raise an alarm.

    Example:
        >>> scores = np.array([0.1, 0.7, 0.4])
        >>> [round(threshold_at_false_alarm_rate(scores, rate), 3) for rate in (0, 400, 1000)]
        [0.7, 0.4, 0.0]
    """
    highest = np.sort(scores)[::-1]
    allowed = math.floor(per_1000 / 1000 * len(highest) + 1e-9)
    return float(np.nextafter(highest[allowed], np.inf)) if allowed < len(highest) else 0.0
