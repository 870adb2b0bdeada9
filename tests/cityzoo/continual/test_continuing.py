"""Go on learning from new texts with a new class, as users do; what is kept, compared, refused and forgotten."""

import csv
import json

import numpy as np
import pytest

from cityzoo.fit import continued_data
from cityzoo.fit.replay_memory import Forgotten, read_forgotten, read_memory
from cityzoo.model import class_names, load
from tests.cityzoo.modalities.text.test_commands import sentences, train, write_data

EPOCHS = ["--epochs", "2", "--batch-size", "8", "--learning-rate", "0.01"]
BY_GRADIENT = ["--phases", "block01:1", *EPOCHS[2:]]
IN_CLOSED_FORM = ["--phases", "closed_form", *EPOCHS[2:]]


def continued(out, *words, data="new.csv", run="known"):
    """Return a command."""
    return "train.py", ["--continue", run, "--data", data, "--out", out, *words]


COMMANDS = {
    "known": train("known", *IN_CLOSED_FORM, "--val", "val.csv", "--expires", "2999-12-31", data="known.csv"),
    "grown": continued(
        "grown", "--phases", "block01:1", *EPOCHS[2:], "--replay-memory", "12", "--may-lose", "accuracy:0.9"
    ),
    "evaluate": ("evaluate.py", ["grown"]),
    "stranger": continued("x1", data="renamed.csv"),
    "no data": ("train.py", ["--continue", "known"]),
    "other task": (*continued("x3", "--task", "sound_classify"),),
    "weights": continued("x4", "--weights", "random"),
    "no run": continued("x5", run="nowhere"),
    "both": continued("x6", "--folds", "3"),
    "no earlier run": train("x7", "--may-lose", "accuracy:0.1"),
    "nothing to bound": train("x8", "--bounds"),
    "nothing to add to": train("x9", "--with-data-of", "known"),
    "no metric": continued("x2", *BY_GRADIENT, "--may-lose", "AP77:0.1"),
    "forget nothing": ("cityzoo", ["forget", "grown", "--source", "elsewhere/*"]),
}
SLOW = {
    "known": COMMANDS["known"],
    "distilled": continued("distilled", "--retain", "distil:1", *BY_GRADIENT),
    "grown": COMMANDS["grown"],
    "naive": continued(
        "naive", "--retain", "none", *BY_GRADIENT, "--may-lose", "accuracy:0.01", data="alone.csv"
    ),
    "with": continued("with", "--with-data-of", "grown", *BY_GRADIENT, data="late.csv"),
    "held": continued("held", "--retain", "replay:0.5,ewc:100", *BY_GRADIENT, "--bounds"),
    "joint": continued("joint", "--retain", "joint", *EPOCHS, run="grown", data="late.csv"),
    "forget own": ("cityzoo", ["forget", "grown", "--source", "new.csv"]),
    "heir": continued("heir", "--retain", "joint", *EPOCHS, run="grown", data="late.csv"),
    "forget": ("cityzoo", ["forget", "joint", "--source", "known.csv"]),
    "forget one": ("cityzoo", ["forget", "held", "--source", "known*", "--examples", "*#1,*:2"]),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory, as_scripts):
    """Everyday commands in one process: name -> (code, out, err), and the folder."""
    folder = tmp_path_factory.mktemp("texts")
    write_tables(folder)
    return as_scripts(folder, COMMANDS), folder


@pytest.fixture(scope="module")
def ran_slowly(tmp_path_factory, as_scripts):
    """All others."""
    folder = tmp_path_factory.mktemp("slow")
    write_tables(folder)
    return as_scripts(folder, SLOW), folder


def write_tables(folder):
    """Write an encoder, and texts of two classes, then of a third."""
    write_data(folder)
    rows = list(sentences(90, 5))
    sides = {
        "known": [row for row in rows[:60] if row[1] != "parking"],
        "val": [row for row in rows[60:] if row[1] != "parking"],
        "new": [row for row in sentences(60, 6) if row[1] != "waste"],
        "alone": [row for row in sentences(60, 7) if row[1] in ("parking",)]
        + [("lamp dark night", "light")] * 5,
        "late": list(sentences(30, 8)),
        "renamed": [(text, {"light": "Lights"}.get(name, name)) for text, name in sentences(60, 9)],
    }
    for name, found in sides.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([("text", "label"), *found])


def report_of(folder, run):
    """Return the report of a run."""
    return json.loads((folder / run / "report.json").read_text(encoding="utf-8"))


def test_classes_are_added_behind_the_known_ones(ran):
    answers, folder = ran
    assert answers["grown"][0] in (0, None), answers["grown"]
    assert class_names(load(folder / "known" / "model.keras")) == ("light", "waste")
    assert class_names(load(folder / "grown" / "model.keras")) == ("light", "waste", "parking")
    assert report_of(folder, "grown")["lineage"]["added"] == "parking"


@pytest.mark.slow
def test_distillation_without_replay_warns_where_classes_are_new(ran_slowly):
    answers, folder = ran_slowly
    assert answers["distilled"][0] in (0, None) and "distil:1 replays nothing" in answers["distilled"][2]
    assert "(parking)" in answers["distilled"][2] and "replays nothing" not in answers["grown"][2]


@pytest.mark.parametrize(
    ("retain", "added", "warns"),
    [({"distil": 1.0}, ("parking",), True), ({"distil": 1.0}, (), False), ({}, ("parking",), False)],
)
def test_only_new_classes_without_replay_are_warned_of(caplog, retain, added, warns):
    """Naive fine-tuning is asked for by name; without new classes distillation does what it says."""
    continued_data._warn_of_forgetting(retain, added)
    assert ("replays nothing" in caplog.text) == warns


def test_the_memory_names_examples_of_the_earlier_run_within_its_limit(ran):
    _, folder = ran
    (source,) = read_memory(folder / "grown")
    assert len(source.train) == 12 and 0 < len(source.val) <= 12
    assert source.expires == "2999-12-31" and source.data.endswith("known.csv")
    truth = list(csv.DictReader((folder / "known.csv").open(encoding="utf-8")))
    assert len(set(source.train)) == 12 <= len(truth)


def test_the_lineage_compares_both_models_on_the_data_of_both_runs(ran):
    _, folder = ran
    found = report_of(folder, "grown")["lineage"]
    assert found["runs"] == ["known", "grown"] and found["missing"] is None
    (first, unknown), (after, own) = found["matrix"]
    assert unknown is None  # the first model does not know the class "parking"
    assert found["rows"]["known"]["before"] == first and found["rows"]["grown"]["this"] == own
    assert found["rows"]["known"]["difference"] == pytest.approx(after - first)
    assert found["summary"]["forgetting"] == pytest.approx(first - after)
    assert 0 <= found["rows"]["known"]["new_classes"] <= 1 and "new_classes" not in found["rows"]["grown"]
    history = list(csv.DictReader((folder / "grown" / "history.csv").open()))
    assert all(0 <= float(row["val_accuracy_earlier"]) <= 1 for row in history)


@pytest.mark.slow
def test_a_model_that_forgot_too_much_ends_with_code_1(ran_slowly):
    answers, folder = ran_slowly
    found = report_of(folder, "naive")["lineage"]
    assert answers["naive"][0] == 1
    (loss,) = found["lost"]
    assert loss["run"] == "known" and loss["loss"] > 0.01
    assert report_of(folder, "grown")["lineage"]["lost"] == []


def test_nothing_is_changed_in_the_earlier_run(ran):
    _, folder = ran
    assert not (folder / "known" / "memory.json").exists()
    assert "lineage" not in report_of(folder, "known") or report_of(folder, "known")["lineage"] is None


@pytest.mark.slow
def test_naive_and_joint_training_stand_beside_a_run(ran_slowly):
    answers, folder = ran_slowly
    assert answers["held"][0] in (0, None), answers["held"]
    found = report_of(folder, "held")["lineage"]
    assert list(found["bounds"]) == ["this", "naive", "joint"]
    assert found["bounds"]["this"]["final_mean"] == found["summary"]["final_mean"]
    naive, joint = (report_of(folder / "held", name) for name in ("naive", "joint"))
    assert naive["spec"]["fit"]["retain"] == [] and naive["spec"]["fit"]["teacher"] is None
    assert joint["spec"]["run"]["weights"] == report_of(folder, "known")["spec"]["run"]["weights"]
    assert found["bounds"]["naive"]["known"] == naive["lineage"]["matrix"][-1][0]
    assert found["bounds"]["joint"]["held"] == joint["lineage"]["matrix"][-1][1]


@pytest.mark.slow
def test_data_of_a_run_beside_the_lineage_is_learned_and_kept(ran_slowly):
    answers, folder = ran_slowly
    assert answers["with"][0] in (0, None), answers["with"]
    assert report_of(folder, "with")["lineage"]["runs"] == ["known", "with"]
    kept = {source.data: len(source.train) + len(source.val) for source in read_memory(folder / "with")}
    assert kept["new.csv"] == len(list(csv.DictReader((folder / "new.csv").open(encoding="utf-8"))))


@pytest.mark.slow
def test_joint_training_starts_again_on_the_data_of_all_runs(ran_slowly):
    answers, folder = ran_slowly
    assert answers["joint"][0] in (0, None), answers["joint"]
    report = report_of(folder, "joint")
    assert report["spec"]["run"]["weights"] == report_of(folder, "known")["spec"]["run"]["weights"]
    assert report["lineage"]["runs"] == ["known", "grown", "joint"]
    assert np.shape(report["lineage"]["matrix"]) == (3, 3)


def assert_one_line(answer, *words):
    """The command ended with code 2, and its last line has these words."""
    code, _, err = answer
    assert code == 2
    line = err.strip().splitlines()[-1]
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "stranger": ("Lights", "light", "--class-map"),
        "no data": ("--data", "--resume"),
        "other task": ("--task",),
        "weights": ("--weights",),
        "no run": ("nowhere",),
        "both": ("--folds",),
        "no earlier run": ("--continue",),
        "nothing to bound": ("--bounds", "--continue"),
        "nothing to add to": ("--with-data-of", "--continue"),
        "no metric": ("AP77", "accuracy"),
        "forget nothing": ("elsewhere", "known.csv"),
    }.items(),
)
def test_what_cannot_be_is_said_in_one_line(ran, name, words):
    assert_one_line(ran[0][name], *words)


@pytest.mark.slow
def test_forgotten_data_leaves_the_memory_and_the_runs_that_learned_it_are_named(ran_slowly):
    answers, folder = ran_slowly
    code, out, err = answers["forget"]
    assert code in (0, None), err
    assert all("known.csv" not in source.data for source in read_memory(folder / "joint"))
    assert read_memory(folder / "joint")  # what the second run brought stays
    said = out + err
    assert all(f"'{run}'" in said for run in ("known", "grown", "joint"))


@pytest.mark.slow
def test_single_examples_can_be_forgotten(ran_slowly):
    answers, folder = ran_slowly
    assert answers["forget one"][0] in (0, None), answers["forget one"]
    (source,) = read_memory(folder / "held")
    assert all(not name.endswith(":2") for name in (*source.train, *source.val))


@pytest.mark.slow
def test_what_a_run_itself_was_trained_on_is_not_replayed_once_it_is_forgotten(ran_slowly):
    """Not even by joint training, which reads the data of all runs again."""
    answers, folder = ran_slowly
    assert answers["forget own"][0] in (0, None), answers["forget own"]
    assert answers["heir"][0] in (0, None), answers["heir"]
    kept = {source.data: len(source.train) for source in read_memory(folder / "heir")}
    assert kept["new.csv"] == 0 < kept["known.csv"]
    assert read_forgotten(folder / "heir") == [Forgotten("new.csv")]
    before = {source.data: len(source.train) for source in read_memory(folder / "joint")}
    assert before["new.csv"] > 0


def test_a_continued_run_is_evaluated_on_its_own_data(ran):
    """Which lacks a class that the earlier run knows; its report, of all runs' data, stays as it is."""
    answers, folder = ran
    code, _, said = answers["evaluate"]
    assert code == 0 and "changed since this run was trained" not in said, said[-2000:]
    report = json.loads((folder / "grown" / "evaluation-1" / "report.json").read_text())
    assert report["n_texts"] < report_of(folder, "grown")["n_texts"]
