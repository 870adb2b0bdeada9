"""Flows as files, and upper quantiles with the errors of the counts."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.loop.camera_counts import CameraCounts
from cityzoo.loop.forecasts import arm_flows, forecast_by_run, widen, write_arm_flows
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


def test_a_run_forecasts_each_period_from_those_before_it(counts, tmp_path, monkeypatch):
    """A run that repeats the last row: the flow of a period is what was counted in the one before, arm by arm."""
    from cityzoo import tasks
    from cityzoo.data.series.windows import WindowSet
    from cityzoo.errors import InputError
    from cityzoo.evaluation import evaluated_run

    file, task = tmp_path / "flows.csv", tasks.find("traffic_flow")
    write_arm_flows(counts, 15, file)
    series = task.read(str(file), {}, window=25).series

    def repeat_last(model, windows, output):
        last = np.nan_to_num(series.values[windows.origins, :, 0])
        return list(np.stack([last - 5, last, last + 10], axis=-1)[:, None].repeat(12, axis=1))

    modality = SimpleNamespace(
        read_to_evaluate=lambda *given: (
            WindowSet("test", series, range(300, 400), np.arange(9), 12, 12),
            None,
        ),
        check_manifest=lambda *given: None,
        predict=repeat_last,
    )
    run = SimpleNamespace(
        spec=SimpleNamespace(run=SimpleNamespace(task="traffic_flow")),
        task=SimpleNamespace(modality=modality),
        output=SimpleNamespace(quantiles=(0.1, 0.5, 0.9), class_names=()),
        folder=SimpleNamespace(path=tmp_path),
        model=None,
    )
    monkeypatch.setattr(evaluated_run, "open_evaluated", lambda path: run)
    forecasts = forecast_by_run("runs/flow", file, counts, 15)
    assert list(forecasts) == list(counts.dates[1:])
    counted = arm_flows(counts.values, 15)
    np.testing.assert_allclose(forecasts[counts.dates[2]].flows[1:], counted[2, :-1])
    np.testing.assert_allclose(forecasts[counts.dates[2]].flows[0], counted[1, -1])
    np.testing.assert_allclose(forecasts[counts.dates[3]].upper[5], counted[3, 4] + 10)
    with pytest.raises(InputError, match="every 900 s: train it on the flows.csv"):
        forecast_by_run("runs/flow", file, counts, 60)
    run.spec.run.task = "air_quality"
    with pytest.raises(InputError, match="expected one of traffic_flow"):
        forecast_by_run("runs/flow", file, counts, 15)
