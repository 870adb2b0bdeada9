"""Alarms on measured values as they come: raised and released by the rules of forecasts, one state for each key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cityzoo.alarms.rules import Rule


class AlarmChange(NamedTuple):
    """An alarm that was raised or released."""

    rule: Rule
    key: str  # of the sensor, camera or line
    value: float  # that raised or released it
    is_raised: bool


@dataclass
class _State:
    is_raised: bool = False
    calm: int = 0  # consecutive values within the release limit


class LiveAlarms:
    """Alarms of several rules on several keys.

    A value beyond a rule's limit raises an alarm; the last of `hold` consecutive values within its release limit
    releases it. A measured value is certain: time and probability of the rule do not matter.

    Example:
        >>> from cityzoo.alarms.rules import parse_live_rule
        >>> alarms = LiveAlarms([parse_live_rule("silence > 60, release 10 hold 2")])
        >>> changes = [alarms.update("north", "silence", value) for value in (61, 90, 5, 6)]
        >>> [[change.is_raised for change in each] for each in changes]
        [[True], [], [], [False]]
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._states: dict[tuple[Rule, str], _State] = {}

    def update(self, key: str, channel: str, value: float) -> list[AlarmChange]:
        """Take a new value of a channel and return what it raised or released; NaN changes nothing."""
        return [
            AlarmChange(rule, key, value, state.is_raised)
            for rule in self.rules
            if rule.channel == channel
            for state in [self._states.setdefault((rule, key), _State())]
            if _step(rule, state, value)
        ]

    def forget(self, key: str) -> None:
        """Release the alarms of a key without a word: what it was measured by is gone."""
        self._states = {place: state for place, state in self._states.items() if place[1] != key}

    def active(self) -> list[tuple[Rule, str]]:
        """Return the rules and keys of all alarms that are raised."""
        return [place for place, state in self._states.items() if state.is_raised]


def _step(rule: Rule, state: _State, value: float) -> bool:
    if math.isnan(value):
        return False
    sign = 1 if rule.way == ">" else -1
    state.calm = 0 if sign * value > sign * rule.release else state.calm + 1
    if state.is_raised and state.calm >= rule.hold:
        state.is_raised = False
        return True
    if not state.is_raised and sign * value > sign * rule.limit:
        state.is_raised, state.calm = True, 0
        return True
    return False
