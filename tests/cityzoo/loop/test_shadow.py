"""What the loop knows, and when; simulations are made up, so SUMO is not needed."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.loop import shadow
from cityzoo.loop.camera_counts import CameraCounts
from cityzoo.loop.report import write_loop_report
from cityzoo.loop.shadow import ORACLE, Loop, Setting
from cityzoo.traffic_signals.compare import FIXED, FORECAST, TIME_OF_DAY
from cityzoo.traffic_signals.demand import SHARES, draw_days
from cityzoo.traffic_signals.plans import running_plans
from cityzoo.traffic_signals.sumo import SimulationResult

WEST = np.array([1, 1, 1, 2.0])  # twice as many vehicles may come from there
TURNS = tuple(SHARES.mean(axis=0))


def made_up(delay):
    """A vehicle an hour from 6 to 12."""
    hours = np.arange(6, 12)
    return SimulationResult(3600.0 * hours + 60, np.full(6, delay), np.ones(6), 4)


@pytest.fixture
def simulated(monkeypatch):
    """Simulations of 30 s with the fixed plan and 20 s with others; the scenes and days that were asked for."""
    asked, delays = [], {FIXED: 30.0, FORECAST: 20.0, TIME_OF_DAY: 25.0, ORACLE: 18.0}

    def simulate(scene, day, programs):
        asked.append((scene.folder.name, day, tuple(programs)))
        return {name: made_up(delays[name]) for name in programs}

    monkeypatch.setattr(shadow, "simulate_day", simulate)
    monkeypatch.setattr(shadow.sumo, "write_network", lambda *given: None)
    monkeypatch.setattr(
        shadow, "best_fixed", lambda junction, past, hours: junction.plan(past.max(axis=(0, 1)))
    )
    return asked, delays


@pytest.fixture(scope="module")
def truth():
    return draw_days(1, past=8)  # Monday to Tuesday of the next week


def setting(truth, tmp_path, change=lambda values: values, high=1.0, **more):
    values = change(truth.counts.sum(axis=-1).astype(float))
    counts = CameraCounts(
        truth.dates, values, values, high * values, {"north": ["a"], "east": [], "south": [], "west": []}
    )
    return Setting(counts, truth, TURNS, 15, (6, 12), tmp_path, **more)


def test_plans_are_rehearsed_on_counts_and_compared_on_real_traffic(truth, tmp_path, simulated):
    """Two days before the first; each once, though both of the last days look at the day between them."""
    days = Loop(setting(truth, tmp_path)).run(2)
    assert [str(day.day) for day in days] == ["2026-01-12", "2026-01-13"]
    both, four = (FIXED, FORECAST), (FIXED, TIME_OF_DAY, FORECAST, ORACLE)
    assert simulated[0] == [
        ("counted", 3, both), ("counted", 4, both), ("real", 7, four), ("counted", 7, both), ("real", 8, four)
    ]  # fmt: skip
    assert sum(decision.applied for decision in days[0].decisions) > 50


def test_a_period_after_one_that_was_not_observed_keeps_the_fixed_plan(truth, tmp_path, simulated):
    """Quarter 32 of the last day in the north; the plan of 8:15 would have used it."""

    def blind(values):
        values[8, 32, 0] = np.nan
        return values

    (day,) = Loop(setting(truth, tmp_path, blind)).run(1)
    assert not day.decisions[33].applied and day.decisions[33].why == "not observed: north"
    assert "not observed" not in day.decisions[32].why + day.decisions[34].why


def test_the_future_changes_no_decision(truth, tmp_path, simulated):
    """Counts from noon on are doubled: decisions up to then stay the same."""

    def double(values):
        values[8, 48:] *= 2
        return values

    first, second = (Loop(setting(truth, tmp_path, change)).run(1)[0] for change in (lambda v: v, double))
    assert first.decisions[:49] == second.decisions[:49]
    assert first.decisions[49:] != second.decisions[49:]


def test_unsure_counts_keep_the_fixed_plan_more_often(truth, tmp_path, simulated):
    """Limits of 300 %: the plan for the counted flow would be worse if they were right."""
    sure, unsure = (Loop(setting(truth, tmp_path, high=high)).run(1)[0] for high in (1.0, 3.0))
    applied = [sum(decision.applied for decision in day.decisions[24:48]) for day in (sure, unsure)]
    assert applied[0] > applied[1]
    np.testing.assert_array_less(sure.forecast.upper[24:48], unsure.forecast.upper[24:48])


def test_hours_that_were_worse_before_are_blocked(truth, tmp_path, simulated):
    """Rehearsals of 40 s: every hour with a plan of the loop keeps the fixed one."""
    simulated[1][FORECAST] = 40.0
    (day,) = Loop(setting(truth, tmp_path)).run(1)
    assert day.blocked and not any(
        decision.applied for decision in day.decisions if decision.start // 60 in day.blocked
    )


def test_too_few_days_are_refused(truth, tmp_path, simulated):
    """The first Saturday has no weekend day before it."""
    with pytest.raises(InputError, match="0 weekend days before 2026-01-10"):
        Loop(setting(truth, tmp_path)).run(4)


def test_the_page_shows_delays_counts_and_reasons(truth, tmp_path, simulated):
    """Every number of the page is one of report.json; a day that is worse is a warning."""
    loop = Loop(setting(truth, tmp_path))
    days = loop.run(1)
    page = write_loop_report(loop, days, tmp_path).read_text()
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["delay"] == {"fixed": 30.0, "time of day": 25.0, "loop": 20.0, "oracle": 18.0}
    assert report["gain"] == pytest.approx(1 / 3) and report["worse_hours"] == 0 and report["warnings"] == []
    assert report["arms"]["north"]["error"] == 0 and report["forecast"]["mae_counts"] == 0
    assert re.search(r'data-key="delay/loop"[^>]*value="20.0"', page) or "delay/loop" in page
    assert (
        "What the plans would have changed" in page and "All metrics" not in page and "Training" not in page
    )
    worse = [replace(days[0], measured={**days[0].measured, FORECAST: made_up(31.0)})]
    write_loop_report(loop, worse, tmp_path)
    assert "do not use it" in (tmp_path / "report.html").read_text()


def test_a_camera_that_misses_half_costs_little_because_its_limits_say_so(
    truth, tmp_path, simulated, monkeypatch
):
    """By the delay formula at the vehicles that really came: plans hedge against the upper limit of the counts."""

    def miss(values):
        values[..., 3] /= 2
        return values

    def delay(setting):
        loop = Loop(setting)
        (day,) = loop.run(1)
        flows, queue, lost = truth.flows(15)[8], 0.0, 0.0
        for plan, came in zip(running_plans(day.decisions, loop.fixed), flows, strict=True):
            lost += float(loop.real.junction.delay(plan, came, 0.25, queue)) * came.sum()
            queue = loop.real.junction.queue_left(plan, came, 0.25, queue)
        return lost / flows.sum()

    right, blind, warned = (
        delay(setting(truth, tmp_path, change, high=high))
        for change, high in ((lambda v: v, 1.0), (miss, 1.0), (miss, WEST))
    )
    assert warned < right + 0.2 < blind
