"""Codes for missing values are found where they are, and nothing else is taken for one."""

import numpy as np
import pytest

from cityzoo.data.series import load_series
from cityzoo.data.series.missing_codes import find_codes, parse_missing
from cityzoo.errors import InputError

HOURS = np.arange(24 * 14)
ALL = np.zeros(len(HOURS), int)


def wave(level, size, noise=0.0, digits=1):
    """A daily course with slow noise, rounded as a logger does."""
    slow = np.convolve(np.random.default_rng(0).normal(0, noise, len(HOURS) + 11), np.ones(12), "valid")
    return np.round(level + size * np.sin(2 * np.pi * HOURS / 24) + slow, digits)


@pytest.mark.parametrize(
    "code",
    [-999, -200, -1, 9999, 32767, -9999, 99999, 1e20, -99.9, 999.9, -32768, 65535, 9.96921e36, -8888],
)
@pytest.mark.parametrize("runs", [False, True])
def test_codes_are_found(code, runs):
    values = wave(40, 15, 2.0)
    spots = np.concatenate([np.arange(n, n + 9) for n in (20, 91, 170, 200, 260)]) if runs else HOURS[5::20]
    values[spots] = code
    assert list(find_codes(values, ALL)) == [(code, None, True)]


def test_several_codes_on_both_sides_are_found():
    values = wave(40, 15, 2.0)
    values[5::20], values[7::30], values[9::40] = -999, -9999, 9999
    assert sorted(find_codes(values, ALL)) == [(-9999, None, True), (-999, None, True), (9999, None, True)]


def test_minus_one_on_an_empty_road_is_found_by_its_neighbors():
    flows = np.random.default_rng(0).poisson(np.maximum(0, wave(10, 14))).astype(float)
    assert (flows == 0).sum() > 60 and not list(find_codes(flows, ALL))
    flows[5::20] = -1
    assert list(find_codes(flows, ALL)) == [(-1, None, True)]


@pytest.mark.parametrize(
    "values",
    [
        np.minimum(wave(900, 200, 20), 999),  # a sensor at its maximum
        np.minimum(wave(97, 4, 0.5), 99.9),  # fog
        np.maximum(0, wave(0, 800, 10, 0)),  # no sun at night
        wave(3, 4, 0.3, 0),  # whole degrees, some nights at -1 and -2
        wave(-15, 5, 0.3, 0),
        wave(1003, 3, 0.5),  # hPa, 999.0 among them
        np.random.default_rng(0).poisson(3.0, len(HOURS)).astype(float),
        np.random.default_rng(0).poisson(90.0, len(HOURS)).astype(float),  # 99 is frequent
        np.where(HOURS % 50 == 3, 985.0, wave(40, 15)),  # peaks that repeat
    ],
)
def test_measurements_are_no_codes(values):
    assert list(find_codes(values, ALL)) == []


def test_a_value_that_cannot_be_told_from_a_code_is_kept():
    values = wave(40, 15, 2.0)
    values[17] = -999  # once
    assert list(find_codes(values, ALL)) == [(-999, None, False)]


def test_a_code_of_a_small_road_lies_within_the_range_of_a_large_one():
    small, large = wave(40, 15, 2.0), wave(1200, 700, 20)
    small[5::20] = 999
    found = list(find_codes(np.concatenate([small, large]), np.repeat([0, 1], len(HOURS))))
    assert found == [(999, 0, True)]


@pytest.fixture
def table(write_table):
    """A wide table: -1 in s1 every tenth row from line 7, 50 once an hour in s2."""
    first, second = wave(60, 5), wave(55, 4)
    first[5::10], second[::12] = -1, 50
    rows = [
        f"2012-03-{1 + n // 24:02} {n % 24:02}:00,{a},{b}"
        for n, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    return write_table("time,s1,s2", *rows)


@pytest.mark.parametrize(
    ("missing", "expected"),
    [(None, {-1.0: 34}), ("none", {}), ("50", {50.0: 28}), ("auto,50", {-1.0: 34, 50.0: 28})],
)
def test_codes_are_counted_with_value_line_and_file(table, missing, expected):
    series, findings = load_series(table, missing=missing)
    gone = sum(expected.values())
    assert np.isnan(series.values).sum() == findings.counts["code"] == gone
    places = {
        -1.0: "-1 in value 34 times, first in roads.csv:7, column 's1'",
        50.0: "50 in value 28 times, first in",
    }
    for code in expected:
        assert any(place.startswith(places[code]) for place in findings.first["code"])


def test_a_speed_is_never_negative(write_table):
    rows = [f"2012-03-01 {n:02}:00,{speed}" for n, speed in enumerate((60, 61, -1, 62, 60))]
    series, findings = load_series(write_table("time,a", *rows, name="speed.csv"))
    assert np.isnan(series.values[:, 0, 0]).tolist() == [False, False, True, False, False]
    assert findings.counts["code"] == 1


def test_each_channel_has_codes_of_its_own(write_table):
    pm, cold = wave(40, 15, 2.0), wave(-3, 5, 0.3, 0)
    pm[5::20] = -1
    rows = [f"2012-03-{1 + n // 24:02} {n % 24:02}:00,a,{pm[n]},{cold[n]}" for n in HOURS]
    series, _ = load_series(write_table("time,station,pm25,temperature", *rows))
    assert np.isnan(series.values).sum((0, 1)).tolist() == [17, 0]


def test_numbers_too_large_for_any_sensor_are_refused(write_table):
    table = write_table("time,a", "2012-03-01,1", "2012-03-02,1e39", "2012-03-03,2")
    with pytest.raises(InputError, match="roads.csv:3, column 'a': 1e[+]39 is infinite"):
        load_series(table)


@pytest.mark.parametrize("text", ["zeros", "none,-1", "-999,x", "nan", ""])
def test_what_cannot_be_understood(text):
    with pytest.raises(InputError):
        parse_missing(text)
