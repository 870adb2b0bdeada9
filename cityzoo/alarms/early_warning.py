"""Early warning from the forecasts of a test set: how it would have done, and its alarms as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.alarms import forecast_alarms
from cityzoo.alarms.forecasts import Forecasts
from cityzoo.alarms.rules import Rule
from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import WindowSet

REPORTED = ("channel", "unit", "sensors", "from", "to")  # of each rule
METHODS = ("persistence", "time_of_day_mean", "model")


@dataclass(frozen=True, eq=False)
class EarlyWarning:
    """Alarm rules applied to forecasts.

    Attributes:
        rules: alarm rules.
        windows: W windows of a test set.
        quantiles: (W, horizon, N, Q) float32, forecasts of the first channel.
        levels: of the Q quantiles.
    """

    rules: tuple[Rule, ...]
    windows: WindowSet
    quantiles: np.ndarray
    levels: Sequence[float]

    @property
    def _forecasts(self) -> dict[str, Forecasts]:
        series, origins = self.windows.series, self.windows.origins
        return {series.channels[0]: Forecasts(self.quantiles, tuple(self.levels), series.times[origins])}

    @property
    def _measured(self) -> Series:
        windows = self.windows
        end = min(int(windows.origins[-1]) + windows.horizon + 1, len(windows.series))
        return windows.series.rows(range(int(windows.origins[0]), end))

    def evaluate(self, usual: np.ndarray) -> dict[str, Any]:
        """Return how the rules would have done, next to two methods that need no model.

        Args:
            usual: (W, horizon, N) float, the mean of each time of day.
        """
        channel = self.windows.series.channels[0]
        found = forecast_alarms.evaluate_alarms(
            list(self.rules), self._forecasts, self._measured, {channel: usual}
        )
        by_rule = {
            row["rule"]: {**{n: row[n] for n in REPORTED}, "by": {n: row[n] for n in METHODS}}
            for row in found["rules"]
        }
        return {"probability": found["probability"], "rules": by_rule}

    def write(self, folder: Path) -> None:
        """Write `alarms.jsonl` and `alarms.txt`."""
        forecast_alarms.write_alarms(folder, list(self.rules), self._forecasts, self._measured)
