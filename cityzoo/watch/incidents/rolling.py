"""A value over the last seconds of observation."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

STEP = 0.5  # seconds; values of shorter steps are averaged


class RollingValue:
    """Remember a value over a time, in steps of half a second.

    Args:
        seconds: of observation; 0: the newest step alone.

    Example:
        >>> value = RollingValue(2.0)
        >>> for second in range(3):
        ...     value.add(float(second), 10.0 * second)
        >>> value.quantile(0.5), RollingValue(60).quantile(0.5)
        (10.0, nan)
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._steps: deque[tuple[float, float, int]] = deque()  # start of a step, sum, number

    def add(self, clock: float, value: float) -> None:
        """Add a value at a time of the clock of observation; NaN is left out."""
        if math.isnan(value):
            return
        if self._steps and clock - self._steps[-1][0] < STEP:
            start, total, count = self._steps[-1]
            self._steps[-1] = (start, total + value, count + 1)
        else:
            self._steps.append((clock, value, 1))
        while len(self._steps) > 1 and self._steps[1][0] <= clock - self.seconds:
            self._steps.popleft()

    def mean(self) -> float:
        """Return the mean, NaN while the time is not full."""
        return (
            math.nan
            if math.isnan(self.quantile(0.5))
            else sum(t / n for _, t, n in self._steps) / len(self._steps)
        )

    def quantile(self, share: float) -> float:
        """Return a quantile, NaN while the time is not full."""
        if not self._steps or self._steps[-1][0] - self._steps[0][0] < self.seconds - STEP:
            return math.nan
        return float(np.quantile([total / count for _, total, count in self._steps], share))
