"""Judge a run's best model on held-out pictures and write its report."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cityzoo import predict
from cityzoo.report.write import write_report

if TYPE_CHECKING:
    import keras

    from cityzoo.kinds import Kind
    from cityzoo.report.layout import Layout
    from cityzoo.sample import PictureSet
    from cityzoo.spec import TrainSpec

LOG = logging.getLogger(__name__)
PACKAGES = ("cityzoo", "tensorflow", "keras", "numpy")


def judge(model: keras.Model, kind: Kind, truth: PictureSet, folder: Path) -> dict[str, Any]:
    """Return the figures of a model on labelled pictures; write its results and the telling cases.

    Args:
        model: a whole, loaded model.
        kind: what its outputs mean.
        truth: the pictures.
        folder: gets the files that `Kind.cases` writes.
    """
    LOG.info("judging on %d %s pictures", len(truth), truth.split)
    found = predict.all_of(model, truth, kind)
    figures = kind.metrics(truth, found)
    cases, speed = kind.cases(truth, found, folder), predict.speed(model)
    return {
        **figures,
        **cases,
        "split": truth.split,
        "latency_ms": {"batch_1_median": speed["latency_ms_batch_1"]},
        "images_per_second": speed["images_per_second"],
    }


def surroundings(seed: int) -> dict[str, Any]:
    """Return where figures were made: device, versions, commit."""
    import keras

    from cityzoo.fit.hardware import device_name

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
        progress: epochs, seconds by phase, figures before the first step.
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
        "before": progress.before,
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


def elsewhere(spec: TrainSpec, kind: Kind, truth: PictureSet, findings: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that change when a run is judged on other pictures than its training held out.

    Before fine-tuning there was something to judge only where the run started from a whole model.
    """
    from cityzoo.model import class_names, load
    from cityzoo.transfer import is_model

    before = None
    if is_model(spec.weights) and Path(spec.weights).is_file():
        earlier = load(spec.weights)
        if class_names(earlier) == kind.class_names:
            before = kind.metrics(truth, predict.all_of(earlier, truth, kind))
    return {"before": before, "data": findings["source"], "findings": findings}


def earlier_facts(folder: Path) -> dict[str, Any]:
    """Return the report that a run has, or nothing where it has none (its training was stopped)."""
    path = folder / "report.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def write(
    folder: Path, kind: Kind, facts: dict[str, Any], figures: dict[str, Any], seed: int
) -> dict[str, Any]:
    """Write report.json and report.html and say the headline.

    Returns:
        The report.
    """
    report = {**facts, **figures, **surroundings(seed)}
    _, page = write_report(folder, report, _with_headline(kind.layout(report), kind.headline))
    for warning in report.get("warnings", ()):
        LOG.warning("WARNING: %s", warning)
    LOG.info("%s", headline(report, kind.headline))
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
        val, 3 pictures: AP 0.500, AP50 0.750, AP75 -; before fine-tuning AP 0.100
    """
    shown = {name: "-" if report.get(name) is None else f"{report[name]:.3f}" for name in names}
    before = (report.get("before") or {}).get(names[0])
    tail = "" if before is None else f"; before fine-tuning {names[0]} {before:.3f}"
    figures = ", ".join(f"{name} {value}" for name, value in shown.items())
    return f"{report['split']}, {report['n_images']} pictures: {figures}{tail}"
