"""Alarms as sentences and as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from cityzoo.alarms.forecasts import Forecasts, probability_beyond
from cityzoo.alarms.matching import LATE, MISSED, UNJUDGED, AlarmMatches, Event
from cityzoo.alarms.rules import Rule, format_time, parse_rule
from cityzoo.data.series import timezones
from cityzoo.data.series.series import Series

RuleAlarms = Sequence[tuple[Rule, Forecasts, AlarmMatches]]
SIDES = {">": "above", "<": "below"}


def as_records(alarms: RuleAlarms, truth: Series) -> list[dict]:
    """Return alarms as plain dicts, in the order of raising.

    Keys: raised and released (ISO 8601, UTC; released None while active), raised_local and released_local
    (with their offset from UTC), sensor, rule, channel, unit, limit, probability, forecast, outcome and event.

    `forecast` has times, median, low and high of the steps within the rule's time, the levels of low and high
    (None for a point forecast) and `at`, the time of the most probable step; `event` is None or has began, ended (its
    last value), lead_hours (0 or less for late alarms) and worst.
    """
    records = []
    for rule, forecast, matches in alarms:
        unit = truth.units[truth.channels.index(rule.channel)]
        for alarm, outcome in zip(matches.alarms, matches.outcomes, strict=True):
            released = None if alarm.released is None else forecast.times[alarm.released]
            records.append(
                {
                    "raised": format_utc(forecast.times[alarm.raised]),
                    "raised_local": format_local(forecast.times[alarm.raised], truth.timezone),
                    "sensor": truth.sensors[alarm.sensor],
                    "rule": str(rule),
                    "channel": rule.channel,
                    "unit": unit,
                    "limit": rule.limit,
                    "probability": round(alarm.probability, 4),
                    "forecast": _forecast(rule, forecast, alarm.raised, alarm.sensor, truth.step_seconds),
                    "released": None if released is None else format_utc(released),
                    "released_local": None if released is None else format_local(released, truth.timezone),
                    "outcome": outcome.word,
                    "event": None if outcome.event is None else _event(outcome.event, outcome.lead, truth),
                }
            )
    return sorted(records, key=lambda record: record["raised"])


def as_lines(alarms: RuleAlarms, truth: Series) -> str:
    """Return the records of `as_records` as JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in as_records(alarms, truth))


def as_text(alarms: RuleAlarms, truth: Series) -> str:
    """Return a sentence per alarm, in the order of raising, then the missed events."""
    lines = [f"Local times of {truth.timezone}."]
    lines += [format_alarm(record) for record in as_records(alarms, truth)]
    missed = [
        (event.begin, _missed(rule, event, truth))
        for rule, _, matches in alarms
        for event, fate in zip(matches.events, matches.fates, strict=True)
        if fate == MISSED
    ]
    lines += [f"\nMissed events: {len(missed)}"] if missed else []
    return "\n".join([*lines, *(line for _, line in sorted(missed))]) + "\n"


def format_alarm(record: dict) -> str:
    """Return a record of `as_records` as a sentence."""
    forecast, rule = record["forecast"], parse_rule(record["rule"])
    unit, peak = _spaced(record["unit"]), forecast["times"].index(forecast["at"])
    words = f"{_clock(record['raised_local'])}, {record['sensor']}: {rule.channel} expected "
    words += f"{SIDES[rule.way]} {rule.limit:g}{unit} within {format_time(rule.within_seconds)}, probability "
    words += f"{record['probability']:.0%} (threshold {rule.probability:.0%}); "
    after = format_time((peak + 1) * forecast["step_seconds"])
    words += f"{_number(forecast['median'][peak])}{unit} in {after}"
    if forecast["low"] is not None:
        share = forecast["levels"][1] - forecast["levels"][0]
        low, high = (_number(forecast[end][peak]) for end in ("low", "high"))
        words += f" ({share:.0%} interval {low} to {high})"
    released = record["released_local"]
    ending = f"Released {_clock(released)}." if released else "Active at the end."
    return f"{words}. {_describe_outcome(record, SIDES[rule.way], unit)} {ending}"


def _describe_outcome(record: dict, side: str, unit: str) -> str:
    event, word = record["event"], record["outcome"]
    if word == UNJUDGED:
        return f"Not evaluated: {'the event was there before' if event else 'too few measurements'}."
    if event is None:
        return "False: no event."
    period = f"{side} from {_clock(event['began_local'])} to {_clock(event['ended_local'])}"
    period += f", worst {event['worst']:g}{unit}."
    ahead = format_time(round(abs(event["lead_hours"]) * 3600))
    if word == LATE:
        return f"Late, {f'{ahead} after' if event['lead_hours'] else 'at'} its start: {period}"
    return f"Correct, {ahead} ahead: {period}"


def _missed(rule: Rule, event: Event, truth: Series) -> str:
    found, unit = _event(event, None, truth), _spaced(truth.units[truth.channels.index(rule.channel)])
    words = f"{_clock(found['began_local'])}, {truth.sensors[event.sensor]}: {rule.channel} "
    words += f"{SIDES[rule.way]} {rule.limit:g}{unit} until {_clock(found['ended_local'])}, "
    return words + f"worst {found['worst']:g}{unit} (rule: {rule})."


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""


def _forecast(rule: Rule, forecast: Forecasts, run: int, sensor: int, step_seconds: int) -> dict:
    steps = rule.steps(step_seconds, forecast.horizon)
    values = np.sort(forecast.values[run, :steps, sensor], -1)
    chances = probability_beyond(values, forecast.levels, rule.limit, rule.way)
    ahead = np.arange(1, steps + 1) * np.timedelta64(step_seconds, "s")
    times = [format_utc(time) for time in forecast.times[run] + ahead]
    middle = int(np.argmin(np.abs(np.array(forecast.levels) - 0.5)))
    several = len(forecast.levels) > 1
    return {
        "times": times,
        "step_seconds": step_seconds,
        "at": times[int(np.nanargmax(chances))],
        "median": _rounded(values[:, middle]),
        "low": _rounded(values[:, 0]) if several else None,
        "high": _rounded(values[:, -1]) if several else None,
        "levels": [forecast.levels[0], forecast.levels[-1]] if several else None,
    }


def _event(event: Event, lead: int | None, truth: Series) -> dict:
    began, ended = truth.times[event.begin], truth.times[event.last]
    return {
        "began": format_utc(began),
        "began_local": format_local(began, truth.timezone),
        "ended": format_utc(ended),
        "ended_local": format_local(ended, truth.timezone),
        "lead_hours": None if lead is None else round(lead * truth.step_seconds / 3600, 4),
        "worst": round(event.worst, 3),
    }


def _rounded(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 3) for value in values]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def format_utc(time: np.datetime64) -> str:
    """Return a time in UTC as ISO 8601."""
    return f"{time.astype('datetime64[s]')}Z"


def format_local(time: np.datetime64, timezone: str) -> str:
    """Return a time in UTC as local time of a zone, ISO 8601 with offset.

    Example:
        >>> format_local(np.datetime64("2026-01-05T06:00", "s"), "Europe/Berlin")
        '2026-01-05T07:00:00+01:00'
    """
    seconds = int(time.astype("datetime64[s]").astype(np.int64))
    return datetime.fromtimestamp(seconds, timezones.zone(timezone)).isoformat()


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %Y-%m-%d %H:%M}"
