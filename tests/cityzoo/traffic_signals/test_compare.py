"""What is done with what simulations show; here they are made up, so SUMO is not needed."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.traffic_signals import compare, table
from cityzoo.traffic_signals.compare import ACTUATED, FIXED, FORECAST, TIME_OF_DAY, Scene
from cityzoo.traffic_signals.demand import draw_days
from cityzoo.traffic_signals.forecast_file import simple_forecast
from cityzoo.traffic_signals.junction import Junction
from cityzoo.traffic_signals.sumo import SimulationResult


def made_up(delay_by_hour):
    """A vehicle an hour from 6 to 12."""
    hours = np.arange(6, 12)
    delay = np.array([delay_by_hour.get(hour, 30.0) for hour in hours])
    return SimulationResult(3600.0 * hours + 60, delay, np.ones(6), 4)


@pytest.fixture
def scene(tmp_path):
    return Scene(draw_days(0), Junction(), 30, (6, 12), tmp_path)


def pretend(monkeypatch, rehearsed, judged):
    """Let the forecast's plans have these delays by hour on past days and on the judged day; all others 30 s."""
    asked = []

    def simulate(scene, day, programs):
        asked.append((day, list(programs)))
        others = {name: made_up({}) for name in programs}
        return {**others, FORECAST: made_up(judged if day == -1 else rehearsed)}

    monkeypatch.setattr(compare, "simulate_day", simulate)
    monkeypatch.setattr(compare.sumo, "write_network", lambda *given: None)
    return asked


def test_hours_that_went_worse_in_rehearsal_keep_the_fixed_plan(scene, monkeypatch):
    """8-9 h was worse on the two working days before; the judged day is simulated after them."""
    asked = pretend(monkeypatch, {8: 40.0, 9: 20.0}, {7: 10.0})
    comparison = compare.compare(scene)
    assert asked == [
        (15, [FIXED, FORECAST]),
        (16, [FIXED, FORECAST]),
        (-1, [FIXED, TIME_OF_DAY, ACTUATED, FORECAST]),
    ]
    assert comparison.blocked == {8: "worse on past days: 40.0 s/veh, fixed 30.0"}
    at = {decision.start: decision for decision in comparison.decisions}
    assert not at[480].applied and not at[510].applied and at[540].applied
    assert comparison.released
    assert "fixed kept, worse on past days: 08:00, 08:30" in table.format_table(scene, comparison)


def test_a_day_that_went_worse_is_said_and_releases_nothing(scene, monkeypatch, tmp_path):
    """The hour, the verdict, and a plan file with the fixed plan alone."""
    pretend(monkeypatch, {}, {7: 90.0})
    comparison = compare.compare(scene)
    said = table.format_table(scene, comparison)
    assert "WORSE than fixed at 7-8 h in simulation: 90.0 s/veh, fixed 30.0" in said
    assert "NOT released" in said and "time of day, without a forecast, is as good or better" in said
    table.write_results(scene, comparison, tmp_path)
    rows = list(csv.DictReader((tmp_path / "plan.csv").open()))
    assert {row["plan"] for row in rows} == {"fixed"} and {row["cycle"] for row in rows} == {
        str(comparison.fixed.cycle)
    }
    assert table.as_dict(scene, comparison)["worse_hours"] == [7]


def test_forecasts_of_past_days_are_rehearsed_if_there_are_any(scene, monkeypatch):
    """Of the judged day alone: nothing to rehearse. Of the day before too: that one."""
    asked = pretend(monkeypatch, {}, {})
    days, scene = scene.days, replace(scene, period=60)
    own = simple_forecast(days.flows(60)[:-1].sum(axis=-1), days.flows(60)[-1].sum(axis=-1))
    compare.compare(scene, {days.dates[-1]: own})
    assert [day for day, _ in asked] == [-1]
    asked.clear()
    compare.compare(scene, {days.dates[-1]: own, days.dates[16]: own})
    assert [day for day, _ in asked] == [16, -1]
