"""The output of forecasts: rules, metrics of whole test windows, sensors with a slice, and alarms."""

import json
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.data.series.windows import WindowSet
from cityzoo.errors import InputError
from cityzoo.metrics.forecast_errors import TgcnProtocol
from cityzoo.outputs.forecast_alarms import parse_rules
from cityzoo.outputs.quantile_forecast import QuantileForecast
from tests.cityzoo.series_town import town

RULE = "speed < 50 within 30min with 0.5 probability"


@pytest.fixture
def windows(series):
    """Test windows of two days of four sensors."""
    values = town(days=2)
    protocol = TgcnProtocol(len(values), 0.75 + 1e-12, 12)
    rows = range(protocol.first_test, len(values))
    return WindowSet("test", series(values), rows, protocol.origins(3), 12, 12, protocol.windows)


@pytest.fixture
def results(windows):
    """Forecasts that are off by 4 in every other window, with an interval of 3 on both sides."""
    middle = np.nan_to_num(windows.targets(), nan=60.0) + np.where(windows.origins % 2, 0, 4)[:, None, None]
    return list(np.stack([middle - 3, middle, middle + 3], axis=-1).astype(np.float32))


def test_rules_stand_between_semicolons():
    """Each is checked when it is read."""
    rules = ("speed < 30 within 30min with 0.6 probability", "speed < 10 within 1h with 0.5 probability")
    assert parse_rules(";".join(rules) + " ;") == rules
    assert parse_rules("") == ()
    with pytest.raises(InputError):
        parse_rules("speed is low")


def test_rules_must_fit_the_series(windows):
    """Its channel, and its horizon."""
    assert QuantileForecast(alarm=(RULE,)).check_rules(windows.series, 12)
    with pytest.raises(InputError, match="unknown channel of an alarm 'pm25'"):
        rule = "pm25 > 75 within 30min with 0.5 probability"
        QuantileForecast(alarm=(rule,)).check_rules(windows.series, 12)
    with pytest.raises(InputError, match="6h"):
        QuantileForecast(alarm=(RULE.replace("30min", "6h"),)).check_rules(windows.series, 12)


def test_metrics_follow_from_the_results(windows, results):
    """Off by 4 in every other window: 2 on average, and an interval of 3 holds half of it."""
    metrics = QuantileForecast().metrics(windows, results)
    assert metrics["mae"] == metrics["mae_60min"] == pytest.approx(2, abs=0.05)
    assert metrics["coverage"] == pytest.approx(0.5, abs=0.01)
    assert metrics["rmse_15min"] == pytest.approx(8**0.5, abs=0.05)


def test_metrics_do_not_depend_on_the_training_rows(windows, results):
    """The loss of runs that are compared is on one scale: the spread of the target before the test rows."""
    one, other = (QuantileForecast(spread=spread).metrics(windows, results) for spread in (1.0, 20.0))
    assert one == other


def test_unit_weights_give_the_metrics_and_repetitions_the_others(windows, results):
    output = QuantileForecast()
    weighted, metrics = output.weighted_metrics(windows, results), output.metrics(windows, results)
    once = weighted(np.ones((1, len(windows))))
    assert {name: once[name][0] for name in metrics} == pytest.approx(metrics, rel=1e-12)
    # Repeating windows keeps no order, by which longer horizons leave the last ones out: all of one horizon.
    alike = WindowSet(
        *(getattr(windows, n) for n in ("split", "series", "rows", "origins", "history", "horizon"))
    )
    weights = np.random.default_rng(0).integers(0, 3, (3, len(alike))).astype(float)

    names = ["mae", "rmse", "coverage", "loss", "mae_15min"]
    found = output.weighted_metrics(alike, results)(weights)
    for row, counts in enumerate(weights.astype(int)):
        chosen = np.repeat(np.arange(len(alike)), counts)
        truth = WindowSet("test", alike.series, alike.rows, alike.origins[chosen], 12, 12)
        expected = output.metrics(truth, [results[number] for number in chosen])
        assert {n: found[n][row] for n in names} == pytest.approx({n: expected[n] for n in names}, rel=1e-9)


def test_a_constant_series_that_a_baseline_forecasts_perfectly_has_no_gain(windows, results):
    """Its error is 0: nothing can be saved of it."""
    series = replace(windows.series, values=np.full_like(windows.series.values, 44.0))
    details = QuantileForecast().details(replace(windows, series=series), results)
    assert details["gain"] is None and details["models"][details["best_baseline"]]["mae_60min"] == 0


def test_the_sensors_with_the_largest_errors_have_slices(windows, results):
    """Twenty at most; `n` counts windows in which they measured something."""
    found = QuantileForecast().metric_slices(windows, results)["sensor"]
    weighted = QuantileForecast().weighted_metrics(windows, results)(np.ones((1, len(windows))))
    errors = [weighted[key][0] for key, _ in found.values()]
    assert set(found) == {"s0", "s1", "s2", "s3"} and errors == sorted(errors, reverse=True)
    measured = np.isfinite(windows.targets()).any(axis=1).sum(axis=0)
    assert [found[f"s{row}"][1] for row in range(4)] == measured.tolist()


def test_details_compare_with_baselines_and_are_plain(windows, results):
    """The model last; the gain is that over the best baseline at the longest horizon."""
    details = QuantileForecast(alarm=(RULE,)).details(windows, results)
    assert json.loads(json.dumps(details))["best_baseline"] == details["best_baseline"]
    assert list(details["models"])[-1] == "model" and details["interval"] == [0.1, 0.9]
    best = details["models"][details["best_baseline"]]
    others = [row["mae_60min"] for name, row in details["models"].items() if name != "model"]
    assert best["mae_60min"] == min(others)
    assert details["gain"] == pytest.approx(1 - details["models"]["model"]["mae_60min"] / best["mae_60min"])
    assert details["test"]["first"] == windows.rows.start and list(details["early_warning"]["rules"]) == [
        RULE
    ]
    assert "early_warning" not in QuantileForecast().details(windows, results)


def test_the_headline_names_the_best_baseline(windows, results):
    output = QuantileForecast()
    report = output.details(windows, results) | output.metrics(windows, results)
    line = output.headline(report)
    assert line.startswith("4 sensors: MAE ") and report["best_baseline"] in line and "50 %" in line


def test_alarms_are_files_only_where_there_are_rules(windows, results, tmp_path):
    QuantileForecast().write_results(windows, results, tmp_path)
    assert list(tmp_path.iterdir()) == []
    QuantileForecast(alarm=(RULE,)).write_results(windows, results, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"alarms.jsonl", "alarms.txt"}


def test_thresholds_are_chosen_on_validation_windows_and_restored_from_the_report(windows, results):
    """Rules on false alarms alone change; a report restores them in an output that was made from the same flags."""
    asked = "speed < 50 within 30min with at most 2 false alarms a week if possible"
    output, outputs = QuantileForecast(alarm=(RULE, asked)), np.stack(results)
    fitted = np.ones((windows.horizon, 3)).tolist()
    chosen = output.choose_thresholds(lambda: (windows, outputs), fitted)
    assert chosen.alarm[0] == RULE and chosen.alarm[1] != asked and chosen.alarm[1].endswith("if possible")
    report = chosen.details(windows, results)
    assert set(report["early_warning"]["rules"]) == {str(each) for each in chosen.check_rules(None)}
    assert output.restore(report).alarm == chosen.alarm
    assert output.restore({}).alarm == output.alarm
    assert QuantileForecast(alarm=(RULE,)).choose_thresholds(None, None).alarm == (RULE,)
