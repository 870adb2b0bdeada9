"""Rules of sensors: counts by hand, forecasts within bounds, files that are refused in one line."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo.data.series.sensor_rules import parse_sensor_rules
from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import WindowSet
from cityzoo.errors import InputError
from cityzoo.evaluation.sensor_rules import evaluate_section
from cityzoo.outputs.quantile_forecast import QuantileForecast

SENSORS = ("north", "east", "south")
BALANCE = {"in": ["north", "east"], "out": ["south"], "tolerance": 0.2}


def test_bounds_of_all_and_of_one_sensor_hold_together():
    rules = parse_sensor_rules({"bounds": [{"least": 0}, {"sensors": ["east"], "most": 5}]}, SENSORS)
    assert rules.count(np.array([[-1.0, 6, 99], [0, 5, np.nan]])) == {"bounds": (2, 5)}
    clipped = rules.clip(np.float32([[[-1, 3], [4, 9], [5, 999]]]))
    assert clipped.tolist() == [[[0, 3], [4, 5], [5, 999]]] and clipped.dtype == np.float32


def test_sums_may_differ_by_the_tolerance():
    """A share of the larger sum: 8 of 10 is just within .2, 7 is not, in both directions; gaps cannot be told."""
    rules = parse_sensor_rules({"conservation": [BALANCE]}, SENSORS)
    rows = [[5.0, 5, 8], [5, 5, 7], [5, 3, 10], [4, 3, 10], [0, 0, 0], [5, np.nan, 5]]
    assert rules.count(np.array(rows)) == {"north + east = south": (2, 5)}


MONOTONE = [{"sensors": ["north"], "direction": "rising"}, {"sensors": ["east"], "direction": "falling"}]


def test_steps_against_the_direction_are_counted():
    """Of north 1 of 2 known steps falls, over a gap; of east 1 of 3 rises; south may do both."""
    rules = parse_sensor_rules({"monotone": MONOTONE}, SENSORS)
    rows = np.array([[5.0, 9, 1], [np.nan, 9, 2], [4, 8, 1], [4, 9, 0]])
    assert rules.count(rows) == {"monotone": (2, 5)}
    # Two windows of two rows after one reading: the first step of each counts, too, where the reading is known.
    windows = np.stack([rows[2:], rows[2:]])
    last = np.array([[5.0, 7, 0], [np.nan, 8, 9]])
    assert rules.count(windows, last)["monotone"] == (1 + 2 + 0 + 1, 2 + 2 + 1 + 2)
    everything = parse_sensor_rules({"monotone": [{"direction": "rising"}]}, SENSORS)
    assert everything.directions.tolist() == [1, 1, 1]


def test_forecasts_are_made_monotone_from_the_last_reading_within_the_bounds():
    rules = parse_sensor_rules({"monotone": MONOTONE, "bounds": [{"least": 0, "most": 6}]}, SENSORS)
    forecast = np.float32([[[1, 4], [3, 9], [9, 2]], [[4, 3], [-1, 4], [1, 1]], [[2, 7], [2, 5], [3, 3]]])
    found = rules.clip(forecast, np.array([2.0, 5, 8]))
    assert found[:, 0].tolist() == [[2, 4], [4, 4], [4, 6]]  # 7 is above the bound
    assert found[:, 1].tolist() == [[3, 5], [0, 4], [0, 4]]
    assert found[:, 2].tolist() == [[6, 2], [1, 1], [3, 3]] and found.dtype == np.float32
    assert rules.clip(forecast)[0, 0].tolist() == [1, 4]  # no reading is known
    assert rules.clip(forecast, np.full(3, np.nan))[0, 0].tolist() == [1, 4]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"bounds": [{"least": 5, "most": 3}]}, "above most"),
        ({"bounds": [{"most": 3}, {"sensors": ["east"], "least": 4}]}, "sensor 'east'"),
        ({"bounds": [{"sensors": ["west"], "least": 4}]}, "west"),
        ({"bounds": [{"least": "low"}]}, "expected a number"),
        ({"bounds": {"least": 1}}, "expected a list"),
        ({"conservation": [{**BALANCE, "out": ["east"]}]}, "flows in and out"),
        ({"conservation": [{**BALANCE, "out": []}]}, "at least one"),
        ({"conservation": [{**BALANCE, "tolerance": 2}]}, "tolerance 2"),
        ({"monotone": [*MONOTONE, {"direction": "falling"}]}, "sensor 'north' is to rise and to fall"),
        ({"monotone": [{**MONOTONE[0], "sensors": ["west"]}]}, "west"),
        ({"monotone": [{"sensors": ["east"]}]}, "direction"),
        ({"places": []}, "places"),
        ({}, "empty"),
    ],
)
def test_rules_that_cannot_be_are_one_line(content, expected):
    with pytest.raises(InputError, match=re.escape(expected)) as caught:
        parse_sensor_rules(content, SENSORS)
    assert "\n" not in str(caught.value)


def evaluate_rules(values, forecast, rules, folder):
    """The section for 40 windows of 4 rows in and 2 out of one sensor, of which `forecast` gives that of an origin."""
    times = np.datetime64("2026-01-05T00:00:00", "s") + np.arange(60) * np.timedelta64(3600, "s")
    series = Series(values[:, None, None], times, ("north",), ("flow",), ("",))
    truth = WindowSet("test", series, range(10, 60), np.arange(10, 50), 4, 2)
    output = QuantileForecast(horizon=2)
    results = [np.full((2, 1, len(output.quantiles)), forecast(row), np.float32) for row in truth.origins]
    subject = SimpleNamespace(
        output=output,
        results=lambda truth: results,
        task=SimpleNamespace(modality=SimpleNamespace(groups=lambda truth: [""] * 40)),
        spec=SimpleNamespace(run=SimpleNamespace(seed=0)),
    )
    return evaluate_section(subject, truth, {"rules": rules}, folder)["sensor_rules"]


def test_forecasts_within_the_bounds_are_better_where_they_were_outside(tmp_path):
    """A sensor that is 0 at night; half of the forecasts are -2 there."""
    rules = {"bounds": [{"least": 0}]}
    found = evaluate_rules(np.zeros(60), lambda row: -2.0 * (row % 2), rules, tmp_path)
    assert found["violations"] == {
        "bounds": {"measured": 0, "of_measured": 50, "forecast": 40, "of_forecast": 80}
    }
    row = found["filtered"]["mae"]
    assert (row["this"], row["other"], row["verdict"]) == (0, 1, "better") and row["high"] < 0


def test_a_forecast_below_the_last_reading_of_a_counter_is_reported_and_corrected(tmp_path):
    """A counter of 2, 3, 4 ...; both steps of a forecast are 1 below the last reading, and should be 1 and 2 above."""
    values = np.arange(2.0, 62)
    found = evaluate_rules(values, lambda row: values[row] - 1, {"monotone": MONOTONE[:1]}, tmp_path)
    counted = {"measured": 0, "of_measured": 49, "forecast": 40, "of_forecast": 80}
    assert found["violations"]["monotone"] == counted
    assert (found["filtered"]["mae"]["this"], found["filtered"]["mae"]["other"]) == (1.5, 2.5)


@pytest.mark.slow
def test_trained_with_rules_forecasts_break_fewer(tmp_path, as_scripts):
    """Two roads flow into a third one, with counts near 0 at night; rules in the loss, read again from the run."""
    rng, rows = np.random.default_rng(0), 12 * 96
    hours = np.arange(rows) % 96 / 4
    shape = np.exp(-0.5 * ((hours - 8) / 2) ** 2) + 0.7 * np.exp(-0.5 * ((hours - 17) / 2) ** 2)
    north, east = rng.poisson(60 * shape), rng.poisson(35 * shape)
    times = np.datetime64("2026-03-02T00:00:00") + np.arange(rows) * np.timedelta64(900, "s")
    lines = [f"{t}Z,{n},{e},{n + e}" for t, n, e in zip(times, north, east, strict=True)]
    (tmp_path / "flow.csv").write_text("time,north,east,south\n" + "\n".join(lines) + "\n")
    (tmp_path / "rules.yaml").write_text(
        "bounds:\n  - least: 0\nconservation:\n  - in: [north, east]\n    out: [south]\n"
    )
    train = ["--task", "traffic_flow", "--data", "flow.csv", "--backbone", "stid", "--epochs", "4"]
    answers = as_scripts(
        tmp_path,
        {
            "plain": ("train.py", [*train, "--out", "plain"]),
            "ruled": ("train.py", [*train, "--out", "ruled", "--rule-loss", "rules.yaml"]),
            "see plain": ("evaluate.py", ["plain", "--rules", "rules.yaml", "--json", "--out", "a"]),
            "see ruled": ("evaluate.py", ["ruled", "--rules", "rules.yaml", "--json", "--out", "b"]),
        },
    )
    assert all(answer[0] == 0 for answer in answers.values()), answers["see ruled"][2][-2000:]
    plain, ruled = (
        json.loads(answers[f"see {name}"][1].splitlines()[-1])["sensor_rules"]["violations"]
        for name in ("plain", "ruled")
    )
    assert ruled["bounds"]["forecast"] < plain["bounds"]["forecast"]
