"""Alarm rules: read as people write them, refused in one line that says what to write."""

import pytest

from cityzoo.alarms.rules import Rule, check_rules, parse_rule, select_rules
from cityzoo.errors import InputError


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("pm25 > 75 within 6h with 0.8 probability", Rule("pm25", ">", 75, 21600, 0.8, 67.5, 2)),
        ("pm25>75 within 6 h with 80%", Rule("pm25", ">", 75, 21600, 0.8)),
        ("PM2.5 above 75.5 within 1d with 80 % probability", Rule("PM2.5", ">", 75.5, 86400, 0.8)),
        ("speed under 30 within 45min with 0.7, release 40 hold 3", Rule("speed", "<", 30, 2700, 0.7, 40, 3)),
        ("temperature < -5 within 12h with 0.5", Rule("temperature", "<", -5, 43200, 0.5, -4.5)),
    ],
)
def test_rules_are_read(text, rule):
    assert parse_rule(text) == rule
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "pm25 is bad",
            "alarm 'pm25 is bad' is not understood: write CHANNEL > LIMIT within TIME with PROBABILITY",
        ),
        ("pm25 reaches 75 within 6h with 0.8", "is not understood"),
        ("pm25 > 75 within 6 moons with 0.8", "is not understood"),
        ("pm25 > 75 with 0.8", "is not understood"),
        (
            "pm25 > 75 within 6h with 80",
            "alarm probability 80: expected more than 0 and less than 1, e.g. 0.8 or 80 %",
        ),
        ("pm25 > 75 within 6h with 0", "alarm probability 0:"),
        ("pm25 > 75 within 0h with 0.8", "alarm within 0 s"),
        (
            "pm25 > 75 within 6h with 0.8 release 80",
            "release 80 lies beyond the limit 75: expected at most 75",
        ),
        (
            "speed < 30 within 1h with 0.8 release 20",
            "release 20 lies beyond the limit 30: expected at least 30",
        ),
        ("speed < 30 within 1h with 0.8 hold 0", "hold 0: expected"),
    ],
)
def test_bad_rules_are_refused_in_one_line(text, words):
    with pytest.raises(InputError) as error:
        parse_rule(text)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_rules_must_fit_what_is_forecast():
    rules = [parse_rule("pm25 > 75 within 6h with 0.8"), parse_rule("pm25 > 75 within 24h with 0.8")]
    check_rules(rules, ("pm25", "no2"), 3600, 24)
    with pytest.raises(InputError, match="unknown channel of an alarm 'pm25': Allowed: no2"):
        check_rules(rules, ("no2",), 3600, 24)
    with pytest.raises(InputError, match="expected within 1h to 12h"):
        check_rules(rules, ("pm25",), 3600, 12)
    with pytest.raises(InputError, match="is given twice"):
        check_rules([rules[0], parse_rule("pm25 above 75 within 360min with 80 %")], ("pm25",), 3600, 24)
    assert rules[0].steps(3600, 24) == 6


@pytest.mark.parametrize(
    ("channel", "horizon", "kept"), [("PM2.5", 24, ["PM2.5"]), ("NO2", 24, []), ("pm25", 3, [])]
)
def test_an_optional_rule_is_left_out_where_it_does_not_apply(channel, horizon, kept):
    rule = parse_rule("pm25 > 75 within 6h with 0.8 probability if possible")
    assert [each.channel for each in select_rules([rule], (channel,), 3600, horizon)] == kept
    if not kept:
        with pytest.raises(InputError, match="alarm"):
            select_rules([parse_rule(str(rule))], (channel,), 3600, horizon)
