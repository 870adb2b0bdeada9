"""The threshold that keeps false alarms to a wanted rate."""

from __future__ import annotations

import math

import numpy as np


def threshold_at_false_alarm_rate(scores: np.ndarray, per_1000: float) -> float:
    """Return the lowest threshold that at most a wanted share of scores reaches.

    Args:
        scores: (N,) float, of frames that give no reason for an alarm.
        per_1000: alarms wanted at most in 1,000 of them.

    Returns:
        just above the first score that would be one alarm too many; 0 where even all are not too many.

    Example:
        >>> scores = np.array([0.1, 0.7, 0.4])
        >>> threshold_at_false_alarm_rate(scores, 0) > 0.7, round(threshold_at_false_alarm_rate(scores, 400), 3), threshold_at_false_alarm_rate(scores, 1000)
        (True, 0.4, 0.0)
    """
    highest = np.sort(scores)[::-1]
    allowed = math.floor(per_1000 / 1000 * len(highest) + 1e-9)
    return float(np.nextafter(highest[allowed], np.inf)) if allowed < len(highest) else 0.0
