"""The page of a forecast: each number is report.json's, the baselines first; the schema and the card know it."""

import json
import re
from importlib import resources

import jsonschema
import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.data.series.series import Series
from cityzoo.data.series.windows import windows_of
from cityzoo.evaluation.evaluate import BEFORE, ComparedRun, analyze
from cityzoo.metrics.keys import look_up
from cityzoo.outputs.quantile_forecast import QuantileForecast
from cityzoo.report import run_report
from cityzoo.report.pages.forecast import layout, model_card
from tests.cityzoo.report.test_page import Data, shows
from tests.cityzoo.series_town import town

SCHEMA = json.loads(resources.files("cityzoo.report").joinpath("report.schema.json").read_text())
RULES = ("speed < 50 within 30min with 0.5 probability",)
FINDINGS = {
    **{
        "source": "town.csv",
        "format": "wide",
        "rows": 864,
        "step_seconds": 300,
        "sensors": 4,
        "measured": 0.98,
    },
    **{"units": {"speed": "km/h"}, "findings": {"gap": {"count": 3, "first": ["a"]}}},
}
FACTS = {"task": "traffic_flow", "backbone": "stid", "data": "town.csv", "warnings": [], "epochs": 3}


def forecasts(windows, error):
    """Quantiles of each window: the truth in even windows, off by `error` in odd ones, 3 to each side."""
    middle = np.nan_to_num(windows.targets(), nan=60.0)
    middle = middle + np.where(windows.origins % 2, 0, error)[:, None, None]
    return list(np.stack([middle - 3, middle, middle + 3], axis=-1).astype(np.float32))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A report of a made-up model that says the truth half of the time: (folder, report.json, page)."""
    values = town(days=3)[..., None]
    times = np.datetime64("2024-05-06", "s") + 300 * np.arange(len(values))
    places = np.column_stack([np.linspace(52, 53, 4), np.linspace(13, 14, 4)])
    names = ("a/b", "s~1", "s2", "<s3>")
    series = Series(values, times, names, ("speed",), ("km/h",), "Europe/Berlin", np.eye(4)[::-1], places)
    folder = tmp_path_factory.mktemp("report")
    (folder / "history.csv").write_text("epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n")
    task, windows = tasks.find("traffic_flow"), windows_of("test", series, range(691, 864), 12, 12)
    output = QuantileForecast(alarm=RULES, horizon=12)
    results, before = forecasts(windows, 4), forecasts(windows, 9)
    details = output.details(windows, results)
    rivals = {BEFORE: ComparedRun(output.weighted_metrics(windows, before))}
    metrics = {
        **output.metrics(windows, results),
        **details,
        **task.modality.write_examples(output, windows, results, details, folder),
        **analyze(task.modality, output, windows, results, rivals),
        **{"before": output.metrics(windows, before), "split": "test", "examples": "windows"},
        **{"n_windows": len(windows), "windows_per_second": 9.5, "latency_ms": {"batch_1_median": 2.5}},
    }
    spec = {"run": {"task": "traffic_flow"}, "modality": {"hidden_size": 64, "split": [0.7, 0.1, 0.2]}}
    facts = {**FACTS, "findings": FINDINGS, "spec": spec}
    facts["parameters"] = {"trainable": 9, "frozen": 1, "total": 10}
    run_report.write(folder, task, output, facts, metrics, 0)
    return folder, json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text()


def test_each_number_of_the_page_is_that_of_the_report(told):
    """The value to the last digit, its text rounded; names of sensors may hold slashes and signs."""
    _, report, html = told
    found = Data(html).found
    assert len(found) > 100
    for key, value, said in found:
        assert json.loads(value) == look_up(report, key), key
        assert shows(look_up(report, key), said), (key, value, said)
    shown = {key for key, _, _ in found}
    for name, figures in report["models"].items():
        assert {f"models/{name}/{figure}" for figure in figures} <= shown
    assert {"worst_sensors/a~1b/mae", "worst_sensors/<s3>/mae", "n_windows", "n_sensors"} <= shown
    assert {"mae_15min", "mae_60min", "gain", "coverage", "findings/rows", "test/first"} <= shown


def test_the_page_says_what_it_measured_and_baselines_come_first(told):
    """No word of images; metrics with their values before, changes and intervals."""
    folder, report, html = told
    words = " ".join("".join(Data(html).rest).split())
    assert "Evaluated on windows of sensors (speed, km/h), test split" in words
    assert " on ," not in words and "image" not in words.split("Model card")[0]
    rows = html.split("Comparison with baselines: MAE, km/h</h3>")[1].split("</table>")[0]
    order = [rows.index(f'<th scope="row">{name}<') for name in report["models"]]
    assert order == sorted(order) and list(report["models"])[-1] == "model"
    assert "missing rows, inserted without values" in html and "alarms" in html
    assert all((folder / f"{stem}.png").is_file() for stem in report["images"]) and "map" in report["images"]
    assert html.count("data:image/jpeg;base64") == 3


def test_the_schema_knows_all_of_it(told):
    """Every key, and those of each horizon by their pattern."""
    report = told[1]
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(report)) == []
    known = set(SCHEMA["properties"])
    patterns = [*SCHEMA["patternProperties"]]
    assert [k for k in report if k not in known and not any(re.match(p, k) for p in patterns)] == []
    broken = {**report, "mae_15min": -1.0, "coverage": 1.5, "models": {"model": {"mae_15min": "low"}}}
    places = {
        "/".join(map(str, e.absolute_path))
        for e in jsonschema.Draft202012Validator(SCHEMA).iter_errors(broken)
    }
    assert places == {"mae_15min", "coverage", "models/model/mae_15min"}


def test_figures_follow_from_what_was_said(told):
    """Off by 4 in every other window: 2 on average, and an interval of 3 holds half of it."""
    report = told[1]
    assert report["mae_60min"] == pytest.approx(2, abs=0.02) and report["coverage"] == pytest.approx(
        0.5, abs=0.01
    )
    assert report["rmse_15min"] == pytest.approx(8**0.5, abs=0.02)
    best = report["models"][report["best_baseline"]]
    assert best["mae_60min"] == min(each["mae_60min"] for n, each in report["models"].items() if n != "model")
    assert report["gain"] == pytest.approx(1 - report["mae_60min"] / best["mae_60min"])


def test_the_card_says_where_it_fails():
    """A model that loses to a baseline, an interval that does not hold, days that are few."""
    known = {"best_baseline": "linear_ar", "gain": -0.02, "interval": [0.1, 0.9], "coverage": 0.6}
    known |= {"findings": {"rows": 864, "step_seconds": 300}, "worst_sensors": {"s3": {"mae": 4.5}}, **FACTS}
    limits = " ".join(model_card(known, "speed")["Known limits"])
    for words in (
        "Not better than linear_ar",
        "80 % interval covers 60 % of the values",
        "3.0 days",
        "sensor s3",
    ):
        assert words in limits
    fine = " ".join(model_card({**known, "gain": 0.1, "coverage": 0.79}, "speed")["Known limits"])
    assert "ot better" not in fine and "covers" not in fine
    drawn = model_card({**known, "data": "/home/x/.cache/cityzoo/demo/traffic_flow-v1-seed0"}, "speed")
    assert "simulated" in " ".join(drawn["Known limits"]) and "simulated by cityzoo" in " ".join(
        drawn["Licenses"]
    )


def test_a_layout_has_no_alarms_where_none_were_asked_for(told):
    report = {name: value for name, value in told[1].items() if name != "early_warning"}
    assert layout(report).sections == () and len(layout(told[1]).sections) == 1


def test_before_intervals_and_slices_of_forecasts_are_on_the_page(told):
    """Intervals are those of windows; a coverage above the nominal one is different, not better."""
    _, report, html = told
    shown = {key for key, _, _ in Data(html).found}
    assert {"before/mae", "mae", "intervals/mae/0", "intervals/coverage/1", "before/rmse_15min"} <= shown
    assert {f"slices/sensor/{name}/mae" for name in ("a~1b", "s~01", "s2", "<s3>")} <= shown
    assert "by part of the day" in html and "by weekday" in html and "bootstrap over windows" in html
    verdicts = {name: row["verdict"] for name, row in report["compared"][BEFORE]["figures"].items()}
    assert verdicts["mae"] == "better" and verdicts["coverage"] in ("different", "no clear difference")
    sentences = " ".join(report["model_card"]["Evaluation"])
    assert "linear_ar" in sentences and "model" not in sentences
