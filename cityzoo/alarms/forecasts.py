"""Quantile forecasts, and their probabilities and rows for an alarm rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cityzoo.alarms.probability import probability_beyond, probability_within
from cityzoo.alarms.rules import Rule, check_rules
from cityzoo.data.series.series import Series


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Consecutive quantile forecasts of one channel.

    Attributes:
        values: (R, H, N, Q) float, R forecasts of H steps for N sensors, in the channel's unit; NaN: none.
        levels: Q levels of the quantiles, increasing, between 0 and 1; (0.5,) for a point forecast.
        times: (R,) datetime64[s] UTC, increasing: of the last measurement before each forecast.

    Raises:
        ValueError: inconsistent shapes, or times that do not increase.
    """

    values: np.ndarray
    levels: tuple[float, ...]
    times: np.ndarray

    def __post_init__(self) -> None:
        fits = self.values.ndim == 4 and self.values.shape[::3] == (len(self.times), len(self.levels))
        if not fits or not len(self.times) or (np.diff(self.times).astype(np.int64) <= 0).any():
            raise ValueError(
                f"forecasts of the shape {self.values.shape} at {len(self.times)} times with {len(self.levels)} "
                "levels: expected (times, horizon, sensors, levels) and increasing times"
            )

    @property
    def horizon(self) -> int:
        """Number of steps."""
        return self.values.shape[1]

    def find_rows(self, truth: Series) -> np.ndarray:
        """Return (R,) int64, the rows of the measurements at which the forecasts were made.

        Raises:
            ValueError: times or sensors that the measurements do not have.
        """
        seconds = (self.times - truth.times[0]).astype("timedelta64[s]").astype(np.int64)
        rows = seconds // truth.step_seconds
        outside = (seconds % truth.step_seconds != 0) | (rows < 0) | (rows >= len(truth.times))
        if outside.any() or self.values.shape[2] != len(truth.sensors):
            raise ValueError(
                f"forecasts from {self.times[0]} to {self.times[-1]} for {self.values.shape[2]} sensors: "
                f"expected times and the {len(truth.sensors)} sensors of the truth"
            )
        return rows


def select_forecasts(rule: Rule, forecasts: Mapping[str, Forecasts], step_seconds: int) -> Forecasts:
    """Return the forecasts of a rule's channel.

    Raises:
        InputError: a channel or time that is not forecast.
    """
    horizon = forecasts[rule.channel].horizon if rule.channel in forecasts else 1
    check_rules([rule], tuple(forecasts), step_seconds, horizon)
    return forecasts[rule.channel]


def crossing_probabilities(
    values: np.ndarray, levels: Sequence[float], rule: Rule, ahead: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities that the next steps cross a rule's limit, and its release limit.

    Args:
        values: (R, H, N, Q) float, quantiles.
        levels: Q.
        rule: has the limits.
        ahead: steps.

    Returns:
        Two arrays (R, N) float64 0..1.
    """
    steps = values[:, :ahead]
    raising, keeping = (
        probability_within(probability_beyond(steps, levels, limit, rule.way))
        for limit in (rule.limit, rule.release)
    )
    return raising, keeping
