"""Series in the shared training loop: stopped and resumed exactly, its optimizers, phases, repeats and gates."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from cityzoo.commands.train_flags import parse_training
from cityzoo.errors import InputError
from cityzoo.fit.auto_settings import resolve
from cityzoo.fit.callbacks import CheckpointCallback
from cityzoo.fit.checkpoint import load_checkpoint
from cityzoo.fit.fine_tune import load_task_data
from cityzoo.fit.lr_finder import find_lr
from cityzoo.fit.memory_trial import memory_trial
from cityzoo.fit.run_folder import open_run
from cityzoo.outputs.quantile_forecast import QuantileForecast
from tests.cityzoo.modalities.series.conftest import RULE
from tests.cityzoo.series_town import SMALL, run_evaluate, run_train, untraced
from tests.conftest import ROOT

OTHER_WAYS = ["--phases", "none:2", "--optimizer", "sgd", "--ema", "0.9", "--find-lr", "--no-refit"]
OTHER_WAYS += ["--batch-size", "75", "--limit", "150"]


def rows(folder):
    """The history of a run, without its seconds."""
    with (folder / "history.csv").open(newline="") as file:
        return [
            {name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)
        ]


def assert_same_runs(one, other, files=("model.keras", "last.keras")):
    """Histories and weights are equal bit for bit."""
    assert rows(one) == rows(other)
    for name in files:
        models = [keras.saving.load_model(folder / name, compile=False) for folder in (one, other)]
        for a, b in zip(*(model.get_weights() for model in models), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture
def stop_after(monkeypatch):
    """Return a function that interrupts training, as Ctrl-C does, after so many epochs of all phases and refits."""

    def patch(epochs):
        ended, whole = [], CheckpointCallback.on_epoch_end

        def on_epoch_end(self, epoch, logs=None):
            whole(self, epoch, logs)
            ended.append(epoch)
            if len(ended) == epochs:
                raise KeyboardInterrupt

        monkeypatch.setattr(CheckpointCallback, "on_epoch_end", on_epoch_end)

    return patch


def leave_report_out(monkeypatch):
    """Train alone."""
    monkeypatch.setattr("cityzoo.evaluation.evaluate.evaluate", lambda *given, **more: {})
    monkeypatch.setattr("cityzoo.report.run_report.write", lambda *given: {})


@pytest.mark.parametrize("epochs", [*(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2)), 3])
def test_a_stopped_run_resumes_exactly(place, tmp_path, stop_after, monkeypatch, epochs):
    """In the first training, between it and the refit, and in the refit."""
    run = tmp_path / "run"
    words = [*SMALL, "--data", place[0] / "town.csv", "--alarm", RULE]
    stop_after(epochs)
    with pytest.raises(InputError, match=f"interrupted.*--resume {run}"):
        run_train(*words, "--out", run)
    assert (run / "refit" / "history.csv").exists() == (epochs == 3)
    monkeypatch.undo()
    leave_report_out(monkeypatch)
    run_train("--resume", run)
    assert_same_runs(run, place[0] / "run")
    assert_same_runs(run / "refit", place[0] / "run" / "refit")


@pytest.mark.slow
def test_an_extended_run_is_refitted_from_the_start(place, tmp_path, monkeypatch):
    """As one that had not been refitted yet: its schedule is another one, perhaps its best epoch, too."""
    leave_report_out(monkeypatch)
    refitted, fresh = tmp_path / "refitted", tmp_path / "fresh"
    words = [*SMALL, "--data", place[0] / "town.csv", "--limit", 300, "--epochs", 1]
    run_train(*words, "--out", refitted)
    assert len(rows(refitted / "refit")) == 1
    shutil.copytree(refitted, fresh)
    shutil.rmtree(fresh / "refit")
    for run in (refitted, fresh):
        run_train("--resume", run, "--epochs", 2)
    assert_same_runs(refitted, fresh)
    assert_same_runs(refitted / "refit", fresh / "refit")
    plan = open_run(str(refitted / "refit"))[1].plan
    assert [phase.schedule_epochs for phase in plan] == [2]


@pytest.fixture(scope="module")
def other_ways(place):
    """The report of a run with other optimizer, phases, averaged weights and a found learning rate."""
    words = [*SMALL[: SMALL.index("--epochs")], "--data", place[0] / "town.csv", *OTHER_WAYS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(find_lr.__kwdefaults__, "steps", 16)
        return run_train(*words, "--out", place[0] / "other_ways")


def test_other_ways_of_training_work_for_series(place, other_ways):
    run = place[0] / "other_ways"
    spec = open_run(str(run))[1]
    assert [(phase.freeze, phase.epochs) for phase in spec.plan] == [("none", 2)]
    assert (spec.fit.optimizer, spec.fit.ema, spec.fit.batch_size) == ("sgd", 0.9, 75)
    assert other_ways["n_windows"] == 150 and other_ways["intervals"]["mae"]
    assert (run / "find_lr.png").is_file() and not (run / "refit").exists()
    arrays, state = load_checkpoint(run / "checkpoint.npz")
    assert state["found_rate"] > 0 and state["found_rate"] != spec.fit.learning_rate
    # The kept model has the averaged weights, calibrated, not those of the last step.
    best = keras.saving.load_model(run / "model.keras", compile=False).get_weights()
    assert arrays["average"] and any(
        (a != b).any() for a, b in zip(arrays["model"], arrays["best"], strict=True)
    )
    assert sum((a == b).all() for a, b in zip(best, arrays["best"], strict=True)) >= len(best) - 1


@pytest.mark.slow
def test_they_resume_exactly_too(place, other_ways, tmp_path, stop_after, monkeypatch):
    """The learning rate was found with weights that are gone; the average and the momentum go on."""
    words = [*SMALL[: SMALL.index("--epochs")], "--data", place[0] / "town.csv", *OTHER_WAYS]
    monkeypatch.setitem(find_lr.__kwdefaults__, "steps", 16)
    stop_after(1)
    with pytest.raises(InputError, match="interrupted"):
        run_train(*words, "--out", tmp_path / "run")
    monkeypatch.undo()
    leave_report_out(monkeypatch)
    run_train("--resume", tmp_path / "run")
    assert_same_runs(tmp_path / "run", place[0] / "other_ways")


def test_the_batch_size_is_chosen_by_the_data_and_tried(place):
    """A trial is two steps of a model of its own, on windows of several inputs."""
    words = [*SMALL, "--data", place[0] / "town.csv", "--batch-size", "auto", "--limit", "150"]
    spec = parse_training(list(map(str, words))).spec
    task, data, output = load_task_data(spec)
    trial = memory_trial(task, output, data)
    resolved = resolve(spec, task, data, output, trial)
    assert resolved.fit.batch_size == 8 and [phase.freeze for phase in resolved.plan] == ["none"]
    with untraced():
        trial(resolved)(4)


def test_two_runs_are_compared_on_the_same_windows(place, other_ways):
    """Paired differences; the other run may have seen other windows, which a note says."""
    run, other = place[0] / "run", place[0] / "other_ways"
    kept = (run / "report.json").read_text()
    report = run_evaluate(run, other, "--out", place[0] / "compared")
    assert (run / "report.json").read_text() == kept
    found = report["compared"][other.name]
    assert report["n_windows"] == place[1]["n_windows"] and "other data or another split" in found["note"]
    for name, row in found["figures"].items():
        assert row["difference"] == pytest.approx(row["this"] - row["other"])
        assert row["this"] == pytest.approx(place[1][name])
    assert (place[0] / "compared" / "runs.html").exists() or list((place[0] / "compared").glob("*.html"))


def test_a_loss_that_is_not_finite_leaves_its_batch(place, tmp_path, monkeypatch):
    """Inputs, targets and the times of the windows, and the next step in one line."""
    whole = QuantileForecast.with_train_statistics
    monkeypatch.setattr(
        QuantileForecast,
        "with_train_statistics",
        lambda self, train: replace(whole(self, train), spread=1e-42),
    )
    words = [*SMALL, "--data", place[0] / "town.csv", "--out", tmp_path / "run"]
    with pytest.raises(
        InputError, match=r"loss is (nan|inf) at epoch 1, step \d: .*first window: 2024-05"
    ) as caught:
        run_train(*words)
    assert "\n" not in str(caught.value)
    with np.load(tmp_path / "run" / "bad_batch.npz") as batch:
        listed = json.loads(str(batch["rows"]))
        assert {"series", "mask", "time_of_day", "day_of_week", "target"} <= set(batch.files)
        assert len(listed) == len(batch["target"]) == len(batch["series"]) > 1


def test_bounds_decide_the_exit_code(place, monkeypatch):
    """0 if they are met, 1 if one is missed."""
    import evaluate

    monkeypatch.setattr(evaluate, "evaluate", lambda command: place[1])
    run = str(place[0] / "run")
    assert evaluate.main([run, "--require", "mae<=9", "--require", "coverage>=0.1"]) == 0
    assert evaluate.main([run, "--require", "mae<=9", "--require", "mae_15min<=0.1"]) == 1


@pytest.mark.slow
def test_repeats_give_a_mean_with_an_interval(place, tmp_path):
    """Two seeds, a folder each."""
    import train

    words = [
        *SMALL,
        "--data",
        place[0] / "town.csv",
        "--limit",
        100,
        "--repeats",
        2,
        "--out",
        tmp_path / "runs",
    ]
    assert train.main(list(map(str, words))) == 0
    seeds = [
        json.loads((tmp_path / "runs" / f"repeat-{n}" / "report.json").read_text())["seed"] for n in (1, 2)
    ]
    assert seeds == [0, 1] and parse_training(["--resume", str(tmp_path / "runs")]).spec.run.repeats == 2


@pytest.mark.slow
def test_a_killed_run_resumes_exactly(place, tmp_path):
    """`kill -9` in the refit."""
    environment = {**os.environ, "CITYZOO_HOME": str(tmp_path), "PYTHONPATH": ""}
    words = [*SMALL, "--data", str(place[0] / "town.csv"), "--epochs", "4"]

    def train(*more):
        return [sys.executable, str(ROOT / "train.py"), *map(str, more)]

    def start(command):
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    process, history = (
        start(train(*words, "--out", tmp_path / "killed")),
        tmp_path / "killed" / "refit" / "history.csv",
    )
    while process.poll() is None and not history.is_file():
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert start(train("--resume", tmp_path / "killed")).wait() == 0
    assert start(train(*words, "--out", tmp_path / "whole")).wait() == 0
    assert_same_runs(tmp_path / "killed", tmp_path / "whole")
    assert_same_runs(tmp_path / "killed" / "refit", tmp_path / "whole" / "refit")
