"""Live alarms do what alarms of forecasts do with values that are certain."""

import numpy as np
import pytest

from cityzoo.alarms.live import LiveAlarms
from cityzoo.alarms.matching import raise_alarms
from cityzoo.alarms.rules import parse_live_rule
from cityzoo.errors import InputError


@pytest.mark.parametrize("text", ["drift > 0.5, release 0.4 hold 3", "level < 0.3 release 0.6 hold 1"])
def test_the_same_alarms_as_of_certain_forecasts(text):
    """Raised and released at the same steps, for several keys, with missing values."""
    rule = parse_live_rule(text)
    values = (
        np.random.default_rng(0).uniform(0, 1, (300, 4)).cumsum(0) / np.arange(1, 301)[:, None] ** 0.5 % 1
    )
    values[np.random.default_rng(1).uniform(size=values.shape) < 0.1] = np.nan
    sign = 1 if rule.way == ">" else -1
    beyond = [
        np.where(np.isnan(values), np.nan, sign * values > sign * limit)
        for limit in (rule.limit, rule.release)
    ]
    expected = raise_alarms(*beyond, 0.5, rule.hold)
    alarms = LiveAlarms([rule])
    changes = [
        (key, step, change.is_raised)
        for step, row in enumerate(values)
        for key, value in enumerate(row)
        for change in alarms.update(str(key), rule.channel, value)
    ]
    wanted = [(alarm.sensor, alarm.raised, True) for alarm in expected]
    wanted += [(alarm.sensor, alarm.released, False) for alarm in expected if alarm.released is not None]
    assert len(expected) > 10
    assert sorted(changes) == sorted(wanted)


def test_keys_and_channels_do_not_mix():
    """One state for each rule and key."""
    alarms = LiveAlarms([parse_live_rule("drift > 1"), parse_live_rule("silence > 60")])
    assert alarms.update("north", "silence", 2) == []
    assert [change.rule.channel for change in alarms.update("north", "drift", 2)] == ["drift"]
    assert alarms.update("north", "drift", 3) == []
    assert [change.key for change in alarms.update("south", "drift", 3)] == ["south"]
    assert [key for _, key in alarms.active()] == ["north", "south"]


@pytest.mark.parametrize("text", ["drift", "drift > x", "drift = 1", "drift > 1 release 2", "a > 1 hold 0"])
def test_unusable_rules(text):
    """One line."""
    with pytest.raises(InputError):
        parse_live_rule(text)
