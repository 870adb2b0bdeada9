"""Runs made of runs: draws with seeds that count up, their mean, and what is not done twice."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.fit import distributed
from cityzoo.report.run_report import earlier_facts
from cityzoo.spec import TrainSpec
from cityzoo.spec_file import read_spec
from cityzoo.tune import repeats

FIGURES = {0: 0.7, 1: 0.9, 2: 0.8, 5: 0.5, 6: 0.6}  # balanced accuracy by seed


@pytest.fixture(autouse=True)
def nothing_to_clear(monkeypatch):
    """`Training` builds no models: what other tests left behind need not be gone through after each draw."""
    monkeypatch.setattr(keras.utils, "clear_session", lambda: None)


@pytest.fixture
def spec(tmp_path):
    """Three draws of a classifier."""
    return TrainSpec(task="vehicle_classify", draws=3, seed=0, out=str(tmp_path / "runs"))


class Training:
    """Stands for `train.train`: notes what it was asked for and writes a report of known figures."""

    def __init__(self, breaks_at=None):
        self.asked, self.breaks_at = [], breaks_at

    def __call__(self, spec, resumed):
        self.asked.append((spec, resumed))
        folder = Path(resumed or spec.out)
        assert folder.is_dir() == bool(resumed)  # a new run makes its own folder
        folder.mkdir(parents=True, exist_ok=True)
        if len(self.asked) == self.breaks_at:
            raise InputError("interrupted")
        figure = FIGURES[spec.seed] + (0.0 if spec.unlabelled is None else 0.05)
        report = {"balanced_accuracy": figure, "accuracy": figure / 2, "mean_auroc": None, "loss": 1 - figure}
        report |= {"task": spec.task, "backbone": spec.backbone, "split": "val", "n_images": 4}
        report |= {"seconds": {"total": 10.0 + spec.seed}, "warnings": ["RANDOM"], "data": "d", "device": "x"}
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


def test_each_draw_has_a_folder_and_the_next_seed(spec):
    """draw-1 .. draw-3 with seeds 5, 6, 7 less the first; everything else as asked."""
    spec, training = replace(spec, draws=2, seed=5, shots=3), Training()
    repeats.run_repeats(spec, None, training)
    runs = Path(spec.out)
    assert training.asked == [
        (replace(spec, draws=1, seed=5 + i, out=str(runs / f"draw-{i + 1}")), None) for i in (0, 1)
    ]
    assert {file.name for file in runs.iterdir()} == {
        "draw-1",
        "draw-2",
        "spec.json",
        "report.json",
        "report.html",
    }
    assert read_spec(runs / "spec.json") == spec


def test_the_report_has_means_intervals_and_a_row_a_draw(spec):
    """.7, .9 and .8: .8; a figure that no draw has stays unsaid; seconds are added up."""
    report = repeats.run_repeats(spec, None, Training())
    assert report["balanced_accuracy"] == pytest.approx(0.8) and report["accuracy"] == pytest.approx(0.4)
    assert report["loss"] == pytest.approx(0.2) and report["mean_auroc"] is None
    assert report["interval"]["balanced_accuracy"] == pytest.approx(repeats.interval([0.7, 0.8, 0.9]))
    assert "mean_auroc" not in report["interval"]
    assert [(row["seed"], row["balanced_accuracy"]) for row in report["draws"].values()] == [
        (0, 0.7),
        (1, 0.9),
        (2, 0.8),
    ]
    assert list(report["draws"]) == ["draw 1", "draw 2", "draw 3"]
    assert report["seconds"] == {"total": 33.0} and report["spec"]["draws"] == 3
    written = json.loads(Path(spec.out, "report.json").read_text())
    assert written["balanced_accuracy"] == report["balanced_accuracy"]
    assert list(written["interval"]["loss"]) == pytest.approx(report["interval"]["loss"])
    page = Path(spec.out, "report.html").read_text()
    assert "0.800" in page and "0.552" in page and "1.048" in page and "draw 3" in page


def test_a_figure_that_one_draw_lacks_is_averaged_over_the_others(spec):
    """And has no interval where one is left."""
    rows = [{"balanced_accuracy": 0.4, "loss": 1.0}, {"balanced_accuracy": 0.6, "loss": None}]
    report = repeats.summary(replace(spec, draws=2), rows, ("balanced_accuracy", "loss"))
    assert report["balanced_accuracy"] == pytest.approx(0.5) and report["loss"] == 1.0
    assert report["interval"].keys() == {"balanced_accuracy"}
    assert report["draws"]["draw 2"] == {"seed": 1, "balanced_accuracy": 0.6, "loss": None}


def test_finished_draws_are_not_trained_again(spec):
    """Stopped in the second draw, before its first epoch: that and the third are trained, the first is taken
    as it is; the summary is that of three draws."""
    with pytest.raises(InputError):
        repeats.run_repeats(spec, None, Training(breaks_at=2))
    first = Path(spec.out, "draw-1", "report.json")
    before = first.read_bytes(), first.stat().st_mtime_ns
    (Path(spec.out, "draw-2", "left.over")).touch()
    training = Training()
    report = repeats.run_repeats(spec, spec.out, training)
    assert [(each.seed, resumed) for each, resumed in training.asked] == [(1, None), (2, None)]
    assert (first.read_bytes(), first.stat().st_mtime_ns) == before
    assert not Path(spec.out, "draw-2", "left.over").exists()
    assert report["balanced_accuracy"] == pytest.approx(0.8)
    again = Training()
    assert repeats.run_repeats(spec, spec.out, again)["draws"] == report["draws"] and again.asked == []


def test_a_draw_with_a_checkpoint_is_gone_on_with(spec):
    """What it has learned is kept."""
    with pytest.raises(InputError):
        repeats.run_repeats(spec, None, Training(breaks_at=2))
    own = Path(spec.out, "draw-2")
    (own / "checkpoint.npz").touch()
    training = Training()
    repeats.run_repeats(spec, spec.out, training)
    assert [resumed for _, resumed in training.asked] == [str(own), None]
    assert (own / "checkpoint.npz").exists()


def test_several_processes_are_refused(spec, monkeypatch):
    """In one line, and nothing is made."""
    monkeypatch.setattr(distributed, "process_count", lambda: 2)
    training = Training()
    with pytest.raises(InputError, match="--draws takes one process: give each draw a --seed") as caught:
        repeats.run_repeats(spec, None, training)
    assert "\n" not in str(caught.value)
    assert training.asked == [] and not Path(spec.out).exists()


def test_the_same_is_trained_without_unlabelled_images_to_compare(spec, tmp_path):
    """In a folder of its own; gain is with less without; figures that are not known are left out."""
    assert repeats.compare_with_labelled_only(spec, tmp_path, {}, Training()) is None
    spec = replace(spec, draws=1, unlabelled="more/")
    training = Training()
    report = {"balanced_accuracy": 0.75, "accuracy": 0.25, "mean_auroc": 0.9, "loss": None}
    rows = repeats.compare_with_labelled_only(spec, tmp_path, report, training)
    own = tmp_path / "labelled_only"
    assert training.asked == [(replace(spec, unlabelled=None, out=str(own)), None)]
    assert rows == {
        "balanced_accuracy": pytest.approx(
            {"labelled_only": 0.7, "with_unlabelled": 0.75, "gain": 0.05}, abs=1e-9
        ),
        "accuracy": pytest.approx({"labelled_only": 0.35, "with_unlabelled": 0.25, "gain": -0.1}, abs=1e-9),
    }
    assert earlier_facts(own)["balanced_accuracy"] == 0.7
    again = Training()
    assert repeats.compare_with_labelled_only(spec, tmp_path, report, again) == rows
    assert again.asked == []
