"""What is written and logged at the end of a run: all metrics, a user's own ones too."""

import json
import logging
from dataclasses import dataclass

import pytest

from cityzoo import tasks
from cityzoo.outputs.counting import Counting
from cityzoo.report import run_report

ROW = {"this": 0.5, "other": 0.4, "difference": 0.1, "low": 0.05, "high": 0.15, "verdict": "better"}


@dataclass(frozen=True)
class Costly(Counting):
    """Counting with a metric of its own."""

    primary_metrics = ("cost", *Counting.primary_metrics)


@pytest.fixture
def written(tmp_path, caplog):
    """Report, page and log of a run."""
    caplog.set_level(logging.INFO)
    metrics = {"cost": 3.25, "mae": 1.5, "rmse": 2.0, "bias": None, "n_images": 4, "split": "val"}
    other = {"figures": {"cost": ROW}, "worse": []}
    metrics |= {"intervals": {}, "compared": {"runs/b": other}, "slices": {}, "worst_slice": None}
    facts = {
        "task": "vehicle_count",
        "backbone": "vgg16",
        "data": "d",
        "warnings": ["trained from RANDOM weights"],
    }
    task = tasks.find("vehicle_count")
    report = run_report.write(tmp_path, task, Costly(("car",)), {**facts, "findings": {}}, metrics, seed=7)
    return tmp_path, report, caplog.text


def test_report_and_page_have_the_same_numbers(written):
    folder, report, _ = written
    stored = json.loads((folder / "report.json").read_text())
    assert stored["cost"] == report["cost"] == 3.25 and (stored["format_version"], stored["seed"]) == (2, 7)
    page = (folder / "report.html").read_text()
    assert "3.250" in page and "a metric of this task" in page
    assert any((folder / "logs").rglob("*tfevents*"))


def test_warnings_metrics_and_comparisons_are_logged(written):
    """A line for each, the path of the report last."""
    folder, _, log = written
    assert "WARNING: trained from RANDOM weights" in log
    assert "val, 4 images: cost 3.250, mae 1.500, rmse 2.000, bias -" in log
    assert "against runs/b: cost +0.100 (95 % interval +0.050 to +0.150), better" in log
    assert log.rstrip().endswith(str(folder / "report.html"))


def test_comparisons_of_few_examples_have_no_interval():
    few = {"figures": {"AP": {**ROW, "low": None}}, "worse": []}
    assert run_report.comparison_line("b", few, "AP").startswith("against b: too few examples")
    assert "too few" in run_report.comparison_line("b", {"figures": {}, "worse": []}, "AP")
