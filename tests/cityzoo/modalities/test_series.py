"""A whole small course: trained, judged, saved, judged again, adapted to other sensors; bad input as one line."""

import json
import re
import zipfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from cityzoo.commands.evaluate_flags import evaluation_parser
from cityzoo.commands.train_flags import parse_training
from cityzoo.data.series.load import load_series
from cityzoo.data.series.windows import make_inputs, truth
from cityzoo.errors import InputError
from cityzoo.evaluation import forecast_report
from cityzoo.fit.run_folder import open_run
from cityzoo.modalities import series
from cityzoo.outputs.quantile_forecast import Forecasting
from tests.cityzoo.series_town import ROWS_A_DAY, town, written

BASELINES = ["persistence", "time_of_day_mean", "last_day", "linear_ar"]
HORIZONS = ("15min", "30min", "45min", "60min")
SMALL = [
    "--task",
    "traffic_flow",
    "--channel",
    "speed",
    "--width",
    "8",
    "--epochs",
    "2",
    "--batch-size",
    "128",
]
FIRST_TEST = int(6 * ROWS_A_DAY * 0.8)


@contextmanager
def untraced():
    """Run without making graphs first, which takes longer than these few steps."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


def asked(*words):
    """The spec of a small run."""
    return parse_training([*SMALL, *map(str, words)]).spec


def judged_again(run, *words):
    """The report of evaluate.py on a run."""
    flags = evaluation_parser().parse_args([str(run), *map(str, words)])
    with untraced():
        return series.evaluate(run, course_spec(run), flags)


def course_spec(run):
    """The spec of a run."""
    return open_run(str(run))[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the series of four sensors and a dead one, and a run that learned from it."""
    folder = tmp_path_factory.mktemp("town")
    values = np.concatenate([town(), np.full((6 * ROWS_A_DAY, 1), np.nan, np.float32)], axis=1)
    written(folder / "town.csv", values)
    rule = "speed < 50 within 30min with 0.5 probability"
    spec = asked("--data", folder / "town.csv", "--out", folder / "run", "--alarm", rule, "--unit", "km/h")
    with untraced():
        return folder, series.train(spec)


@pytest.fixture(scope="module")
def series(place):
    """The series as it was read."""
    return load_series(str(place[0] / "town.csv"), channel="speed").series


def test_the_report_has_the_model_and_every_baseline(place):
    """At the top, under each baseline's name, and side by side with the baselines first."""
    said = json.loads((place[0] / "run" / "report.json").read_text())
    assert list(said["models"]) == [*BASELINES, "stid"]
    keys = [f"{figure}_{name}" for name in HORIZONS for figure in ("mae", "rmse", "mape")]
    for name in BASELINES:
        assert said[name] == said["models"][name]
    assert {key: said[key] for key in keys} == said["models"]["stid"]
    assert said["horizons"] == list(HORIZONS) and all(said["models"]["persistence"][key] > 0 for key in keys)
    assert said["best_baseline"] in BASELINES and 0 < said["coverage"] <= 1
    assert (said["n_sensors"], said["channel"], said["unit"]) == (4, "speed", "km/h")
    assert said["findings"]["findings"]["all missing"] == {"count": 1, "first": ["s4"]}
    assert said["test"] == {
        **{
            "first": FIRST_TEST,
            "last": 6 * ROWS_A_DAY - 1,
            "from": "2024-05-10 19:10",
            "to": "2024-05-11 23:55",
        },
        "timezone": "UTC",
    }
    assert "augment" not in said["spec"] and said["spec"]["options"]["width"] == 8


def test_a_baselines_figures_are_those_of_its_formula(place, series):
    """The last value again, at each window of the test rows whose history is of test rows, too."""
    values = series.values[..., 0].astype(np.float64)
    origins = np.arange(FIRST_TEST + 11, len(values) - 1 - 3)
    filled = values.copy()
    for row in range(1, len(filled)):
        filled[row] = np.where(np.isnan(filled[row]), filled[row - 1], filled[row])
    came = values[origins[:, None] + np.arange(1, 4)]
    expected = np.nanmean(np.abs(came - filled[origins][:, None]))
    assert place[1]["persistence"]["mae_15min"] == pytest.approx(expected, rel=1e-9)


def test_the_model_is_plain_keras(place, series):
    """Each layer is one of Keras; it loads in safe mode, compiling included, and says what the report judged."""
    path = place[0] / "run" / "model.keras"
    config = zipfile.ZipFile(path).read("config.json").decode()
    modules = set(re.findall(r'"module": "([^"]*)"', config))
    assert modules and all(name.split(".")[0] == "keras" for name in modules)
    model = keras.saving.load_model(path)
    protocol = forecast_report.protocol_for(series, range(FIRST_TEST, len(series)), Forecasting())
    origins = protocol.origins(3)
    said = model.predict(make_inputs(series, origins, 12), batch_size=512, verbose=0)
    errors = np.abs(truth(series, origins, 12) - said[..., 1])
    assert place[1]["mae_15min"] == pytest.approx(np.nanmean(errors[:, :3]), rel=1e-5)


def test_the_folder_has_what_it_takes(place):
    run = place[0] / "run"
    assert json.loads((run / "sensors.json").read_text())["sensors"] == ["s0", "s1", "s2", "s3"]
    assert (run / "alarms.txt").read_text().strip()
    events = [json.loads(line) for line in (run / "alarms.jsonl").read_text().splitlines()]
    assert isinstance(events, list) and (run / "days.png").is_file() and (run / "strip.png").is_file()
    rules = place[1]["early_warning"]["rules"]
    assert [list(each["by"]) for each in rules.values()] == [["persistence", "time_of_day_mean", "model"]]


def test_judged_again_it_has_the_same_figures(place):
    """And still tells how it was made."""
    again = judged_again(place[0] / "run")
    told = (
        "models",
        "coverage",
        "by_step",
        "worst_sensors",
        "early_warning",
        "parameters",
        "epochs",
        "spec",
        "test",
    )
    plain = json.loads(json.dumps({name: again[name] for name in told}))
    assert plain == json.loads(json.dumps({name: place[1][name] for name in told}))


def test_judged_on_other_data_of_the_same_sensors_it_writes_elsewhere(place):
    """The last part of it judges, baselines learn from what is before."""
    other = written(place[0] / "later.csv", town(days=4, seed=5), start="2024-06-03")
    said = judged_again(place[0] / "run", "--data", other)
    assert said["data"] == other and said["test"]["from"].startswith("2024-06-06")
    assert (place[0] / "run" / "evaluation-1" / "report.json").is_file()
    assert said["models"]["time_of_day_mean"]["mae_60min"] < 25  # fitted, on days of its own
    kept = json.loads((place[0] / "run" / "report.json").read_text())
    assert kept["data"].endswith("town.csv")


def test_test_rows_choose_nothing(place, monkeypatch):
    """With quite other ones, also on another scale, the very same weights are trained."""
    values = town()
    values[FIRST_TEST:] = 3 * values[FIRST_TEST:][::-1] + 7
    data = written(place[0] / "other_test.csv", values)
    monkeypatch.setattr(forecast_report, "write", lambda *given: given[1])
    with untraced():
        model = series.train(asked("--data", data, "--out", place[0] / "other_test"))
    first = keras.saving.load_model(place[0] / "run" / "model.keras", compile=False)
    for one, other in zip(first.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_is_adapted_to_other_sensors(place, monkeypatch):
    """The encoder stays what it was, the sensors' embedding and the head learn; scaler and graph are the new ones'."""
    data = written(place[0] / "new.csv", town(sensors=3, days=5, seed=9), ["x", "y", "z"])
    monkeypatch.setattr(forecast_report, "write", lambda *given: given)
    flags = ["--data", data, "--weights", place[0] / "run", "--days", "1", "--refit", "no"]
    flags += ["--out", place[0] / "adapted"]
    _, model, kept, protocol, _, facts, _ = series.train(asked(*flags))
    old, before = (
        keras.saving.load_model(path, compile=False)
        for path in (place[0] / "run" / "model.keras", place[0] / "adapted" / "before.keras")
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
    assert facts["weights"]["kind"] == "file" and facts["parameters"]["trainable"] < model.count_params() / 2
    assert (
        len(kept) == (0.1 + 0.2) * 5 * ROWS_A_DAY + ROWS_A_DAY
    )  # baselines know no more days than the model
    assert protocol.first_test == ROWS_A_DAY + 0.1 * 5 * ROWS_A_DAY


def test_a_model_of_another_make_is_not_taken_over(place):
    """Of another width: said in one line, and no folder is left behind."""
    spec = asked("--data", place[0] / "town.csv", "--weights", place[0] / "run", "--out", place[0] / "wide")
    wider = spec.__class__(**{**vars(spec), "options": {**spec.options, "width": 16}})
    with pytest.raises(InputError, match="--weights .*run: layer 'encoder_in' has weights") as caught:
        series.train(wider)
    assert "\n" not in str(caught.value) and not (place[0] / "wide").exists()


BAD = {
    "backbone": (
        "--data town.csv --backbone stidd",
        "unknown backbone of series 'stidd': did you mean 'stid'?",
    ),
    "of images": ("--data town.csv --backbone vgg16", "unknown backbone of series 'vgg16'"),
    "freeze": ("--data town.csv --freeze C3", "unknown part to freeze 'C3': Allowed: auto, encoder, none"),
    "augment": ("--data town.csv --augment none", "unknown flag '--augment'"),
    "weights": ("--data town.csv --weights nowhere", "--weights 'nowhere' is neither a run's folder"),
    "graph": (
        "--data town.csv --graph roads",
        "--graph roads needs the roads between sensors: give --adjacency",
    ),
    "adjacency": ("--data town.csv --adjacency small.csv", "small.csv"),
    "no roads": ("--data town.csv --adjacency none.csv", "none.csv"),
    "few": ("--data few.csv", "few.csv"),
    "few to test": (
        "--data town.csv --split 0.9,0.09,0.01",
        "18 test rows hold no window of 12 in and 12 out",
    ),
    "text": ("--data text.csv", "text.csv:4"),
    "inf": ("--data inf.csv", "inf.csv:5"),
    "backwards": ("--data backwards.csv", "backwards.csv:4"),
    "dead": ("--data dead.csv", "dead.csv"),
    "gone": ("--data gone.csv", "gone.csv"),
    "channel": ("--data town.csv --alarm 'pm25 > 75 within 30min with 0.5 probability'", "pm25"),
    "too far": ("--data town.csv --alarm 'speed < 20 within 6h with 0.5 probability'", "6h"),
    "resume": ("--resume run", "a forecasting run takes minutes and is not gone on with: leave out --resume"),
    "preview": (
        "--data town.csv --preview p.png",
        "--preview draws images, which traffic_flow has none of",
    ),
    "there": ("--data town.csv --out run", "--out 'run' exists"),
    "sensors": (
        "evaluate run --data new.csv",
        "the model knows 4 sensors, the data has 3, among them 'x' out of",
    ),
    "explain": ("evaluate run --explain 3", "--explain is about images, traffic_flow is about sensors"),
    "predict": ("evaluate run --predict frames", "--predict is about images"),
    "two runs": ("evaluate run run", "forecasting runs are judged one by one"),
}


def spoil(folder):
    """Files that cannot be used, beside the good one."""
    head, *lines = (folder / "town.csv").read_text().splitlines()

    def write(name, rows):
        (folder / name).write_text("\n".join([head, *rows]) + "\n")

    def replaced(row, word):
        cells = lines[row].split(",")
        return [*lines[:row], ",".join([*cells[:2], word, *cells[3:]]), *lines[row + 1 :]]

    write("text.csv", replaced(2, "closed"))
    write("inf.csv", replaced(3, "inf"))
    write("few.csv", lines[:20])
    write("backwards.csv", [lines[0], lines[2], lines[1], *lines[3:]])
    write("dead.csv", [line.partition(",")[0] + ",,,,," for line in lines[:300]])
    (folder / "small.csv").write_text("1,0\n0,1\n")
    written(folder / "new.csv", town(sensors=3, days=2), ["x", "y", "z"])


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """What the commands said to each piece of bad input: name -> (exit code, out, err)."""
    import shlex

    spoil(place[0])
    cases = {}
    for name, (words, _) in BAD.items():
        first, *rest = shlex.split(words)
        small = [] if "--resume" in words else SMALL
        cases[name] = ("evaluate.py", rest) if first == "evaluate" else ("train.py", [*small, first, *rest])
    return as_scripts(place[0], cases)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_one_line(answers, place, name):
    """Exit code 2, the reason last, no traceback, nothing left behind."""
    code, _, err = answers[name]
    assert code == 2 and "Traceback" not in err, err[-2000:]
    lines = err.strip().splitlines()
    assert BAD[name][1] in lines[-1], lines[-1]
    assert not Path(place[0], "runs").exists() or not list(Path(place[0], "runs").iterdir())


def test_offenders_are_named_with_their_column(answers):
    """Text and infinity of sensor s1."""
    for name, word in (("text", "closed"), ("inf", "inf")):
        assert "s1" in answers[name][2] and word in answers[name][2]
