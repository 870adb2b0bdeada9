"""Alarm rules as text: "pm25 > 75 within 6h with 0.8 probability", or "... with at most 1 false alarm a week"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cityzoo.data.series.columns import find_channel
from cityzoo.errors import InputError, unknown

WAYS = {">": ">", "above": ">", "over": ">", "<": "<", "below": "<", "under": "<"}
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
INSIDE = 0.1  # default distance of the release limit from the limit, relative to the limit
HOLD = 2  # consecutive forecasts below the release limit
EXAMPLE = "'pm25 > 75 within 6h with 0.8 probability'"
_NUMBER = r"-?\d+(?:\.\d+)?"
_LIMIT = rf"(?P<channel>[^\s<>]+)\s*(?P<way>[<>]|(?<=\s)[a-z]+)\s*(?P<limit>{_NUMBER})"
_FORECAST = (
    r"\s+within\s+(?P<time>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+)"
    rf"\s+with\s+(?:at most\s+(?P<false>\d+(?:\.\d+)?)\s+false alarms?\s+(?:a|per)\s+week"
    rf"(?:\s+\(probability\s+(?P<chosen>{_NUMBER})\))?"
    rf"|(?P<chance>{_NUMBER})\s*(?P<percent>%|per ?cent)?(?:\s+probability)?)"
)
_RELEASE = rf"(?:,?\s+release\s+(?P<release>{_NUMBER}))?(?:,?\s+hold\s+(?P<hold>\d+))?(?P<optional>,?\s+if possible)?"
_RULE = re.compile(_LIMIT + _FORECAST + _RELEASE, re.IGNORECASE)
_LIVE = re.compile(_LIMIT + _RELEASE, re.IGNORECASE)
UNCHOSEN = 0.5  # probability of a rule on false alarms until one is chosen
CERTAIN = " within 1s with 0.5 probability"  # of values that are measured, not forecast; never looked at


@dataclass(frozen=True)
class Rule:
    """Conditions for raising and releasing an alarm.

    Raises:
        InputError: values out of range.

    Example:
        >>> rule = Rule("pm25", ">", 75, 6 * 3600, 0.8)
        >>> rule.release, str(rule)
        (67.5, 'pm25 > 75 within 6h with 0.8 probability')
    """

    channel: str  # name of the channel
    way: str  # ">" for values above the limit, "<" for values below it
    limit: float  # in the channel's unit
    within_seconds: int  # how far ahead; an alarm predicts a value beyond the limit at some time until then
    probability: float  # 0..1, minimum probability of crossing the limit for an alarm
    release: float = math.nan  # limit while an alarm is active, at or inside `limit`; default: 10 % inside
    # number of consecutive forecasts, with a probability of crossing `release` below `probability`, after
    # which an alarm is released
    hold: int = HOLD
    # of each sensor and week; the probability is chosen on validation data such that no more occur
    false_alarms: float | None = field(default=None, repr=False)
    is_chosen: bool = field(default=True, compare=False, repr=False)  # whether the probability is final
    optional: bool = field(
        default=False, compare=False, repr=False
    )  # left out where its channel or time is not forecast

    def __post_init__(self) -> None:
        if self.way not in (">", "<"):
            raise InputError(f"alarm way '{self.way}': expected > or <, write for example {EXAMPLE}")
        sign = 1 if self.way == ">" else -1
        if math.isnan(self.release):
            object.__setattr__(self, "release", self.limit - sign * INSIDE * abs(self.limit))
        if not (math.isfinite(self.limit) and math.isfinite(self.release)):
            raise InputError(
                f"alarm limit {self.limit}, release {self.release}: expected finite numbers, e.g. 75"
            )
        if sign * (self.limit - self.release) < 0:
            side = "at most" if sign > 0 else "at least"
            raise InputError(
                f"alarm release {self.release:g} lies beyond the limit {self.limit:g}: expected {side} "
                f"{self.limit:g}, give another release or omit it"
            )
        if not 0 < self.probability < 1:
            raise InputError(
                f"alarm probability {self.probability:g}: expected more than 0 and less than 1, e.g. 0.8 or 80 %"
            )
        if self.false_alarms is not None and not 0 < self.false_alarms < math.inf:
            raise InputError(
                f"alarm with at most {self.false_alarms:g} false alarms a week: expected more than 0, e.g. 0.5"
            )
        if self.within_seconds <= 0 or self.hold < 1:
            raise InputError(
                f"alarm within {self.within_seconds} s, hold {self.hold}: expected more than 0 s and a hold of 1 or "
                f"more, write for example {EXAMPLE}"
            )

    def __str__(self) -> str:
        default = Rule(self.channel, self.way, self.limit, self.within_seconds, self.probability)
        text = f"{self.channel} {self.way} {self.limit:g} within {format_time(self.within_seconds)}"
        text += f" with {self._condition()}"
        text += f" release {self.release:g}" if self.release != default.release else ""
        return text + (f" hold {self.hold}" if self.hold != HOLD else "")

    def _condition(self) -> str:
        if self.false_alarms is None:
            return f"{self.probability:g} probability"
        chosen = f" (probability {self.probability:g})" if self.is_chosen else ""
        return f"at most {self.false_alarms:g} false alarms a week{chosen}"

    def steps(self, step_seconds: int, horizon: int) -> int:
        """Return the number of forecast steps within the rule's time.

        Raises:
            InputError: less than one step, or more than the horizon.
        """
        steps = self.within_seconds // step_seconds
        if not 1 <= steps <= horizon:
            raise InputError(
                f"alarm '{self}': expected within {format_time(step_seconds)} to "
                f"{format_time(horizon * step_seconds)}, the step and the horizon of the forecast: give another time"
            )
        return steps


def format_time(seconds: int) -> str:
    """Return a duration in the largest unit that divides it.

    Example:
        >>> format_time(21600), format_time(5400), format_time(172800)
        ('6h', '90min', '2d')
    """
    unit = next(unit for unit in ("d", "h", "min", "s") if seconds % SECONDS[unit] == 0)
    return f"{seconds // SECONDS[unit]}{unit}" if (unit, seconds) != ("d", 86400) else "24h"


def parse_rule(text: str) -> Rule:
    """Parse an alarm rule: CHANNEL > LIMIT within TIME with PROBABILITY [release LIMIT] [hold COUNT] [if possible].

    Instead of PROBABILITY: "at most COUNT false alarms a week" of each sensor; training chooses the probability.

    Also accepts above and over for >, below and under for <; TIME is a number and s, min, h or d;
    PROBABILITY is 0.8 or 80 %.

    Raises:
        InputError: not such a text, or values out of range.

    Example:
        >>> parse_rule("speed below 30 within 30min with 70 % probability, release 40 hold 3")
        Rule(channel='speed', way='<', limit=30.0, within_seconds=1800, probability=0.7, release=40.0, hold=3)
    """
    found = _RULE.fullmatch(text.strip())
    way = WAYS.get(found["way"].lower()) if found else None
    seconds = SECONDS.get(found["unit"].lower()) if found else None
    if found is None or way is None or seconds is None:
        raise InputError(
            f"alarm '{text}' is not understood: write CHANNEL > LIMIT within TIME with PROBABILITY, or with at most "
            f"COUNT false alarms a week (> or <; time in s, min, h or d), for example {EXAMPLE}"
        )
    return Rule(
        found["channel"],
        way,
        float(found["limit"]),
        round(float(found["time"]) * seconds),
        float(found["chosen"] or found["chance"] or UNCHOSEN) / (100 if found["percent"] else 1),
        float(found["release"] or math.nan),
        int(found["hold"]) if found["hold"] else HOLD,
        float(found["false"]) if found["false"] else None,
        bool(found["chosen"] or found["chance"]),
        bool(found["optional"]),
    )


def parse_live_rule(text: str) -> Rule:
    """Parse an alarm rule on measured values: CHANNEL > LIMIT [release LIMIT] [hold COUNT].

    Raises:
        InputError: not such a text, or values out of range.

    Example:
        >>> rule = parse_live_rule("silence > 60, release 10 hold 3")
        >>> rule.channel, rule.way, rule.limit, rule.release, rule.hold
        ('silence', '>', 60.0, 10.0, 3)
    """
    found = _LIVE.fullmatch(text.strip())
    if found is None:
        raise InputError(
            f"alarm '{text}' is not understood: write CHANNEL > LIMIT, for example 'silence > 60 release 10 hold 3'"
        )
    cut = found.end("limit")
    return parse_rule(text.strip()[:cut] + CERTAIN + text.strip()[cut:])


def select_rules(
    rules: Sequence[Rule], channels: Sequence[str], step_seconds: int, horizon: int
) -> list[Rule]:
    """Return the rules with the names of the series' channels, without optional rules that do not apply.

    Raises:
        InputError: the channel or time of another rule is not forecast, or a rule is repeated.

    Example:
        >>> rules = [parse_rule("pm25 > 75 within 6h with 0.5"), parse_rule("no2 > 200 within 6h with 0.5 if possible")]
        >>> [rule.channel for rule in select_rules(rules, ("PM2.5",), 3600, 24)]
        ['PM2.5']
    """
    found: list[Rule] = []
    for rule in rules:
        try:
            named = replace(
                rule, channel=channels[find_channel(channels, rule.channel, "channel of an alarm")]
            )
            check_rules([*found, named], channels, step_seconds, horizon)
        except InputError:
            if not rule.optional:
                raise
        else:
            found.append(named)
    return found


def check_rules(rules: Sequence[Rule], channels: Sequence[str], step_seconds: int, horizon: int) -> None:
    """Raise InputError unless the channel and time of each rule are forecast and no rule is repeated."""
    for place, rule in enumerate(rules):
        if rule.channel not in channels:
            raise unknown("channel of an alarm", rule.channel, channels)
        rule.steps(step_seconds, horizon)
        if rule in rules[:place]:
            raise InputError(f"alarm '{rule}' is given twice: give each rule once")
