"""Early warning: alarms from forecasts, judged against the truth and against two simple alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cityzoo.alarms.alarm import raise_alarms
from cityzoo.alarms.events import beyond, find_events
from cityzoo.alarms.matching import AlarmMatches, judge
from cityzoo.alarms.metrics import figures, reliability
from cityzoo.alarms.probability import probability_beyond, probability_within
from cityzoo.alarms.rules import Rule, check_rules
from cityzoo.data.series.series import Series

HOW = (
    "the largest probability of any single step within the time: a lower bound of the probability that the limit is "
    "crossed at some step"
)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Hold quantile forecasts of one channel, made one after another.

    Attributes:
        values: (R, H, N, Q) float, R forecasts of H steps for N sensors, in the channel's unit; NaN: none.
        levels: Q levels of the quantiles, increasing, between 0 and 1; (0.5,) for a point forecast.
        times: (R,) datetime64[s] UTC, increasing: of the last measurement that a forecast knew. Its first step
            is the next one.

    Raises:
        ValueError: shapes that do not fit each other, times that do not increase.
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
        """Steps that are forecast."""
        return self.values.shape[1]


def judge_alarms(
    rules: Sequence[Rule],
    forecasts: Mapping[str, Forecasts],
    truth: Series,
    profiles: Mapping[str, np.ndarray],
) -> dict:
    """Return how good the alarms of some forecasts are, and those of two that need no model.

    `persistence` raises its alarm when the present value is beyond the limit, so never before an event begins;
    `time_of_day_mean` when the usual course of the day goes beyond it within the rule's time. Both release as
    the model does.

    Args:
        rules: to judge.
        forecasts: by channel.
        truth: measurements of the time of the forecasts and a horizon more, with those channels.
        profiles: by channel (R, H, N) float, the time-of-day mean at the steps of the forecasts.

    Returns:
        plain values for report.json: `probability`, how it was told, and `rules`, one dict each: the rule, its
        channel and unit, sensors, weeks, and figures (see `figures`) of `model`, `persistence` and
        `time_of_day_mean`.

    Raises:
        InputError: a rule about what is not forecast.
        ValueError: forecasts that do not fit the truth.

    Example:
        >>> times = np.arange("2026-01-05", "2026-01-06", 3600, dtype="datetime64[s]")
        >>> truth = Series(np.r_[np.full(12, 50.0), np.full(12, 80.0)][:, None, None], times, ("a",), ("pm25",), ("",))
        >>> sure = Forecasts(truth.values[np.arange(18)[:, None] + np.arange(1, 7)][..., 0, None], (0.5,), times[:18])
        >>> rule = Rule("pm25", ">", 75, 6 * 3600, 0.8)
        >>> judged = judge_alarms([rule], {"pm25": sure}, truth, {"pm25": np.full((18, 6, 1), 60.0)})["rules"][0]
        >>> judged["model"]["lead_hours"]["all"], judged["persistence"]["late_hours"]["all"]
        ([6.0], [0.0])
        >>> judged["time_of_day_mean"]["recall"]
        0.0
    """
    found = []
    for rule in rules:
        forecast = _of_rule(rule, forecasts, truth)
        runs, sensors = _runs(forecast, truth), len(truth.sensors)
        profile = np.asarray(profiles[rule.channel])[..., None]
        if profile.shape[:3] != forecast.values.shape[:3]:
            raise ValueError(
                f"profile {profile.shape[:3]} for forecasts {forecast.values.shape[:3]}: expected the same"
            )
        ahead = rule.steps(truth.step_seconds, forecast.horizon)
        now = _values(rule, truth)[runs]
        usual = (_soon(profile, (0.5,), rule, limit, ahead) for limit in (rule.limit, rule.release))
        present = (
            np.where(np.isnan(now), np.nan, beyond(now, limit, rule.way))
            for limit in (rule.limit, rule.release)
        )
        said = {
            "rule": str(rule),
            "channel": rule.channel,
            "unit": truth.units[truth.channels.index(rule.channel)],
        }
        said |= {"sensors": sensors, "from": str(forecast.times[0]), "to": str(forecast.times[-1])}
        said["model"] = figures(raise_from_forecasts(rule, forecast, truth), sensors)
        told = _soon(forecast.values, forecast.levels, rule, rule.limit, ahead)
        said["model"]["reliability"] = reliability(
            told, _values(rule, truth), runs, ahead, rule.limit, rule.way
        )
        said["persistence"] = figures(_watched(rule, *present, truth, runs, ahead), sensors)
        said["time_of_day_mean"] = figures(_watched(rule, *usual, truth, runs, ahead), sensors)
        found.append(said)
    return {"probability": HOW, "rules": found}


def raise_from_forecasts(rule: Rule, forecast: Forecasts, truth: Series) -> AlarmMatches:
    """Return the alarms that one rule raises on forecasts of its channel, held against the truth."""
    runs, ahead = _runs(forecast, truth), rule.steps(truth.step_seconds, forecast.horizon)
    soon = (
        _soon(forecast.values, forecast.levels, rule, limit, ahead) for limit in (rule.limit, rule.release)
    )
    return _watched(rule, *soon, truth, runs, ahead)


def write_alarms(
    folder: str | Path, rules: Sequence[Rule], forecasts: Mapping[str, Forecasts], truth: Series
) -> tuple[Path, Path]:
    """Write the alarms of some forecasts, and what came of them, and return the two files.

    alarms.jsonl has one alarm a line, in the order of raising; alarms.txt says the same in sentences, and which
    events no alarm was raised for.

    Args:
        folder: made where it is missing.
        rules: as in judge_alarms.
        forecasts: by channel.
        truth: measurements.

    Raises:
        InputError: a rule about what is not forecast.
        ValueError: forecasts that do not fit the truth.
        OSError: the disk is full or may not be written to.
    """
    from cityzoo.alarms.format import as_lines, as_text

    watched = [
        (rule, forecast, raise_from_forecasts(rule, forecast, truth))
        for rule, forecast in _pairs(rules, forecasts, truth)
    ]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines, text = folder / "alarms.jsonl", folder / "alarms.txt"
    lines.write_text(as_lines(watched, truth), encoding="utf-8")
    text.write_text(as_text(watched, truth), encoding="utf-8")
    return lines, text


def _pairs(
    rules: Sequence[Rule], forecasts: Mapping[str, Forecasts], truth: Series
) -> list[tuple[Rule, Forecasts]]:
    return [(rule, _of_rule(rule, forecasts, truth)) for rule in rules]


def _of_rule(rule: Rule, forecasts: Mapping[str, Forecasts], truth: Series) -> Forecasts:
    horizon = forecasts[rule.channel].horizon if rule.channel in forecasts else 1
    check_rules([rule], tuple(forecasts), truth.step_seconds, horizon)
    return forecasts[rule.channel]


def _values(rule: Rule, truth: Series) -> np.ndarray:
    return truth.values[..., truth.channels.index(rule.channel)]


def _runs(forecast: Forecasts, truth: Series) -> np.ndarray:
    """Return (R,) int, the rows of the truth at which forecasts were made."""
    seconds = (forecast.times - truth.times[0]).astype("timedelta64[s]").astype(np.int64)
    runs = seconds // truth.step_seconds
    outside = (seconds % truth.step_seconds != 0) | (runs < 0) | (runs >= len(truth.times))
    if outside.any() or forecast.values.shape[2] != len(truth.sensors):
        raise ValueError(
            f"forecasts from {forecast.times[0]} to {forecast.times[-1]} for {forecast.values.shape[2]} sensors: "
            f"expected times and the {len(truth.sensors)} sensors of the truth"
        )
    return runs


def _soon(values: np.ndarray, levels: Sequence[float], rule: Rule, limit: float, ahead: int) -> np.ndarray:
    """Return (R, N) probabilities of crossing a limit within a rule's time."""
    return probability_within(probability_beyond(values[:, :ahead], levels, limit, rule.way))


def _watched(
    rule: Rule, raising: np.ndarray, keeping: np.ndarray, truth: Series, runs: np.ndarray, ahead: int
) -> AlarmMatches:
    values = _values(rule, truth)
    alarms = raise_alarms(raising, keeping, rule.probability, rule.hold)
    events = find_events(values, rule.limit, rule.way, truth.step_seconds)
    events = [event for event in events if event.last >= runs[0] and event.begin <= runs[-1] + ahead]
    return judge(alarms, events, ~np.isnan(values), runs, ahead, truth.step_seconds)
