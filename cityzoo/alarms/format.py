"""Alarms for people and programs: a sentence each, and a line of JSON each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from cityzoo.alarms.events import Event
from cityzoo.alarms.matching import LATE, MISSED, UNJUDGED, AlarmMatches
from cityzoo.alarms.probability import probability_beyond
from cityzoo.alarms.rules import Rule, parse_rule, time_words
from cityzoo.data.series import timezones
from cityzoo.data.series.series import Series

if TYPE_CHECKING:
    from cityzoo.alarms.forecast_alarms import Forecasts

Watched = Sequence[tuple[Rule, "Forecasts", AlarmMatches]]
SIDES = {">": "above", "<": "below"}


def as_records(watched: Watched, truth: Series) -> list[dict]:
    """Return alarms as plain dicts, in the order of raising.

    Each has: raised and released (ISO 8601, UTC; released None while in force), raised_local and released_local
    (with their offset from UTC), sensor, rule, channel, unit, limit, probability, forecast, outcome and event.

    `forecast` has times, median, low and high of the steps within the rule's time, the levels of low and high
    (both None for a point forecast) and `at`, the time of the most probable step; `event` has began, ended (its
    last value), lead_hours (0 or less: the alarm came late) and worst, or is None.

    Args:
        watched: rules, forecasts and what came of them.
        truth: measurements.
    """
    records = []
    for rule, forecast, judged in watched:
        unit = truth.units[truth.channels.index(rule.channel)]
        for alarm, outcome in zip(judged.alarms, judged.outcomes, strict=True):
            released = None if alarm.released is None else forecast.times[alarm.released]
            records.append(
                {
                    "raised": utc(forecast.times[alarm.raised]),
                    "raised_local": local(forecast.times[alarm.raised], truth.timezone),
                    "sensor": truth.sensors[alarm.sensor],
                    "rule": str(rule),
                    "channel": rule.channel,
                    "unit": unit,
                    "limit": rule.limit,
                    "probability": round(alarm.probability, 4),
                    "forecast": _forecast(rule, forecast, alarm.raised, alarm.sensor, truth.step_seconds),
                    "released": None if released is None else utc(released),
                    "released_local": None if released is None else local(released, truth.timezone),
                    "outcome": outcome.word,
                    "event": None if outcome.event is None else _event(outcome.event, outcome.lead, truth),
                }
            )
    return sorted(records, key=lambda record: record["raised"])


def as_lines(watched: Watched, truth: Series) -> str:
    """Return as_records as JSON lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in as_records(watched, truth))


def as_text(watched: Watched, truth: Series) -> str:
    """Return a line an alarm, in the order of raising, then a line for each event that no alarm was raised for."""
    lines = [f"Times are those of {truth.timezone}."]
    lines += [sentence(record) for record in as_records(watched, truth)]
    missed = [
        (event.begin, _missed(rule, event, truth))
        for rule, _, judged in watched
        for event, fate in zip(judged.events, judged.fates, strict=True)
        if fate == MISSED
    ]
    lines += [f"\nMissed, without an alarm: {len(missed)}"] if missed else []
    return "\n".join([*lines, *(line for _, line in sorted(missed))]) + "\n"


def sentence(record: dict) -> str:
    """Return one of as_records in words."""
    forecast, rule = record["forecast"], parse_rule(record["rule"])
    unit, peak = _spaced(record["unit"]), forecast["times"].index(forecast["at"])
    words = (
        f"{_clock(record['raised_local'])}, {record['sensor']}: {rule.channel} expected {SIDES[rule.way]} "
    )
    words += f"{rule.limit:g}{unit} within {time_words(rule.within_seconds)}, probability "
    words += f"{record['probability']:.0%} ({rule.probability:.0%} asked); in "
    words += f"{time_words((peak + 1) * forecast['step_seconds'])} {_number(forecast['median'][peak])}{unit}"
    if forecast["low"] is not None:
        share = forecast["levels"][1] - forecast["levels"][0]
        words += (
            f" ({share:.0%} interval {_number(forecast['low'][peak])} to {_number(forecast['high'][peak])})"
        )
    released = record["released_local"]
    ending = f"Released {_clock(released)}." if released else "In force at the end."
    return f"{words}. {_what_happened(record, SIDES[rule.way], unit)} {ending}"


def _what_happened(record: dict, side: str, unit: str) -> str:
    event, word = record["event"], record["outcome"]
    if word == UNJUDGED:
        return "Not judged: it was there before." if event else "Not judged: too little was measured."
    if event is None:
        return "FALSE: it did not come."
    spell = f"{side} from {_clock(event['began_local'])} to {_clock(event['ended_local'])}"
    spell += f", worst {event['worst']:g}{unit}."
    ahead = time_words(round(abs(event["lead_hours"]) * 3600))
    if word == LATE:
        return (
            f"LATE, {ahead} after it began: {spell}" if event["lead_hours"] else f"LATE, as it began: {spell}"
        )
    return f"RIGHT, {ahead} ahead: {spell}"


def _missed(rule: Rule, event: Event, truth: Series) -> str:
    told, unit = _event(event, None, truth), _spaced(truth.units[truth.channels.index(rule.channel)])
    words = f"{_clock(told['began_local'])}, {truth.sensors[event.sensor]}: {rule.channel} {SIDES[rule.way]} "
    words += f"{rule.limit:g}{unit} until {_clock(told['ended_local'])}, worst {told['worst']:g}{unit} "
    return words + f"(rule: {rule})."


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""


def _forecast(rule: Rule, forecast: Forecasts, run: int, sensor: int, step_seconds: int) -> dict:
    steps = rule.steps(step_seconds, forecast.horizon)
    values = np.sort(forecast.values[run, :steps, sensor], -1)
    chances = probability_beyond(values, forecast.levels, rule.limit, rule.way)
    times = [utc(forecast.times[run] + (k + 1) * np.timedelta64(step_seconds, "s")) for k in range(steps)]
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
        "began": utc(began),
        "began_local": local(began, truth.timezone),
        "ended": utc(ended),
        "ended_local": local(ended, truth.timezone),
        "lead_hours": None if lead is None else round(lead * truth.step_seconds / 3600, 4),
        "worst": round(event.worst, 3),
    }


def _rounded(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 3) for value in values]


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3g}"


def utc(time: np.datetime64) -> str:
    """Return a time as ISO 8601, UTC.

    Example:
        >>> utc(np.datetime64("2026-01-05T06:00", "s"))
        '2026-01-05T06:00:00Z'
    """
    return f"{time.astype('datetime64[s]')}Z"


def local(time: np.datetime64, timezone: str) -> str:
    """Return a time in UTC as ISO 8601 by the clock of a time zone, with its offset.

    Example:
        >>> local(np.datetime64("2026-01-05T06:00", "s"), "Europe/Berlin")
        '2026-01-05T07:00:00+01:00'
    """
    return datetime.fromtimestamp(
        int(time.astype("datetime64[s]").astype(np.int64)), timezones.zone(timezone)
    ).isoformat()


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text):%a %Y-%m-%d %H:%M}"
