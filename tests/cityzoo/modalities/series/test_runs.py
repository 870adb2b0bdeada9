"""A small run of series: trained, evaluated, saved, adapted to other sensors."""

import json
import re
import zipfile

import jsonschema
import keras
import numpy as np
import pytest

from cityzoo.data.series.load import load_series
from cityzoo.data.series.windows import make_inputs, make_targets
from cityzoo.errors import InputError
from cityzoo.metrics.forecast_errors import TgcnProtocol
from cityzoo.metrics.keys import look_up
from tests.cityzoo.report.test_page import Data, shows
from tests.cityzoo.report.test_report_schema import SCHEMA
from tests.cityzoo.series_town import ROWS_A_DAY, SMALL, run_evaluate, run_train, town, written

BASELINES = ["persistence", "time_of_day_mean", "last_day", "linear_ar"]
HORIZONS = ("15min", "30min", "45min", "60min")
FIRST_TEST = int(6 * ROWS_A_DAY * 0.8)


def same(one, other):
    """Whether two models have the very same weights."""
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all((a == b).all() for a, b in pairs)


def load(path):
    """A saved model."""
    return keras.saving.load_model(path, compile=False)


@pytest.fixture(scope="module")
def series(place):
    """The series as it was read."""
    return load_series(str(place[0] / "town.csv"), channel="speed").series


@pytest.fixture(scope="module")
def again(place):
    """The report of evaluate.py on the same run."""
    kept = (place[0] / "run" / "report.json").read_text()
    report = run_evaluate(place[0] / "run")
    (place[0] / "run" / "report.json").write_text(kept)
    return report


def test_no_file_of_a_run_but_its_spec_tells_where_the_data_lay(place):
    """Everything else is passed on; --data and --out were whole paths."""
    folder, report = place
    files = {file for file in (folder / "run").rglob("*") if file.is_file()}
    contents = {file.name: file.read_bytes() for file in files}
    for file in files:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                contents[file.name] = b"".join(archive.read(name) for name in archive.namelist())
    assert {name for name, content in contents.items() if str(folder).encode() in content} <= {"spec.json"}
    assert (report["data"], report["findings"]["source"]) == ("town.csv", "town.csv")


def test_the_report_has_the_model_and_every_baseline(place):
    """At the top, under each baseline's name, and side by side with the baselines first."""
    report = json.loads((place[0] / "run" / "report.json").read_text())
    assert list(report["models"]) == [*BASELINES, "model"]
    keys = [f"{metric}_{name}" for name in HORIZONS for metric in ("mae", "rmse", "mape")]
    for name in BASELINES:
        assert report[name] == report["models"][name]
    assert {key: report[key] for key in keys} == report["models"]["model"]
    assert report["horizons"] == list(HORIZONS)
    assert all(report["models"]["persistence"][key] > 0 for key in keys)
    assert report["best_baseline"] in BASELINES and 0 < report["coverage"] <= 1
    assert (report["n_sensors"], report["channel"], report["unit"]) == (4, "speed", "km/h")
    assert report["findings"]["findings"]["all missing"] == {"count": 1, "first": ["s4"]}
    dates = {"from": "2024-05-10 19:10", "to": "2024-05-11 23:55", "timezone": "UTC"}
    assert report["test"] == {"first": FIRST_TEST, "last": 6 * ROWS_A_DAY - 1, **dates}
    assert report["spec"]["modality"]["hidden_size"] == 8 and "augment" not in report["spec"]["modality"]


def test_before_and_after_with_intervals_and_slices(place):
    """The same metrics before training, their differences, and intervals around all of them."""
    report = place[1]
    before = report["compared"]["before fine-tuning"]["figures"]
    assert list(before) == ["mae", "rmse", "coverage", "loss"]
    for name, row in before.items():
        assert row["this"] == pytest.approx(report[name]) and row["other"] == report["before"][name]
        assert row["low"] <= row["difference"] <= row["high"]
        low, high = report["intervals"][name]
        assert low <= report[name] <= high
    assert set(report["intervals"]) == {
        *(f"{metric}_{name}" for metric in ("mae", "rmse", "mape") for name in HORIZONS),
        *("mae", "rmse", "coverage", "loss"),
    }
    assert set(report["slices"]) == {"sensor", "part of the day", "weekday"}
    assert set(report["slices"]["sensor"]) == {"s0", "s1", "s2", "s3"}
    assert set(report["slices"]["weekday"]) == {"Friday", "Saturday"}
    assert sum(row["n"] for row in report["slices"]["part of the day"].values()) == report["n_windows"]
    errors = {name: row["mae"] for name, row in report["worst_sensors"].items()}
    assert {name: row["mae"] for name, row in report["slices"]["sensor"].items()} == pytest.approx(errors)
    assert all(row["low"] < row["mae"] < row["high"] for row in report["slices"]["sensor"].values())


def test_a_baselines_metrics_are_those_of_its_formula(place, series):
    """The last value again, at each window of the test rows whose history is of test rows, too."""
    values = series.values[..., 0].astype(np.float64)
    origins = np.arange(FIRST_TEST + 11, len(values) - 1 - 3)
    filled = values.copy()
    for row in range(1, len(filled)):
        filled[row] = np.where(np.isnan(filled[row]), filled[row - 1], filled[row])
    truth = values[origins[:, None] + np.arange(1, 4)]
    expected = np.nanmean(np.abs(truth - filled[origins][:, None]))
    assert place[1]["persistence"]["mae_15min"] == pytest.approx(expected, rel=1e-9)


def test_the_model_is_plain_keras(place, series):
    """Each layer is one of Keras; it loads in safe mode, compiling included, and gives the report's metrics."""
    path = place[0] / "run" / "model.keras"
    config = zipfile.ZipFile(path).read("config.json").decode()
    modules = set(re.findall(r'"module": "([^"]*)"', config))
    assert modules and all(name.split(".")[0] == "keras" for name in modules)
    model = keras.saving.load_model(path)
    protocol = TgcnProtocol(len(series), FIRST_TEST / len(series) + 1e-12, 12)
    origins = protocol.origins(3)
    quantiles = model.predict(make_inputs(series, origins, 12), batch_size=512, verbose=0)
    errors = np.abs(make_targets(series, origins, 12) - quantiles[..., 1])
    assert place[1]["mae_15min"] == pytest.approx(np.nanmean(errors[:, :3]), rel=1e-5)
    assert place[1]["n_windows"] == len(origins)


def test_the_folder_holds_alarms_plots_and_sensors(place):
    run = place[0] / "run"
    assert json.loads((run / "sensors.json").read_text())["sensors"] == ["s0", "s1", "s2", "s3"]
    assert (run / "alarms.txt").read_text().strip()
    events = [json.loads(line) for line in (run / "alarms.jsonl").read_text().splitlines()]
    assert isinstance(events, list) and (run / "days.png").is_file() and (run / "strip.png").is_file()
    rules = place[1]["early_warning"]["rules"]
    assert [list(rule["by"]) for rule in rules.values()] == [["persistence", "time_of_day_mean", "model"]]
    # Before, and after training on train and on both; each run of epochs has a history of its own.
    histories = [(run / part / "history.csv").read_text().splitlines() for part in (".", "refit")]
    assert [len(rows) for rows in histories] == [3, 1 + place[1]["epochs"]]
    assert "val_mae" in histories[0][0] and "val_mae" not in histories[1][0]


def test_the_schema_and_the_page_have_all_of_it(place):
    """Every key, its number on the page to the last digit, and headings of the new sections."""
    report = json.loads((place[0] / "run" / "report.json").read_text())
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(report)) == []
    html = (place[0] / "run" / "report.html").read_text()
    found = Data(html).found
    for key, value, text in found:
        assert json.loads(value) == look_up(report, key), key
        assert shows(look_up(report, key), text), (key, value, text)
    shown = {key for key, _, _ in found}
    assert {
        "slices/sensor/s0/mae",
        "slices/weekday/Friday/n",
        "compared/before fine-tuning/figures/mae/other",
    } <= shown
    words = " ".join("".join(Data(html).rest).split())
    for heading in ("Before and after fine-tuning", "by part of the day", "by sensor", "95 % interval"):
        assert heading in words
    assert "Evaluated on windows of sensors (speed, km/h), test split" in words and "image" not in words
    assert "windows per second" in words


def test_evaluated_again_it_has_the_same_metrics(place, again):
    """And the page still tells how it was trained."""
    told = ("models", "mae", "coverage", "loss", "by_step", "worst_sensors", "early_warning", "parameters")
    told += ("epochs", "spec", "test", "intervals", "compared", "slices", "before", "n_windows")
    plain = json.loads(json.dumps({name: again[name] for name in told}))
    assert plain == json.loads(json.dumps({name: place[1][name] for name in told}))


def test_evaluated_on_other_data_of_the_same_sensors_it_writes_elsewhere(place):
    """The last part of it is evaluated, baselines are fitted on what is before."""
    other = written(place[0] / "later.csv", town(days=4, seed=5), start="2024-06-03")
    report = run_evaluate(place[0] / "run", "--data", other, "--limit", 100)
    assert report["data"] == "later.csv" and report["test"]["from"].startswith("2024-06-06")
    assert report["n_windows"] == 100
    assert (place[0] / "run" / "evaluation-1" / "report.json").is_file()
    assert report["models"]["time_of_day_mean"]["mae_60min"] < 25  # fitted, on days of its own
    kept = json.loads((place[0] / "run" / "report.json").read_text())
    assert kept["data"].endswith("town.csv")


def test_test_rows_choose_nothing(place, monkeypatch):
    """With quite other ones, also on another scale, the very same weights are trained."""
    values = town()
    values[FIRST_TEST:] = 3 * values[FIRST_TEST:][::-1] + 7
    data = written(place[0] / "other_test.csv", values)
    monkeypatch.setattr("cityzoo.evaluation.evaluate.evaluate", lambda *given, **more: {})
    monkeypatch.setattr("cityzoo.report.run_report.write", lambda *given: {})
    run_train(*SMALL, "--data", data, "--out", place[0] / "other_test")
    models = [load(place[0] / run / "model.keras") for run in ("run", "other_test")]
    assert same(*models)


def test_a_run_is_adapted_to_other_sensors(place):
    """The encoder stays what it was, the sensors' embedding and the head learn; scaler and graph are the new ones'."""
    data = written(place[0] / "new.csv", town(sensors=3, days=5, seed=9), ["x", "y", "z"])
    flags = ["--data", data, "--weights", place[0] / "run", "--train-days", "1", "--no-refit"]
    report = run_train(*SMALL, *flags, "--out", place[0] / "adapted")
    old, before, model = (
        load(place[0] / path) for path in ("run/model.keras", "adapted/before.keras", "adapted/model.keras")
    )
    for layer in model.layers:
        now, was, begun = (each.get_layer(layer.name).get_weights() for each in (model, old, before))
        if layer.name.startswith("encoder"):
            assert all((a == b).all() for a, b in zip(now, was, strict=True)), layer.name
        elif layer.name in ("head_quantiles", "node_embedding"):
            assert all((a != b).any() for a, b in zip(now, begun, strict=True)), layer.name
    embedding = before.get_layer("node_embedding").get_weights()[0]
    average = old.get_layer("node_embedding").get_weights()[0].mean(axis=0)
    np.testing.assert_allclose(embedding, np.tile(average, (3, 1)), atol=1e-6)
    assert report["weights"]["kind"] == "file"
    assert report["parameters"]["trainable"] < model.count_params() / 2
    # Baselines know no more days than the model: a day of train, then val.
    assert report["test"]["first"] == ROWS_A_DAY + 0.1 * 5 * ROWS_A_DAY
    assert report["test"]["last"] + 1 == (0.1 + 0.2) * 5 * ROWS_A_DAY + ROWS_A_DAY


def test_weights_of_another_width_are_refused(place):
    """In one line, and no folder is left behind."""
    words = ["--data", place[0] / "town.csv", "--weights", place[0] / "run", "--out", place[0] / "wide"]
    with pytest.raises(InputError, match="--weights .*run: layer 'encoder_in' has weights") as caught:
        run_train(*SMALL, *words, "--hidden-size", "16")
    assert "\n" not in str(caught.value) and not (place[0] / "wide").exists()


def test_a_run_of_format_1_opens(place, again, tmp_path):
    """A flat spec.json with the task's options, and a report that lacks what is new."""
    for name in ("model.keras", "sensors.json"):
        (tmp_path / name).write_bytes((place[0] / "run" / name).read_bytes())
    options = {
        "history": 12,
        "horizon": 12,
        "split": [0.7, 0.1, 0.2],
        "graph": "auto",
        "width": 8,
        "days": 0.0,
    }
    options |= {
        "refit": "yes",
        "alarm": [],
        "channel": "speed",
        "unit": "km/h",
        "start": None,
        "missing": None,
    }
    flat = {"format_version": 1, "task": "traffic_flow", "backbone": "stid", "val": None, "labels": "clip"}
    flat |= {
        "data": str(place[0] / "town.csv"),
        "weights": "auto",
        "freeze": "auto",
        "epochs": 2,
        "phases": [],
    }
    flat |= {"draws": 1, "find_lr": "no", "augment": "standard", "seed": 0, "options": options}
    (tmp_path / "spec.json").write_text(json.dumps(flat))
    (tmp_path / "report.json").write_text(
        json.dumps({"task": "traffic_flow", "epochs": 2, "parameters": {"total": 9}})
    )
    report = run_evaluate(tmp_path)
    told = ("models", "mae", "loss", "coverage", "intervals", "slices")
    assert {name: report[name] for name in told} == {name: again[name] for name in told}
    assert (report["epochs"], report["parameters"]) == (2, {"total": 9}) and "before" not in report
