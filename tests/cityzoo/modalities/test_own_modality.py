"""A modality of one's own, points of the plane, without a line in cityzoo: trained, killed, resumed, evaluated."""

import json
import signal

import jsonschema
import numpy as np
import pytest

from tests.cityzoo.report.test_page import Data
from tests.cityzoo.report.test_report_schema import SCHEMA
from tests.conftest import ROOT

TASK = str(ROOT / "tests" / "toy" / "points_task.py")
EPOCHS = 25
LENGTH = ["--epochs", str(EPOCHS), "--patience", str(EPOCHS)]


def write_rings(path, count=180):
    """A CSV of points on two rings."""
    rng = np.random.default_rng(0)
    angle, ring = rng.uniform(0, 2 * np.pi, count), rng.integers(0, 2, count)
    radius = 1 + 2 * ring + rng.normal(0, 0.1, count)
    rows = zip(
        radius * np.cos(angle), radius * np.sin(angle), np.array(["inner", "outer"])[ring], strict=True
    )
    path.write_text("x,y,label\n" + "".join(f"{x:.4f},{y:.4f},{label}\n" for x, y, label in rows))


# train.py in a process of its own, killed, as `kill -9` does, once its history has so many epochs.
KILL = """
import os, runpy, signal, sys, time

script, epochs, *words = sys.argv[1:]
if not (child := os.fork()):
    sys.argv = [script, *words]
    os.environ["CITYZOO_HOME"] = os.getcwd() + "/home"
    sys.stdout = open(os.devnull, "w")
    runpy.run_path(script, run_name="__main__")
    os._exit(0)
ended = 0, 0
while not ended[0]:
    if os.path.isfile("killed/history.csv") and len(open("killed/history.csv").readlines()) > int(epochs):
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    time.sleep(0.002)
    ended = ended if ended[0] else os.waitpid(child, os.WNOHANG)
print(os.waitstatus_to_exitcode(ended[1]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, forked):
    """A folder with the points and a run that was killed."""
    folder = tmp_path_factory.mktemp("points")
    write_rings(folder / "points.csv")
    train = ["--task", TASK, "--data", "points.csv", *LENGTH, "--out", "killed"]
    code = int(forked(KILL, ROOT / "train.py", 3, *train, folder=folder))
    assert code == -signal.SIGKILL and not (folder / "killed" / "report.json").exists()
    return folder


@pytest.fixture(scope="module")
def answers(place, as_scripts):
    """What the commands print: name -> (exit code, out, err)."""
    train = ["--task", TASK, "--data", "points.csv"]
    gates = ["--require", "balanced_accuracy>=0.01", "--require", "loss<=9"]
    cases = {
        "train": ("train.py", [*train, *LENGTH, "--out", "run"]),
        "resume": ("train.py", ["--resume", "killed"]),
        "evaluate": ("evaluate.py", ["run", *gates]),
        "compare": ("evaluate.py", ["run", "killed", "--json"]),
        "too strict": ("evaluate.py", ["run", "--require", "balanced_accuracy>=1.01"]),
        "help": ("train.py", ["--task", TASK, "--help"]),
        "backbone": ("train.py", [*train, "--backbone", "mlp_9"]),
        "no data": ("train.py", ["--task", TASK, "--data", "gone.csv"]),
        "stage": ("train.py", [*train, "--freeze", "C3"]),
        "preview": ("train.py", [*train, "--preview", "p.png"]),
        "predict": ("evaluate.py", ["run", "--explain", "3"]),
        "frozen": ("train.py", [*train, "--phases", "backbone:1,none:1", "--ema", "0.5", "--out", "frozen"]),
        "closed form": ("train.py", [*train, "--phases", "closed_form", "--out", "solved"]),
    }
    return as_scripts(place, cases)


@pytest.mark.parametrize("name", ["train", "resume", "evaluate", "compare", "frozen", "help"])
def test_commands_work_as_for_any_modality(answers, name):
    code, _, err = answers[name]
    assert code == 0, err[-3000:]


def test_a_killed_run_resumes_to_the_very_same_end(answers, place):
    """Histories apart from their seconds, and the weights of the best and the last epoch bit for bit."""
    import keras

    def rows(run):
        lines = [line.split(",") for line in (place / run / "history.csv").read_text().splitlines()]
        return [
            [cell for name, cell in zip(lines[0], line, strict=True) if name != "seconds"] for line in lines
        ]

    assert len(rows("run")) == EPOCHS + 1 and rows("killed") == rows("run")
    for name in ("model.keras", "last.keras"):
        models = [keras.saving.load_model(place / run / name, compile=False) for run in ("run", "killed")]
        for one, other in zip(*(model.get_weights() for model in models), strict=True):
            np.testing.assert_array_equal(one, other)


def test_its_report_is_as_complete_as_any(answers, place):
    """Metrics with intervals, before and after, its own slices, numbers of points and of no images."""
    report = json.loads((place / "run" / "report.json").read_text())
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(report)) == []
    assert (report["n_points"], report["split"], report["data"]) == (60, "val", "points.csv")
    assert report["points_per_second"] > 0 and not [key for key in report if "image" in key]
    figures = report["compared"]["before fine-tuning"]["figures"]
    for name in ("balanced_accuracy", "accuracy", "mean_auroc", "loss"):
        low, high = report["intervals"][name]
        assert low <= report[name] <= high and figures[name]["this"] == pytest.approx(report[name])
        assert report["before"][name] == figures[name]["other"]
    assert report["balanced_accuracy"] > max(0.8, report["before"]["balanced_accuracy"])
    assert (
        set(report["slices"]) == {"side"} and sum(row["n"] for row in report["slices"]["side"].values()) == 60
    )
    assert report["spec"]["modality"] == {"noise": 0.05} and report["epochs"] == EPOCHS


def test_its_page_speaks_of_points(answers, place):
    """All sections, without a drawn sheet."""
    html = (place / "run" / "report.html").read_text()
    words = " ".join("".join(Data(html).rest).split())
    for heading in (
        "Before and after fine-tuning",
        "All metrics",
        "Metrics by class",
        "Confusion matrix",
        "by side",
    ):
        assert heading in words
    assert "points, val split of points.csv" in words and "points per second" in words
    assert "They were held out from training, but the best epoch was selected on them" in words
    assert "image" not in words.lower() and "camera" not in words.lower() and "Examples" not in words
    assert "<img" not in html and html.count("<svg") >= 4


def test_runs_are_compared_and_required(answers, place):
    """Two equal runs differ by nothing; a bound that is missed exits with 1."""
    report = json.loads(answers["compare"][1].splitlines()[-1])
    figures = report["compared"]["killed"]["figures"]
    assert {row["difference"] for row in figures.values()} == {0.0}
    assert answers["too strict"][0] == 1 and "NOT MET" in answers["too strict"][2]


def test_its_flags_are_in_the_help(answers):
    """Its own ones and those of its output; none of images."""
    text = answers["help"][1]
    assert "--noise" in text and "--label-smoothing" in text and "auto|none|backbone" in text
    assert "--image-size" not in text and "image" not in text.partition("output of")[0]


MISTAKES = {
    "backbone": r"unknown backbone of points 'mlp_9': did you mean 'mlp_8'?",
    "no data": "--data 'gone.csv' does not exist",
    "stage": "'C3'",
    "preview": "--preview",
    "predict": "--explain",
    "closed form": "closed_form",
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_line(answers, name):
    code, _, err = answers[name]
    assert code == 2 and "Traceback" not in err, err[-2000:]
    assert MISTAKES[name] in err.strip().splitlines()[-1]
