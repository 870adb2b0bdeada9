"""Flags of the monitor: rules as text."""

import pytest

from cityzoo.errors import InputError
from cityzoo.monitor.health import Health
from cityzoo.monitor.settings import RULES, parse_alarms, parse_window


def test_the_default_rules_are_what_the_flag_takes():
    """Written as in the help."""
    assert parse_alarms("; ".join(RULES)) == RULES
    assert Health.__init__.__defaults__[1] == RULES


@pytest.mark.parametrize(
    ("text", "words"),
    [("drift", "not understood"), ("drft > 1", "did you mean 'drift'"), ("drift > 1;", "not understood")],
)
def test_unusable_rules_are_one_line(text, words):
    """What was given and what is allowed."""
    with pytest.raises(InputError, match=words):
        parse_alarms(text)


def test_a_window_of_a_few_images():
    """Chance alone would be drift."""
    with pytest.raises(InputError, match="give 64 or more"):
        parse_window("63")
