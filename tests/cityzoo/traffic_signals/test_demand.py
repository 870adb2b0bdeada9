"""Drawn days: their peaks, their noise, and the vehicles that are written of them."""

import re

import numpy as np
import pytest

from cityzoo.traffic_signals.demand import SHARES, draw_days, usual_day, write_routes
from cityzoo.traffic_signals.junction import ARMS


def test_peaks_come_from_different_sides():
    """West in the morning, south in the evening; weekends have neither; nights are quiet."""
    weekday, weekend = usual_day(weekend=False), usual_day(weekend=True)
    assert ARMS[weekday[28:40].sum(0).argmax()] == "west" and ARMS[weekday[64:76].sum(0).argmax()] == "south"
    assert weekday[:20].max() < 60 and weekend[28:36, 3].max() < weekday[28:36, 3].max() / 2
    assert SHARES.sum(axis=1) == pytest.approx([1, 1, 1, 1])


def test_days_are_drawn_again_and_scaled():
    """Same seed, same counts; the judged day is a Thursday or a Saturday with an incident of one hour."""
    days, again, half = draw_days(3), draw_days(3), draw_days(3, 0.5)
    assert np.array_equal(days.counts, again.counts) and not np.array_equal(days.counts, draw_days(4).counts)
    assert half.counts.sum() / days.counts.sum() == pytest.approx(0.5, abs=0.01)
    assert days.dates[-1].weekday() == 3 and draw_days(0, weekend=True).dates[-1].weekday() == 5
    assert re.fullmatch(r"\d\d:00-\d\d:00 diverted traffic from \w+, \+70 %", days.incidents[-1])


def test_past_days_are_of_the_same_kind_and_before():
    """A Thursday has working days before it, a Saturday weekend days."""
    days = draw_days(0)
    assert len(days.past_of_kind(-1)) == 13 and days.past_of_kind(-1)[-1] == 16
    assert [days.dates[i].weekday() for i in days.past_of_kind(7)] == [0, 1, 2, 3, 4]
    weekend = draw_days(0, weekend=True)
    assert {weekend.dates[i].weekday() for i in weekend.past_of_kind(-1)} == {5, 6}


def test_flows_are_counts_per_hour():
    """Whatever the period, the same vehicles."""
    days = draw_days(1)
    for period in (15, 30, 60):
        flows = days.flows(period)
        assert flows.shape == (18, 1440 // period, 4, 3)
        assert flows.sum() * period / 60 == pytest.approx(days.counts.sum())
    assert days.flows(60)[2, 8, 3, 1] == days.counts[2, 32:36, 3, 1].sum()


def test_every_counted_vehicle_is_written_once_in_order(tmp_path):
    """In its quarter of an hour, from its arm to where its turn leads."""
    days = draw_days(2)
    came = write_routes(days, -1, (7, 8), tmp_path / "r.xml")
    rows = re.findall(
        r'id="(\d+)" depart="([\d.]+)".*?edges="(\w+)_in (\w+)_out"', (tmp_path / "r.xml").read_text()
    )
    departs = np.array([float(row[1]) for row in rows])
    assert [int(row[0]) for row in rows] == list(range(len(came))) and np.array_equal(departs, came)
    assert np.all(np.diff(came) >= 0) and came[0] >= 7 * 3600 and came[-1] < 8 * 3600
    counted = days.counts[-1, 28:32]
    assert np.histogram(came, 25200 + 900 * np.arange(5))[0].tolist() == counted.sum((1, 2)).tolist()
    assert sum(row[2:] == ("west", "east") for row in rows) == counted[:, 3, 1].sum()
