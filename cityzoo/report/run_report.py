"""Write the report of a run: report.json, report.html, TensorBoard's copy, and a few lines in the console."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo.evaluation.evaluate import BEFORE
from cityzoo.evaluation.run_facts import environment
from cityzoo.fit.more_time import log_gain
from cityzoo.report import pages
from cityzoo.report.local_paths import shorten_paths
from cityzoo.report.tensorboard import write_report_summaries
from cityzoo.report.tensorboard_run import write_run_summaries
from cityzoo.report.trackers import track_run
from cityzoo.report.write import write_report

if TYPE_CHECKING:
    from cityzoo.outputs import Output
    from cityzoo.report.layout import Layout
    from cityzoo.spec import RunFlags
    from cityzoo.tasks import Task

LOG = logging.getLogger(__name__)
FORMAT_VERSION = 2  # of report.json


def write(
    folder: Path, task: Task, output: Output, facts: Mapping[str, Any], metrics: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Write report.json, report.html and TensorBoard's copy of it, and log the main metrics.

    Returns:
        The report, absolute paths shortened to names.
    """
    report = {"format_version": FORMAT_VERSION, "compared": {}, **facts, **metrics, **environment(seed)}
    report["model_card"] = pages.find_model_card(output.page)(report, task.summary)
    report = shorten_paths(report)
    layout, path = _write_page(folder, output, report)
    write_report_summaries(report, layout, folder / "logs")
    write_run_summaries(report, layout, folder / "logs", output.primary_metrics)
    for warning in report.get("warnings", ()):
        LOG.warning("WARNING: %s", warning)
    LOG.info("%s", headline(report, output.primary_metrics, task.modality.unit))
    if output.headline(report):
        LOG.info("%s", output.headline(report))
    for name, found in report["compared"].items():
        if name != BEFORE:
            LOG.info("%s", comparison_line(name, found, output.primary_metrics[0]))
    LOG.info("report: %s", path)
    return report


def finish(
    folder: Path,
    task: Task,
    output: Output,
    facts: Mapping[str, Any],
    metrics: Mapping[str, Any],
    flags: RunFlags,
) -> dict[str, Any]:
    """Write and return the report of a run whose training has ended, log what more time would bring, and track it."""
    report = write(folder, task, output, facts, metrics, flags.seed)
    log_gain(report.get("more_time"))
    track_run(flags.track, folder, flags.task_name, report)
    return report


def add(folder: Path, output: Output, report: Mapping[str, Any]) -> None:
    """Write the report of a run again, with what was added to its numbers."""
    _write_page(folder, output, report)


def _write_page(folder: Path, output: Output, report: Mapping[str, Any]) -> tuple[Layout, Path]:
    layout = pages.find(output.page)(report, output.class_names)
    layout = _with_own_metrics(layout, output.primary_metrics)
    return layout, write_report(folder, report, layout)[1]


def _with_own_metrics(layout: Layout, names: Sequence[str]) -> Layout:
    # A user's own output may have metrics that the page of its parent does not know.
    own = {name: "a metric of this task" for name in names if name not in layout.meanings}
    return replace(layout, meanings={**own, **layout.meanings})


def headline(report: Mapping[str, Any], names: Sequence[str], unit: str = "images") -> str:
    """Return the main metrics of a report in one line.

    Args:
        report: with `split` and the number of examples.
        names: metrics, the most important first.
        unit: what examples are called.

    Example:
        >>> metrics = {"AP": 0.5, "AP50": 0.75, "AP75": None, "before": {"AP": 0.1}}
        >>> print(headline({"split": "val", "n_images": 3, **metrics}, ("AP", "AP50", "AP75")))
        val, 3 images: AP 0.500, AP50 0.750, AP75 -; before fine-tuning AP 0.100
    """
    shown = {name: "-" if report.get(name) is None else f"{report[name]:.3f}" for name in names}
    before = (report.get("before") or {}).get(names[0])
    tail = "" if before is None else f"; before fine-tuning {names[0]} {before:.3f}"
    metrics = ", ".join(f"{name} {value}" for name, value in shown.items())
    return f"{report['split']}, {report[f'n_{unit}']} {unit}: {metrics}{tail}"


def comparison_line(name: str, found: Mapping[str, Any], figure: str) -> str:
    """Return the comparison with another run in one line.

    Args:
        name: of the other run.
        found: result of `cityzoo.evaluation.compare.compare`.
        figure: the metric to name.

    Example:
        >>> row = {"this": 0.5, "other": 0.4, "difference": 0.1, "low": 0.05, "high": 0.15, "verdict": "better"}
        >>> found = {"figures": {"AP": row}, "worse": [{"what": "class bus: AP50", "sure": True}]}
        >>> comparison_line("runs/b", found, "AP")
        'against runs/b: AP +0.100 (95 % interval +0.050 to +0.150), better; significantly worse: class bus: AP50'
    """
    row = found["figures"].get(figure)
    if row is None or row["difference"] is None or row["low"] is None:
        return f"against {name}: too few examples for an interval"
    numbers = f"{row['difference']:+.3f} (95 % interval {row['low']:+.3f} to {row['high']:+.3f})"
    lost = [each["what"] for each in found["worse"] if each["sure"]]
    tail = f"; significantly worse: {', '.join(lost)}" if lost else "; nothing significantly worse"
    return f"against {name}: {figure} {numbers}, {row['verdict']}{tail}"
