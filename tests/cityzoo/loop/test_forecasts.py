"""Flows as files, and upper quantiles with the errors of the counts."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.loop.camera_counts import CameraCounts
from cityzoo.loop.forecasts import arm_flows, widen, write_arm_flows
from cityzoo.traffic_signals.demand import draw_days
from cityzoo.traffic_signals.forecast_file import Forecast


@pytest.fixture(scope="module")
def counts():
    days = draw_days(0, past=4)
    values = days.counts.sum(axis=-1).astype(float)
    values[1, 10] = np.nan
    return CameraCounts(days.dates, values, values, values, {})


def test_flows_are_written_with_gaps(counts, tmp_path):
    """A row for each period; a quarter that was not observed is empty, an hour with others is not."""
    write_arm_flows(counts, 15, tmp_path / "flows.csv")
    rows = list(csv.reader((tmp_path / "flows.csv").open()))
    assert rows[0] == ["time", "north", "east", "south", "west"] and len(rows) == 1 + 5 * 96
    assert rows[1 + 96 + 10] == ["2026-01-06T02:30", "", "", "", ""]
    assert float(rows[1 + 96 + 11][1]) == 4 * counts.values[1, 11, 0]
    hourly = arm_flows(counts.values, 60)[1, 2]
    np.testing.assert_allclose(hourly, counts.values[1, [8, 9, 11]].sum(axis=0) * 4 / 3)


def test_errors_of_counts_widen_the_upper_quantile():
    """By the root of the sum of squares; none leaves it as it is."""
    forecast = Forecast(np.array([[100.0, 200.0]]), np.array([[130.0, 200.0]]), "")
    widened = widen(forecast, np.array([[0.4, 0.1]]))
    np.testing.assert_allclose(widened.upper, [[150, 220]])
    assert widened.flows is forecast.flows
    np.testing.assert_array_equal(widen(forecast, np.zeros((1, 2))).upper, forecast.upper)


def test_the_file_is_read_by_traffic_flow(counts, tmp_path):
    """Four sensors, 15 minutes, with the gap."""
    from cityzoo import tasks

    longer = replace(counts, values=np.tile(counts.values, (2, 1, 1)), dates=counts.dates * 2)
    write_arm_flows(longer, 15, tmp_path / "flows.csv")
    task = tasks.find("traffic_flow")
    series = task.read(str(tmp_path / "flows.csv"), {}, window=25).series
    assert sorted(series.sensors) == ["east", "north", "south", "west"]
    assert series.step_seconds == 900 and len(series) == 960
    assert np.isnan(series.values[106]).all() and np.isfinite(series.values[107]).all()
