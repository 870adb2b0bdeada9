"""Judge a run's best model on held-out images and write its report."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import predict, tasks
from cityzoo.errors import InputError
from cityzoo.evaluation.evaluate import BEFORE, ComparedRun, analyze
from cityzoo.evaluation.predictions import predicted
from cityzoo.model import load
from cityzoo.report.model_card import model_card
from cityzoo.report.tensorboard import write_report_summaries
from cityzoo.report.write import write_report

if TYPE_CHECKING:
    from cityzoo.fit.run_folder import RunFolder
    from cityzoo.outputs import Output
    from cityzoo.report.layout import Layout
    from cityzoo.sample import ImageSet
    from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)
PACKAGES = ("cityzoo", "tensorflow", "keras", "numpy")
MADE_HOW = (
    *("task", "backbone", "warnings", "weights", "parameters", "solved", "epochs", "seconds", "spec"),
    *("unlabelled", "usual_count"),
)


def evaluate(
    run: RunFolder,
    output: Output,
    truth: ImageSet,
    folder: Path,
    others: Mapping[str, ComparedRun] | None = None,
    seed: int = 0,
    slice_by: str = "auto",
) -> dict[str, Any]:
    """Return the figures of a run's best model on labelled images, beside what it was before; write telling cases.

    What each model says of each image is computed once and kept in the run's folder.

    Args:
        run: with its `model.keras` and, to compare with, `before.keras`.
        output: what outputs mean.
        truth: the images.
        folder: gets the files that `Kind.cases` writes.
        others: other models on the same images, by name.
        seed: of the bootstrap.
        slice_by: see `cityzoo.evaluation.slices.slice_masks`.
    """
    LOG.info("judging on %d %s images", len(truth), truth.split)
    model = load(run.model)
    results = predicted(run.model, output, truth, run.path, model)
    rivals, before = {}, None
    if run.before.is_file():
        earlier = predicted(run.before, output, truth, run.path)
        rivals[BEFORE] = ComparedRun(output.weighted_metrics(truth, earlier))
        before = {n: v for n, v in output.metrics(truth, earlier).items() if not isinstance(v, dict)}
    speed = predict.measure_latency(model)
    return {
        **output.metrics(truth, results),
        **output.write_details(truth, results, folder),
        **analyze(output, truth, results, {**rivals, **(others or {})}, seed, slice_by),
        **({} if before is None else {"before": before}),
        "split": truth.split,
        "latency_ms": {"batch_1_median": speed["latency_ms_batch_1"]},
        "images_per_second": speed["images_per_second"],
    }


def environment(seed: int) -> dict[str, Any]:
    """Return where figures were made: device, versions, commit."""
    import keras

    from cityzoo.fit.devices import device_name

    versions = {"python": platform.python_version()}
    for package in (*PACKAGES, keras.backend.backend()):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"device": device_name(), "versions": versions, "commit": _commit(), "seed": seed}


def _commit() -> str | None:
    here = Path(__file__).parent
    try:
        words = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        found = subprocess.run(words, cwd=here, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return None  # no git on this machine
    return found.stdout.strip() or None


def training_facts(
    spec: TrainSpec,
    findings: dict[str, Any],
    origin: Any,
    parameters: dict[str, int],
    progress: Any,
    seconds: float,
) -> dict[str, Any]:
    """Return what a report says of how the model was made.

    Args:
        spec: resolved.
        findings: of the data check.
        origin: of the weights.
        parameters: trainable, frozen, total.
        progress: epochs, seconds by phase, what computing the head said.
        seconds: of the whole run so far.
    """
    warnings = []
    if origin.kind == "random":
        warnings.append(
            f"trained from RANDOM backbone weights, results are far below what pretrained ones give ({origin.note})"
        )
    return {
        "task": spec.task,
        "backbone": spec.backbone,
        "data": findings["source"],
        "findings": findings,
        "warnings": warnings,
        "weights": asdict(origin),
        "parameters": parameters,
        "solved": progress.solved,
        "epochs": len(progress.history),
        "seconds": {**progress.seconds, "total": seconds},
        "spec": asdict(spec),
    }


def earlier_facts(folder: Path) -> dict[str, Any]:
    """Return the report that a run has, or nothing where it has none (its training was stopped).

    Raises:
        InputError: it is damaged.
    """
    path = folder / "report.json"
    try:
        report = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError as error:
        raise InputError(f"'{path}' is damaged ({error}): remove it, the run is then judged anew") from error
    if not isinstance(report, dict):
        raise InputError(f"'{path}' is damaged (it is no report): remove it, the run is then judged anew")
    return report


def training_provenance(report: dict[str, Any]) -> dict[str, Any]:
    """Return what a report says of how its model was made, which holds on whatever images it is judged.

    Example:
        >>> training_provenance({"task": "vehicle_detect", "AP50": 0.6, "epochs": 38})
        {'task': 'vehicle_detect', 'epochs': 38}
    """
    return {name: report[name] for name in MADE_HOW if name in report}


def write(
    folder: Path, output: Output, facts: dict[str, Any], figures: dict[str, Any], seed: int
) -> dict[str, Any]:
    """Write report.json, report.html and TensorBoard's copy of it, and say the headline.

    Returns:
        The report.
    """
    report = {"compared": {}, **facts, **figures, **environment(seed)}
    report["model_card"] = model_card(report, tasks.find(report["task"]).summary)
    layout = _with_headline(output.layout(report), output.primary_metrics)
    _, page = write_report(folder, report, layout)
    write_report_summaries(report, layout, folder / "logs")
    for warning in report.get("warnings", ()):
        LOG.warning("WARNING: %s", warning)
    LOG.info("%s", headline(report, output.primary_metrics))
    for name, found in report["compared"].items():
        if name != BEFORE:
            LOG.info("%s", comparison_line(name, found, output.primary_metrics[0]))
    LOG.info("report: %s", page)
    return report


def _with_headline(layout: Layout, names: Sequence[str]) -> Layout:
    # A task of one's own may judge by figures that its kind's page does not know.
    own = {name: "a figure of this task" for name in names if name not in layout.meanings}
    return replace(layout, meanings={**own, **layout.meanings})


def headline(report: dict[str, Any], names: Sequence[str]) -> str:
    """Return figures of a report in a line or two.

    Args:
        report: with `split` and `n_images`.
        names: figures to name, the most telling first.

    Example:
        >>> figures = {"AP": 0.5, "AP50": 0.75, "AP75": None, "before": {"AP": 0.1}}
        >>> print(headline({"split": "val", "n_images": 3, **figures}, ("AP", "AP50", "AP75")))
        val, 3 images: AP 0.500, AP50 0.750, AP75 -; before fine-tuning AP 0.100
    """
    shown = {name: "-" if report.get(name) is None else f"{report[name]:.3f}" for name in names}
    before = (report.get("before") or {}).get(names[0])
    tail = "" if before is None else f"; before fine-tuning {names[0]} {before:.3f}"
    figures = ", ".join(f"{name} {value}" for name, value in shown.items())
    return f"{report['split']}, {report['n_images']} images: {figures}{tail}"


def comparison_line(name: str, found: Mapping[str, Any], figure: str) -> str:
    """Return in a line how a run did beside another one.

    Args:
        name: of the other run.
        found: what `cityzoo.evaluation.compare.compare` found.
        figure: the one to name.

    Example:
        >>> row = {"this": 0.5, "other": 0.4, "difference": 0.1, "low": 0.05, "high": 0.15, "verdict": "better"}
        >>> comparison_line("runs/b", {"figures": {"AP": row}, "worse": [{"what": "class bus: AP50", "sure": True}]}, "AP")
        'against runs/b: AP +0.100 (95 % interval +0.050 to +0.150), better; surely got worse: class bus: AP50'
    """
    row = found["figures"].get(figure)
    if row is None or row["difference"] is None or row["low"] is None:
        return f"against {name}: too few images to tell"
    numbers = f"{row['difference']:+.3f} (95 % interval {row['low']:+.3f} to {row['high']:+.3f})"
    lost = [each["what"] for each in found["worse"] if each["sure"]]
    tail = f"; surely got worse: {', '.join(lost)}" if lost else "; nothing surely got worse"
    return f"against {name}: {figure} {numbers}, {row['verdict']}{tail}"
