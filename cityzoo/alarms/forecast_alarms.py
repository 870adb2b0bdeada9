"""Early warning: alarms from forecasts, compared with the measurements and with two simple methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cityzoo.alarms.forecasts import Forecasts, crossing_probabilities, select_forecasts
from cityzoo.alarms.format import as_lines, as_text
from cityzoo.alarms.matching import AlarmMatches, find_events, is_beyond, match_alarms, raise_alarms
from cityzoo.alarms.metrics import alarm_metrics, reliability
from cityzoo.alarms.rules import Rule
from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import WindowSet

HOW = (
    "the largest probability of any single step within the time: a lower bound of the probability that the limit is "
    "crossed at some step"
)


def evaluate_alarms(
    rules: Sequence[Rule],
    forecasts: Mapping[str, Forecasts],
    truth: Series,
    profiles: Mapping[str, np.ndarray],
) -> dict:
    """Return the metrics of alarms from forecasts, and of two methods that need no model.

    `persistence` raises an alarm when the present value is beyond the limit, so never before an event;
    `time_of_day_mean` when the usual value is beyond it within the rule's time. Both release as the model does.

    Args:
        truth: measurements of these channels, at the times of the forecasts and over the horizon of the last.
        profiles: by channel (R, H, N) float, the time-of-day mean at the steps of the forecasts.

    Returns:
        plain values for report.json: `probability`, its definition, and `rules`: rule -> its channel and unit, number
        of sensors, first and last time, and in `by` the metrics (see `alarm_metrics`) of `persistence`,
        `time_of_day_mean` and `model`.

    Raises:
        InputError: a rule for a channel or time that is not forecast.
        ValueError: forecasts that do not fit the measurements.
    """
    by_rule = {str(rule): _evaluate_rule(rule, forecasts, truth, profiles) for rule in rules}
    return {"probability": HOW, "rules": by_rule}


def _evaluate_rule(
    rule: Rule, forecasts: Mapping[str, Forecasts], truth: Series, profiles: Mapping[str, np.ndarray]
) -> dict:
    forecast = select_forecasts(rule, forecasts, truth.step_seconds)
    rows, sensors = forecast.find_rows(truth), len(truth.sensors)
    profile = np.asarray(profiles[rule.channel])[..., None]
    if profile.shape[:3] != forecast.values.shape[:3]:
        raise ValueError(
            f"profile {profile.shape[:3]} for forecasts {forecast.values.shape[:3]}: expected the same"
        )
    ahead = rule.steps(truth.step_seconds, forecast.horizon)
    values = _values(rule, truth)
    raising, keeping = crossing_probabilities(forecast.values, forecast.levels, rule, ahead)
    model = alarm_metrics(_match(rule, raising, keeping, truth, rows, ahead), sensors)
    model["reliability"] = reliability(raising, values, rows, ahead, rule.limit, rule.way)
    now = values[rows]
    stays, rests = (
        np.where(np.isnan(now), np.nan, is_beyond(now, limit, rule.way))
        for limit in (rule.limit, rule.release)
    )
    usual = crossing_probabilities(profile, (0.5,), rule, ahead)
    return {
        "channel": rule.channel,
        "unit": truth.units[truth.channels.index(rule.channel)],
        "sensors": sensors,
        "from": str(forecast.times[0]),
        "to": str(forecast.times[-1]),
        "by": {
            "persistence": alarm_metrics(_match(rule, stays, rests, truth, rows, ahead), sensors),
            "time_of_day_mean": alarm_metrics(_match(rule, *usual, truth, rows, ahead), sensors),
            "model": model,
        },
    }


def raise_from_forecasts(rule: Rule, forecast: Forecasts, truth: Series) -> AlarmMatches:
    """Return the alarms of one rule on forecasts of its channel, matched with the events in the measurements."""
    rows, ahead = forecast.find_rows(truth), rule.steps(truth.step_seconds, forecast.horizon)
    probabilities = crossing_probabilities(forecast.values, forecast.levels, rule, ahead)
    return _match(rule, *probabilities, truth, rows, ahead)


def write_alarms(
    folder: str | Path, rules: Sequence[Rule], forecasts: Mapping[str, Forecasts], truth: Series
) -> tuple[Path, Path]:
    """Write alarms with their outcomes, and return the two files.

    alarms.jsonl has one alarm per line, in the order of raising; alarms.txt has the same as sentences, and the missed
    events.

    Raises:
        InputError: a rule for a channel or time that is not forecast.
        ValueError: forecasts that do not fit the measurements.
        OSError: the disk is full or not writable.
    """
    chosen = [(rule, select_forecasts(rule, forecasts, truth.step_seconds)) for rule in rules]
    alarms = [(rule, forecast, raise_from_forecasts(rule, forecast, truth)) for rule, forecast in chosen]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines, text = folder / "alarms.jsonl", folder / "alarms.txt"
    lines.write_text(as_lines(alarms, truth), encoding="utf-8")
    text.write_text(as_text(alarms, truth), encoding="utf-8")
    return lines, text


def _values(rule: Rule, truth: Series) -> np.ndarray:
    return truth.values[..., truth.channels.index(rule.channel)]


def _match(
    rule: Rule, raising: np.ndarray, keeping: np.ndarray, truth: Series, rows: np.ndarray, ahead: int
) -> AlarmMatches:
    values = _values(rule, truth)
    alarms = raise_alarms(raising, keeping, rule.probability, rule.hold)
    events = find_events(values, rule.limit, rule.way, truth.step_seconds)
    events = [event for event in events if event.last >= rows[0] and event.begin <= rows[-1] + ahead]
    return match_alarms(alarms, events, ~np.isnan(values), rows, ahead, truth.step_seconds)


@dataclass(frozen=True, eq=False)
class EarlyWarning:
    """Alarm rules applied to forecasts."""

    rules: tuple[Rule, ...]  # alarm rules
    windows: WindowSet  # W windows of a test set
    quantiles: np.ndarray  # (W, horizon, N, Q) float32, forecasts of the first channel
    levels: Sequence[float]  # of the Q quantiles

    @property
    def forecasts(self) -> dict[str, Forecasts]:
        """The forecasts by channel."""
        series, origins = self.windows.series, self.windows.origins
        return {series.channels[0]: Forecasts(self.quantiles, tuple(self.levels), series.times[origins])}

    @property
    def measured(self) -> Series:
        """The measurements from the first forecast to the end of the last."""
        windows = self.windows
        end = min(int(windows.origins[-1]) + windows.horizon + 1, len(windows.series))
        return windows.series.rows(range(int(windows.origins[0]), end))

    def evaluate(self, usual: np.ndarray) -> dict[str, Any]:
        """Return `evaluate_alarms`; `usual` is the mean of each time of day, (W, horizon, N) float."""
        channel = self.windows.series.channels[0]
        return evaluate_alarms(self.rules, self.forecasts, self.measured, {channel: usual})

    def write(self, folder: Path) -> None:
        """Write `alarms.jsonl` and `alarms.txt`."""
        write_alarms(folder, self.rules, self.forecasts, self.measured)
