"""A search end to end on a tiny backbone: trials, early stops, failures, interruptions, the honest answer."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("optuna")

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.fit.context import TrainState
from cityzoo.fit.run_files import RunFolder
from cityzoo.model import load
from cityzoo.spec_file import read_spec
from cityzoo.tune import outcome, runner, search, trial_run, trial_table
from cityzoo.tune.journal import open_study
from cityzoo.tune.study import Request, StudyFolder, claim
from cityzoo.tune.workers import count_running, mark_crashed, run_folder, sign_in, take_over

pytestmark = pytest.mark.usefixtures("tiny_backbones")
SETTINGS = {"backbone": "tiny", "weights": "random", "image_size": (64, 64), "views": 1, "augment": "none"}
SETTINGS |= {"freeze": "backbone", "epochs": 5, "batch_size": 8}
TRAINED = {"freeze": "C3", "patience": 5}  # the head is computed, then five epochs are trained


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Squares brighter or darker than their ground, 24 to train and 16 to validate."""
    folder, rng = tmp_path_factory.mktemp("squares"), np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 8)):
        for name in ("bright", "dark"):
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(60, 160, (40, 40, 3), np.uint8)
                pixels[10:30, 10:30] = rng.integers(*((130, 255) if name == "bright" else (0, 90)))
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")
    return folder


def make_study(path, data, settings=(), **more):
    """Make a study's folder that searches the head, class weights and the learning rate."""
    values = {
        **SETTINGS,
        **dict(settings),
        "task": "vehicle_classify",
        "data": str(data),
        "cache": str(path.parent / "cache"),
    }
    spec = tasks.find("vehicle_classify").make_spec(values)
    asked = {
        "searches": ("head=linear,prototypes", "class_weights=none,balanced", "dropout=0..0.5"),
        "only": True,
    }
    request = Request(spec.as_dict(), (), **{"objectives": ("balanced_accuracy",), **asked, **more})
    folder = StudyFolder(path)
    claim(folder, request)
    return folder


@pytest.fixture(scope="module")
def study(data, tmp_path_factory):
    """A finished study of three trials: (folder, what was found)."""
    folder = make_study(tmp_path_factory.mktemp("studies") / "one", data)
    return folder, runner.run(folder, runner.Limits(minutes=10, trials=3))


def trials_of(folder):
    """Return the trials of a study, oldest first."""
    return open_study(folder, ["maximize"], "halving", 0).get_trials()


def test_the_defaults_come_first_then_their_neighbours(study):
    """Trial 0 is what train.py does without a search; the next ones differ in one setting each."""
    folder, found = study
    first, second, third = trials_of(folder)[:3]
    assert first.user_attrs["origin"] == "defaults"
    assert first.params == {"head": "linear", "class_weights": "none"}  # no gradients: no dropout
    assert second.params == {**first.params, "head": "prototypes"}
    assert third.params == {**first.params, "class_weights": "balanced"}
    assert found["n_trials"] == 3 and found["runs"]["defaults"]["trial"] == 0


def test_the_folder_holds_table_page_and_an_ordinary_run(study):
    """study.json, trials.csv, tune.html without outside references, and `best` with model and report."""
    folder, found = study
    with (folder.path / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == [str(number) for number in range(len(rows))]
    assert {row["head"] for row in rows} == {"linear", "prototypes"} and float(rows[0]["seconds"]) > 0
    page = (folder.path / "tune.html").read_text()
    assert (
        "--resume" in page and "http://" not in page.replace("http://www.w3.org", "") and "study.json" in page
    )
    written = json.loads((folder.path / "study.json").read_text())
    assert written["answer"] in ("better", "defaults") and written["answer_text"] == found["answer_text"]
    report = json.loads((folder.best / "report.json").read_text())
    assert report["n_images"] == 8 and read_spec(folder.best / "spec.json").run.task == "vehicle_classify"
    assert load(RunFolder(folder.best).model).count_params() > 0


def test_a_winner_is_compared_with_the_defaults(study):
    """In a study whose folder is given by an absolute path, which reports shorten; the second time it is read."""
    folder, _ = study
    found = make_search(folder)
    first, second = trials_of(folder)[:2]
    reports = [outcome.finish_trial(found, second, [run_folder(folder, first)]) for _ in range(2)]
    figures = outcome.find_comparison(reports[0], run_folder(folder, first))["figures"]["balanced_accuracy"]
    assert figures["difference"] == pytest.approx(reports[0]["balanced_accuracy"] - figures["other"])
    assert reports[1]["compared"] == reports[0]["compared"]


def test_models_of_the_answer_are_timed_together(study, monkeypatch):
    """Both in one measurement, each from its own folder, whatever their trials measured in other minutes."""
    folder, _ = study
    measured = []
    monkeypatch.setattr(
        outcome, "shortest_milliseconds", lambda models: measured.extend(models) or [3.0, 2.0]
    )
    trials = dict(zip(("defaults", "winner"), trials_of(folder)[:2], strict=True))
    reports = {name: {"latency_ms": {"batch_1_median": 41.0}} for name in trials}
    rows = outcome._rows_of(make_search(folder), trials, reports)
    assert {name: row["milliseconds"] for name, row in rows.items()} == {"defaults": 3.0, "winner": 2.0}
    assert [model.file.parent for model in measured] == [Path(row["folder"]) for row in rows.values()]
    monkeypatch.setattr(
        outcome, "shortest_milliseconds", lambda models: [4.0 + n for n in range(len(models))]
    )
    same = outcome._rows_of(make_search(folder), dict.fromkeys(trials, trials["defaults"]), reports)
    assert [row["milliseconds"] for row in same.values()] == [4.0, 4.0]


def test_half_of_val_chooses_nothing(study, data):
    """Trials know eight of the sixteen validation images; the estimate comes from the other eight."""
    folder, _ = study
    splits = json.loads((run_folder(folder, trials_of(folder)[0]) / "data.json").read_text())["splits"]
    assert len(splits["val"]) == 8
    report = json.loads((folder.trial("trial-000") / "report.json").read_text())
    assert report["n_images"] == 8
    with (folder.trial("trial-000") / "predictions.csv").open() as file:
        estimated = {row["path"] for row in csv.DictReader(file)}
    assert len(estimated) == 8
    assert not {name.rpartition("val/")[2] for name in splits["val"]} & {
        n.rpartition("val/")[2] for n in estimated
    }
    assert len(json.loads((folder.best / "data.json").read_text())["splits"]["val"]) == 16


def test_trials_share_the_cached_features(study):
    """Heads and weights of classes differ, frozen features do not: one set for train and one for val."""
    folder, _ = study
    assert len(list((folder.path.parent / "cache").glob("*/features.json"))) == 2


def test_a_finished_study_goes_on_where_it_ended(study):
    """The same number of trials: none is added; one more: one is added."""
    folder, found = study
    again = runner.run(folder, runner.Limits(minutes=10, trials=3))
    assert (
        again["n_trials"] == 3
        and again["runs"]["defaults"]["estimate"] == found["runs"]["defaults"]["estimate"]
    )


def make_search(folder, worker="w", minutes=10.0, trials=None):
    """Open a study as the runner does, with the settings of its request."""
    kept = {}

    def capture(made, between):
        kept["search"] = made
        return "captured"

    old = runner.run_search, outcome.summarize, runner._write
    runner.run_search, outcome.summarize = capture, lambda *_: {"answer_text": ""}
    runner._write = lambda *_: None
    try:
        runner.run(folder, runner.Limits(minutes, trials))
    finally:
        runner.run_search, outcome.summarize, runner._write = old
    return replace(kept["search"], worker=worker)


class Training:
    """Stands for `trial_run.train`: values by trial and epoch, or errors."""

    def __init__(self, monkeypatch, values):
        self.values, self.asked = values, []
        monkeypatch.setattr(trial_run, "train", self)

    def __call__(self, trial, folder, is_enough):
        state = TrainState()
        for epoch in range(1, 1 + sum(phase.epochs for phase in trial.spec.plan)):
            self.asked.append((folder.name, epoch))
            value = self.values(folder.name, epoch)
            if isinstance(value, BaseException):
                raise value
            state.epoch = state.best_epoch = epoch
            state.history.append({"epoch": epoch, "val_balanced_accuracy": value})
            if is_enough(state):
                break
        return state


def test_what_diverges_or_runs_out_of_memory_is_recorded_and_the_search_goes_on(tmp_path, data, monkeypatch):
    """A loss of nan, no memory, a bug: three failed trials with their reasons, and the next one is trained."""
    errors = {
        "trial-001": InputError("loss is nan at epoch 1"),
        "trial-002": MemoryError(),
        "trial-003": KeyError("x"),
    }
    Training(monkeypatch, lambda name, epochs: errors.get(name, 0.5))
    found = make_search(make_study(tmp_path / "s", data))
    found.budget.trials = 5
    with sign_in(found.folder):
        assert search.run_search(found, lambda _: None) == "all trials are done"
    states = [(trial.state.name, trial.user_attrs.get("reason", "")) for trial in found.study.get_trials()]
    assert states[0][0] == "COMPLETE" and [state for state, _ in states[1:4]] == ["FAIL"] * 3
    assert "nan" in states[1][1] and "memory" in states[2][1] and "x" in states[3][1]


def test_bad_trials_are_stopped_early_and_good_ones_go_on(tmp_path, data, monkeypatch):
    """Rungs of 1, 2 and 6 epochs: who is worse than two thirds of the others at a rung ends there."""
    training = Training(monkeypatch, lambda name, epochs: 0.9 - 0.1 * int(name[-3:]) + epochs / 1000)
    found = make_search(make_study(tmp_path / "s", data, TRAINED))
    found.budget.trials = 6
    with sign_in(found.folder):
        search.run_search(found, lambda _: None)
    assert [epochs for name, epochs in training.asked if name == "trial-000"] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]  # 1 computed + 5
    states = [trial.state.name for trial in found.study.get_trials()]
    assert states[0] == "COMPLETE" and states.count("PRUNED") >= 4
    assert [epochs for name, epochs in training.asked if name == "trial-005"] == [1]


def test_an_interrupted_trial_continues_in_its_own_folder(tmp_path, data, monkeypatch):
    """Ctrl-C in the first rung: nothing is lost, the same settings and run folder come next."""
    once = iter([KeyboardInterrupt()])
    training = Training(monkeypatch, lambda name, epochs: next(once, 0.7))
    found = make_search(make_study(tmp_path / "s", data))
    found.budget.trials = 1
    with sign_in(found.folder):
        assert search.run_search(found, lambda _: None) == "interrupted"
        assert search.run_search(found, lambda _: None) == "all trials are done"
    (trial, *queued) = found.study.get_trials()
    assert trial.state.name == "COMPLETE" and trial.user_attrs["origin"] == "defaults"
    assert {each.state.name for each in queued} == {"WAITING"}
    assert [name for name, _ in training.asked] == ["trial-000", "trial-000"]


def test_trials_of_dead_processes_are_taken_over(tmp_path, data):
    """Of a process that is alive: left alone. Of one that ended: continued. Of one that crashed twice: failed."""
    found = make_search(make_study(tmp_path / "s", data))
    study, folder = found.study, found.folder
    with sign_in(folder):
        with sign_in(folder) as other:
            trial = study.ask()
            trial.suggest_categorical("head", ["linear", "prototypes"])
            trial.set_user_attr("worker", other)
            assert take_over(study, folder) is None and count_running(study, folder) == 1
        assert count_running(study, folder) == 0
        again = take_over(study, folder)
        assert again.number == trial.number and again.params == trial.params
        for attempt in (1, 2):
            again.set_user_attr("worker", f"host-{os.getpid()}-dead")
            (folder.path / "workers" / f"host-{os.getpid()}-dead").mkdir(exist_ok=True)
            mark_crashed(folder, os.getpid())
            assert (take_over(study, folder) is None) == (attempt == 2)
        (failed,) = study.get_trials()
        assert failed.state.name == "FAIL" and "killed" in failed.user_attrs["reason"]


def test_settings_that_were_tried_are_not_trained_again(tmp_path, data, monkeypatch):
    """Two heads only: two trials, then the space is exhausted."""
    training = Training(monkeypatch, lambda name, epochs: 0.5)
    found = make_search(make_study(tmp_path / "s", data, searches=("head=linear,prototypes",)))
    with sign_in(found.folder):
        assert "every combination" in search.run_search(found, lambda _: None)
    assert {name for name, _ in training.asked} == {"trial-000", "trial-001"}


def test_a_trial_grown_from_rung_to_rung_is_the_whole_training(tmp_path, data):
    """One epoch, then two, then all six: bit-equal weights with a training in one go."""
    found = make_search(make_study(tmp_path / "s", data, TRAINED))
    trial = found.prepare({"learning_rate": 0.01})
    for epochs in (1, 2, 6):
        grown = trial_run.train(trial, tmp_path / "grown", lambda state, end=epochs: state.epoch >= end)
        assert grown.epoch == epochs
    whole = trial_run.train(trial, tmp_path / "whole", lambda state: False)
    assert [row["val_loss"] for row in grown.history] == [row["val_loss"] for row in whole.history]
    pairs = zip(
        *(load(RunFolder(tmp_path / name).model).get_weights() for name in ("grown", "whole")), strict=True
    )
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_data_that_changed_is_refused(study, data, tmp_path):
    """One label moved to the other class: the study of the old data does not go on."""
    folder, _ = study
    known = json.loads(folder.data.read_text())
    name = next(iter(known["splits"]["train"]))
    known["splits"]["train"][name] = "0" * 12
    kept = folder.data.read_text()
    folder.data.write_text(json.dumps(known))
    try:
        with pytest.raises(InputError) as error:
            runner.run(folder, runner.Limits(minutes=1, trials=1))
    finally:
        folder.data.write_text(kept)
    assert name in str(error.value) and "\n" not in str(error.value)


def test_the_tables_of_a_search_by_hand(tmp_path, data, monkeypatch):
    """Best so far, agreement of rungs and importance: the first setting alone makes trials good."""
    heads = {}

    def value(name, epochs):
        return heads.setdefault(name, 0.9 if len(heads) % 2 else 0.5) + 0.001 * int(name[-3:]) + epochs / 1000

    Training(monkeypatch, value)
    found = make_search(make_study(tmp_path / "s", data, TRAINED, pruner="none"))
    found.budget.trials = 7
    with sign_in(found.folder):
        search.run_search(found, lambda _: None)
    facts = trial_table.describe_trials(found, 0)
    assert facts["n_trials"] == 7 and facts["trials"]["trial 0"]["changed"] == ""
    assert facts["trials"]["trial 1"]["changed"] == "head prototypes"
    assert facts["history"]["best"] == pytest.approx([0.506, 0.907, 0.907, 0.909, 0.909, 0.911, 0.911])
    assert facts["rung_agreement"]["1/9 of the epochs"] == {"correlation": pytest.approx(1.0), "n": 7}
    assert sum(facts["importance"].values()) == pytest.approx(1.0, abs=0.01) and facts["pareto"] == {}


def test_several_objectives_have_a_front_and_nothing_is_stopped_early(tmp_path, data, monkeypatch):
    """The best metric and the smallest model are on the front; what is worse in both is not."""
    Training(monkeypatch, lambda name, epochs: {"trial-000": 0.9, "trial-001": 0.8}.get(name, 0.7))
    sizes = {"trial-000": 3.0, "trial-001": 1.0}
    monkeypatch.setattr(trial_run, "measure_costs", lambda folder: {"megabytes": sizes.get(folder.name, 2.0)})
    wanted = ("balanced_accuracy", "megabytes")
    found = make_search(make_study(tmp_path / "s", data, TRAINED, objectives=wanted))
    found.budget.trials = 3
    with sign_in(found.folder):
        search.run_search(found, lambda _: None)
    assert [trial.state.name for trial in found.study.get_trials()[:3]] == ["COMPLETE"] * 3
    front = trial_table.find_pareto_front(found)
    assert {name: row["megabytes"] for name, row in front.items()} == {"trial 0": 3.0, "trial 1": 1.0}
