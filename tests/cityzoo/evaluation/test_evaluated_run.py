"""Runs that evaluate.py opens: what is refused, where reports go, what comparisons have to note."""

from types import SimpleNamespace

import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.commands.evaluate_flags import parse_evaluation
from cityzoo.errors import InputError
from cityzoo.evaluation import evaluated_run
from cityzoo.evaluation.evaluated_run import OTHER_SPLIT, EvaluatedRun, choose_folder, compare_with
from cityzoo.fit.run_folder import RunFolder
from cityzoo.sample import ImageExample, ImageSet

TASK = tasks.find("vehicle_classify")
BUSES = ImageSet(
    "val", ("bus", "car"), tuple(ImageExample(f"{i}.jpg", (8, 8), target=np.eye(2)[i % 2]) for i in range(8))
)


def run(path, names=("bus", "car"), results=None, **settings):
    """An opened run whose predictions are known: right by default."""
    spec = TASK.make_spec({"task": "vehicle_classify", **settings})
    made = EvaluatedRun(RunFolder(path), spec, TASK, TASK.output_for(names), {}, SimpleNamespace())
    answers = [0.8 * image.target + 0.1 for image in BUSES.examples] if results is None else results
    object.__setattr__(made, "results", lambda truth: answers)
    return made


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"repeats": 3}, "holds 3 repeats: give one of them, e.g. .*repeat-1"),
        ({}, "holds no model.keras: .* train.py --resume"),
    ],
)
def test_runs_without_a_model_are_refused(tmp_path, settings, words):
    TASK.make_spec({"task": "vehicle_classify", **settings}).write(tmp_path / "spec.json")
    with pytest.raises(InputError, match=words):
        evaluated_run.open_evaluated(str(tmp_path))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "run"),
        (["--data", "d"], "evaluation-1"),
        (["--limit", "3"], "evaluation-1"),
        (["--split", "train"], "evaluation-1"),
        (["other"], "evaluation-1"),
        (["--out", "new"], "new"),
    ],
)
def test_reports_on_other_examples_get_a_folder_of_their_own(tmp_path, monkeypatch, words, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    TASK.make_spec({"task": "vehicle_classify"}).write(tmp_path / "run" / "spec.json")
    assert choose_folder(parse_evaluation(["run", *words])).name == name


def test_another_run_is_measured_in_its_own_order_of_classes(tmp_path):
    """Cars are its first class, and called so only by the map; the numbers are those of the same labels."""
    turned = [result[::-1] for result in run(tmp_path).results(BUSES)]
    other = run(tmp_path / "other", ("auto", "bus"), turned)
    metrics, note = compare_with(other, run(tmp_path), BUSES, {"auto": "car"})
    assert metrics(np.ones((1, 8)))["accuracy"] == [1.0] and note == ""


@pytest.mark.parametrize(
    "settings", [{"data": "elsewhere"}, {"limit": 3}, {"split_by": "scene"}, {"val": "v"}]
)
def test_runs_on_other_data_or_another_split_are_noted(tmp_path, settings):
    """Perhaps it was trained on what is evaluated here."""
    other = run(tmp_path / "other", **settings)
    assert compare_with(other, run(tmp_path), BUSES, {}).note == OTHER_SPLIT
    assert compare_with(run(tmp_path / "other", seed=3, patience=1), run(tmp_path), BUSES, {}).note == ""


def test_runs_of_other_tasks_or_classes_are_not_compared(tmp_path):
    other = run(tmp_path / "other").spec.replace(task="vehicle_count")
    with pytest.raises(InputError, match="is a run of vehicle_count.* only runs of one task"):
        compare_with(SimpleNamespace(spec=other, path="other"), run(tmp_path), BUSES, {})
    with pytest.raises(InputError, match="--class-map auto=car"):
        compare_with(run(tmp_path / "other", ("auto", "bus")), run(tmp_path), BUSES, {})
