"""Sentences on streams: what they mean, and one line for what is none."""

import pytest

from cityzoo.alarms.stream_rules import parse_stream_rule
from cityzoo.errors import InputError

CLASSES = ("car", "truck", "person", "fire", "traffic light")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stopped", {"kind": "stopped", "seconds": 10}),
        ("stopped vehicle for 3s", {"kind": "stopped", "seconds": 3}),
        ("stopped car in bus lane for 2min", {"subject": "car", "place": "bus lane", "seconds": 120}),
        ("Stopped car in lane", {"kind": "stopped", "subject": "car", "place": "lane"}),
        ("wrong way", {"kind": "wrong way", "place": "", "severity": "high"}),
        ("wrong-way on north severity low", {"place": "north", "severity": "low"}),
        ("congestion in lane for 60s", {"kind": "congestion", "place": "lane", "seconds": 60}),
        ("person", {"kind": "presence", "subject": "person", "frames": (3, 5), "score": 0}),
        ("person in road in 4 of 9 frames", {"subject": "person", "place": "road", "frames": (4, 9)}),
        ("fire >= .6", {"score": 0.6}),
        ("fire >= 0.6 in 5 of 8 frames", {"subject": "fire", "score": 0.6, "frames": (5, 8), "place": ""}),
        ("traffic light in zone", {"subject": "traffic light", "place": "zone"}),
        ("camera frozen for 1min", {"kind": "frozen", "seconds": 60}),
        ("unusual count on north > 3", {"kind": "unusual", "place": "north", "score": 3}),
        ("silence > 60", {"kind": "missing", "seconds": 60}),
    ],
)
def test_sentences(text, expected):
    """Each form with and without its optional parts."""
    rule = parse_stream_rule(text, CLASSES)
    assert {key: getattr(rule, key) for key in expected} == expected and rule.text == text


@pytest.mark.parametrize(
    ("text", "place", "value", "seconds"),
    [
        ("count in zone > 12 for 60s", "zone", ("count", ">", 12, 10.8, 2), 60),
        ("speed in lane < 15 km/h for 1min", "lane", ("speed", "<", 15, 16.5, 2), 60),
        ("speed below 15", "", ("speed", "<", 15, 16.5, 2), 0),
        ("occupancy on north over 80 % for 30s", "north", ("occupancy", ">", 80, 72, 2), 30),
        ("queue in lane > 5 vehicles for 60s release 2 hold 10", "lane", ("queue", ">", 5, 2, 10), 60),
    ],
)
def test_measured_values(text, place, value, seconds):
    """Limits, releases and holds are those of the rules on forecasts."""
    rule = parse_stream_rule(text, CLASSES)
    limits = rule.value
    assert (limits.channel, limits.way, limits.limit, round(limits.release, 6), limits.hold) == value
    assert (rule.kind, rule.place, rule.seconds) == ("measure", place, seconds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stopd car in lane for 5s", "did you mean 'stopped'"),
        ("stopped cart for 5s", "did you mean 'car'"),
        ("camera drak", "did you mean 'dark'"),
        ("stopped car for 3 days", "write stopped [CLASS] [in ZONE] [for TIME]"),
        ("stopped car for 0s", "a time of 0 s"),
        ("wrong", "write wrong way [on LINE or in ZONE]"),
        ("count > ", "write count [of CLASS]"),
        ("speed in lane < 15 %", "unknown unit of speed"),
        ("fire in 9 of 8 frames", "the first number at most the second"),
        ("fire >= 60", "a score of 0 to 1"),
        ("fire for 3s", "begin with a class or one of"),
        ("stopped car severity huge", "did you mean 'high'"),
        ("pm25 > 75 within 6h with 0.8", "a rule on forecasts"),
        ("", "is not understood"),
        ("count > 5 release 9", "lies beyond the limit"),
    ],
)
def test_what_is_no_rule_is_one_line(text, message):
    """It names what is meant, or the form."""
    with pytest.raises(InputError) as caught:
        parse_stream_rule(text, CLASSES)
    assert message in str(caught.value) and "\n" not in str(caught.value)
