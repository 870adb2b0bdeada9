"""Repeated runs: seeds that count up, means and intervals, and finished repeats that are not trained again."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from cityzoo import tasks
from cityzoo.errors import InputError
from cityzoo.evaluation.run_facts import earlier_facts
from cityzoo.fit import distributed
from cityzoo.spec_file import read_spec
from cityzoo.tune import repeats

METRICS = {0: 0.7, 1: 0.9, 2: 0.8, 5: 0.5, 6: 0.6}  # balanced accuracy by seed


@pytest.fixture(autouse=True)
def nothing_to_clear(monkeypatch):
    """`Training` builds no models: what other tests left behind need not be gone through after each repeat."""
    monkeypatch.setattr(keras.utils, "clear_session", lambda: None)


@pytest.fixture
def spec(tmp_path):
    """Three repeats of a classifier."""
    return tasks.find("vehicle_classify").make_spec(
        {"task": "vehicle_classify", "repeats": 3, "out": str(tmp_path / "runs")}
    )


class Training:
    """Stands for `train.train`: records its arguments and writes a report of known metrics."""

    def __init__(self, breaks_at=None):
        self.asked, self.breaks_at = [], breaks_at

    def __call__(self, spec, resumed):
        self.asked.append((spec, resumed))
        folder = Path(resumed or spec.run.out)
        assert folder.is_dir() == bool(resumed)  # a new run makes its own folder
        folder.mkdir(parents=True, exist_ok=True)
        if len(self.asked) == self.breaks_at:
            raise InputError("interrupted")
        metric = METRICS[spec.run.seed] + (0.0 if spec.modality.unlabelled is None else 0.05)
        report = {"balanced_accuracy": metric, "accuracy": metric / 2, "mean_auroc": None, "loss": 1 - metric}
        report |= {"task": spec.run.task, "backbone": spec.run.backbone, "split": "val", "n_images": 4}
        report |= {
            "seconds": {"total": 10.0 + spec.run.seed},
            "warnings": ["RANDOM"],
            "data": "d",
            "device": "x",
        }
        (folder / "report.json").write_text(json.dumps(report))
        return report


def test_the_interval_by_hand():
    """Student's t: 12.706 of one degree of freedom, 4.303 of two, 2.776 of four."""
    assert repeats.interval([0.4, 0.6]) == pytest.approx((0.5 - 12.7062 * 0.1, 0.5 + 12.7062 * 0.1), abs=1e-4)
    reach = 4.30265 * np.sqrt(0.02 / 2 / 3)  # squares of -.1, 0, .1 over n - 1
    assert repeats.interval([0.7, 0.8, 0.9]) == pytest.approx((0.8 - reach, 0.8 + reach), abs=1e-5)
    reach = 2.77645 * np.sqrt(10 / 4 / 5)
    assert repeats.interval([1, 2, 3, 4, 5]) == pytest.approx((3 - reach, 3 + reach), abs=1e-4)
    assert repeats.interval([0.5, 0.5]) == (0.5, 0.5)


def test_each_repeat_has_a_folder_and_the_next_seed(spec):
    """repeat-1 and repeat-2, with seeds 5 and 6; everything else as given."""
    spec, training = spec.replace(repeats=2, seed=5, shots=3), Training()
    repeats.run_repeats(spec, None, training)
    runs = Path(spec.run.out)
    assert training.asked == [
        (spec.replace(repeats=1, seed=5 + i, out=str(runs / f"repeat-{i + 1}")), None) for i in (0, 1)
    ]
    assert {file.name for file in runs.iterdir()} == {
        "repeat-1",
        "repeat-2",
        "spec.json",
        "report.json",
        "report.html",
    }
    assert read_spec(runs / "spec.json") == spec


def test_the_report_has_means_intervals_and_a_row_per_repeat(spec):
    """.7, .9 and .8: .8; a metric that no repeat has is None; seconds are added up."""
    report = repeats.run_repeats(spec, None, Training())
    assert report["balanced_accuracy"] == pytest.approx(0.8) and report["accuracy"] == pytest.approx(0.4)
    assert report["loss"] == pytest.approx(0.2) and report["mean_auroc"] is None
    assert report["interval"]["balanced_accuracy"] == pytest.approx(repeats.interval([0.7, 0.8, 0.9]))
    assert "mean_auroc" not in report["interval"]
    assert [(row["seed"], row["balanced_accuracy"]) for row in report["repeats"].values()] == [
        (0, 0.7),
        (1, 0.9),
        (2, 0.8),
    ]
    assert list(report["repeats"]) == ["repeat 1", "repeat 2", "repeat 3"]
    assert report["seconds"] == {"total": 33.0} and report["spec"]["run"]["repeats"] == 3
    written = json.loads(Path(spec.run.out, "report.json").read_text())
    assert written["balanced_accuracy"] == report["balanced_accuracy"]
    assert list(written["interval"]["loss"]) == pytest.approx(report["interval"]["loss"])
    page = Path(spec.run.out, "report.html").read_text()
    assert "0.800" in page and "0.552" in page and "1.048" in page and "repeat 3" in page


def test_a_metric_that_one_repeat_lacks_is_averaged_over_the_others(spec):
    """And has no interval where one is left."""
    rows = [{"balanced_accuracy": 0.4, "loss": 1.0}, {"balanced_accuracy": 0.6, "loss": None}]
    report = repeats.summary(spec.replace(repeats=2), rows, ("balanced_accuracy", "loss"))
    assert report["balanced_accuracy"] == pytest.approx(0.5) and report["loss"] == 1.0
    assert report["interval"].keys() == {"balanced_accuracy"}
    assert report["repeats"]["repeat 2"] == {"seed": 1, "balanced_accuracy": 0.6, "loss": None}


def test_finished_repeats_are_not_trained_again(spec):
    """Stopped in the second repeat, before its first epoch: that and the third are trained, the first is taken
    as it is; the summary is that of three repeats."""
    with pytest.raises(InputError):
        repeats.run_repeats(spec, None, Training(breaks_at=2))
    first = Path(spec.run.out, "repeat-1", "report.json")
    before = first.read_bytes(), first.stat().st_mtime_ns
    (Path(spec.run.out, "repeat-2", "left.over")).touch()
    training = Training()
    report = repeats.run_repeats(spec, spec.run.out, training)
    assert [(each.run.seed, resumed) for each, resumed in training.asked] == [(1, None), (2, None)]
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert not Path(spec.run.out, "repeat-2", "left.over").exists()
    assert report["balanced_accuracy"] == pytest.approx(0.8)
    again = Training()
    assert (
        repeats.run_repeats(spec, spec.run.out, again)["repeats"] == report["repeats"] and again.asked == []
    )


def test_a_repeat_with_a_checkpoint_is_resumed(spec):
    """What it has learned is kept."""
    with pytest.raises(InputError):
        repeats.run_repeats(spec, None, Training(breaks_at=2))
    own = Path(spec.run.out, "repeat-2")
    (own / "checkpoint.npz").touch()
    training = Training()
    repeats.run_repeats(spec, spec.run.out, training)
    assert [resumed for _, resumed in training.asked] == [str(own), None]
    assert (own / "checkpoint.npz").exists()


def test_several_processes_are_refused(spec, monkeypatch):
    """In one line, and nothing is made."""
    monkeypatch.setattr(distributed, "process_count", lambda: 2)
    training = Training()
    with pytest.raises(InputError, match="--repeats takes one process: .* with its --seed") as caught:
        repeats.run_repeats(spec, None, training)
    assert "\n" not in str(caught.value)
    assert training.asked == [] and not Path(spec.run.out).exists()


def test_the_same_is_trained_without_unlabelled_images_to_compare(spec, tmp_path):
    """In a folder of its own; gain is with less without; metrics that are not known are left out."""
    assert repeats.compare_with_labelled_only(spec, tmp_path, {}, Training()) == {"unlabelled": None}
    spec = spec.replace(repeats=1, unlabelled="more/")
    training = Training()
    report = {"balanced_accuracy": 0.75, "accuracy": 0.25, "mean_auroc": 0.9, "loss": None}
    rows = repeats.compare_with_labelled_only(spec, tmp_path, report, training)["unlabelled"]
    own = tmp_path / "labelled_only"
    assert training.asked == [(spec.replace(unlabelled=None, out=str(own)), None)]
    assert rows == {
        "balanced_accuracy": pytest.approx(
            {"labelled_only": 0.7, "with_unlabelled": 0.75, "gain": 0.05}, abs=1e-9
        ),
        "accuracy": pytest.approx({"labelled_only": 0.35, "with_unlabelled": 0.25, "gain": -0.1}, abs=1e-9),
    }
    assert earlier_facts(own)["balanced_accuracy"] == 0.7
    again = Training()
    assert repeats.compare_with_labelled_only(spec, tmp_path, report, again) == {"unlabelled": rows}
    assert again.asked == []
